"""Taking the server's key out of what a server says: some repeat what they were sent, in an answer as in an error.

What is looked for is any eight characters of the key in a row: as they are, percent-encoded or escaped, in base64 at
each of its three alignments, standard or URL-safe, and in hexadecimal, broken by white space or not. Letters count
alike in either case.
"""

import base64
import re
from collections.abc import Iterator

#: Stands in the place of the key.
MARK = "[key removed]"

#: Shorter ones, such as `none` or `EMPTY`, are set where a server wants some key, and are words of ordinary answers.
_SHORTEST = 6
#: This many characters of a key in a row are no coincidence.
_WINDOW = 8

_HEX = "([0-9a-fA-F]{2})"
_ESCAPE = re.compile(rf"%(?:25)*{_HEX}|\\u00{_HEX}|\\x{_HEX}|&#[xX]0*{_HEX};|&#0*([0-9]{{2,3}});")
#: The beginning of an escape, where a piece of text breaks off.
_BROKEN_ESCAPE = re.compile(
    r"(%(25)*2?[0-9a-fA-F]?|\\(u0{0,2}[0-9a-fA-F]?|x[0-9a-fA-F]?)?|&(#[xX]?[0-9a-fA-F]{0,7})?)$"
)
_BLANK = re.compile("[\\s\\\\\u00ad\u200b-\u200f\u2060\ufeff]")
#: The URL-safe alphabet of base64 as the standard one.
_ALPHABET = str.maketrans("-_", "+/")


class Redactor:
    """Takes a key out of texts. With an empty or very short key, texts stay as they are."""

    def __init__(self, key: str) -> None:
        self._forms = _forms(key) if len(key) >= _SHORTEST else []
        self._windows = {
            form[at : at + _WINDOW] for form in self._forms for at in range(max(1, len(form) - _WINDOW + 1))
        }
        self._lengths = sorted({len(window) for window in self._windows})

    def redacted(self, text: str) -> str:
        """The text, with a mark for each place where the key, or a part of it, stands."""
        if not self._windows:
            return text
        plain, places = _plain(text)
        parts, done = [], 0
        for start, end in self._spans(plain):
            parts += [text[done : places[start][0]], MARK]
            done = places[end - 1][1]
        return "".join([*parts, text[done:]])

    def split(self, text: str) -> tuple[str, str]:
        """What of a text that goes on can be shown, redacted; and the rest, which may be the beginning of the key."""
        if not self._forms:
            return text, ""
        broken = _BROKEN_ESCAPE.search(text)
        end = broken.start() if broken else len(text)
        plain, places = _plain(text[:end])
        length = 0
        while length < len(plain) and any(plain[len(plain) - length - 1 :] in form for form in self._forms):
            length += 1
        cut = len(plain) - length
        # The last characters of a key that is whole may also begin another encoding of it.
        cut = next((after for start, after in self._spans(plain) if start < cut < after), cut)
        at = places[cut][0] if cut < len(plain) else end
        return self.redacted(text[:at]), text[at:]

    def _spans(self, plain: str) -> Iterator[tuple[int, int]]:
        """Where windows of the key stand, those that touch or overlap as one."""
        start = end = -1
        for at in range(len(plain)):
            found = next((n for n in self._lengths if plain[at : at + n] in self._windows), 0)
            if not found:
                continue
            if at > end:
                if end > 0:
                    yield start, end
                start = at
            end = max(end, at + found)
        if end > 0:
            yield start, end


class RedactedStream:
    """A text that comes piece by piece, without the key; it may be split anywhere."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def next(self, piece: str) -> str:
        """What can be shown by now: all but what may be the beginning of the key."""
        shown, self._held = self._redactor.split(self._held + piece)
        return shown

    def rest(self) -> str:
        """What is left when nothing more comes."""
        held, self._held = self._held, ""
        return self._redactor.redacted(held)


def _forms(key: str) -> list[str]:
    """The key in each encoding, as `_plain` writes it.

    Of base64, the characters that the key alone decides: a character stands for six bits, and what is encoded before
    the key shifts it by 0, 8 or 16.
    """
    raw = key.encode()
    forms = [key, raw.hex()]
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        forms.append(encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6])
    return [_plain(form)[0] for form in forms]


def _plain(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A text without escapes, blanks and capitals, and from where to where each of its characters stood."""
    letters: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        escape = _ESCAPE.match(text, at) if text[at] in "%\\&" else None
        end = escape.end() if escape else at + 1
        letter = _character(escape) if escape else text[at]
        if not _BLANK.match(letter):
            lower = letter.lower().translate(_ALPHABET)
            letters.append(lower)
            places += [(at, end)] * len(lower)
        at = end
    return "".join(letters), places


def _character(escape: re.Match[str]) -> str:
    *hexadecimal, decimal = escape.groups()
    return chr(int(decimal)) if decimal else chr(int(next(filter(None, hexadecimal)), 16))
