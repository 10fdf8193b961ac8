"""Redaction of the API key in texts from the server: some servers echo what they were sent, in answers or errors.

Any eight consecutive characters of the key are redacted: in plain text, percent-encoded or escaped, in base64 at each
of its three alignments (standard or URL-safe), and in hexadecimal, with or without white space in between. Case is
ignored.
"""

import base64
import re
from collections.abc import Iterator

#: Replaces the key.
REDACTION_MARK = "[key removed]"

#: Shorter keys, such as `none` or `EMPTY`, are dummies for servers that require some key, and are ordinary words.
_MIN_KEY_LENGTH = 6
#: This many consecutive characters of a key are no coincidence.
_WINDOW = 8

_HEX = "([0-9a-fA-F]{2})"
_ESCAPE = re.compile(rf"%(?:25)*{_HEX}|\\u00{_HEX}|\\x{_HEX}|&#[xX]0*{_HEX};|&#0*([0-9]{{2,3}});")
#: An incomplete escape at the end of a chunk.
_INCOMPLETE_ESCAPE = re.compile(
    r"(%(25)*2?[0-9a-fA-F]?|\\(u0{0,2}[0-9a-fA-F]?|x[0-9a-fA-F]?)?|&(#[xX]?[0-9a-fA-F]{0,7})?)$"
)
#: Characters that may interrupt a key: white space, backslashes, soft hyphens and zero-width characters.
_IGNORED = re.compile("[\\s\\\\\u00ad\u200b-\u200f\u2060\ufeff]")
#: The URL-safe alphabet of base64 to the standard one.
_TO_STANDARD_BASE64 = str.maketrans("-_", "+/")


class Redactor:
    """Redacts a key in texts. With an empty or very short key, texts stay unchanged."""

    def __init__(self, key: str) -> None:
        self._encodings = _normalised_encodings(key) if len(key) >= _MIN_KEY_LENGTH else []
        self._windows = {
            encoding[at : at + _WINDOW]
            for encoding in self._encodings
            for at in range(max(1, len(encoding) - _WINDOW + 1))
        }
        self._lengths = sorted({len(window) for window in self._windows})

    def redact(self, text: str) -> str:
        """The text with each occurrence of the key, or of a part of it, replaced by `REDACTION_MARK`."""
        if not self._windows:
            return text
        normalised, sources = _normalise(text)
        parts, done = [], 0
        for start, end in self._occurrences(normalised):
            parts += [text[done : sources[start][0]], REDACTION_MARK]
            done = sources[end - 1][1]
        return "".join([*parts, text[done:]])

    def split(self, text: str) -> tuple[str, str]:
        """Split incomplete text into a redacted part that is safe to show, and a rest that may begin with the key."""
        if not self._encodings:
            return text, ""
        escape = _INCOMPLETE_ESCAPE.search(text)
        end = escape.start() if escape else len(text)
        normalised, sources = _normalise(text[:end])
        length = 0
        while length < len(normalised) and any(
            normalised[len(normalised) - length - 1 :] in encoding for encoding in self._encodings
        ):
            length += 1
        cut = len(normalised) - length
        # The last characters of a complete key may also begin another encoding of it.
        cut = next((after for start, after in self._occurrences(normalised) if start < cut < after), cut)
        at = sources[cut][0] if cut < len(normalised) else end
        return self.redact(text[:at]), text[at:]

    def _occurrences(self, normalised: str) -> Iterator[tuple[int, int]]:
        """The spans of windows of the key; adjacent and overlapping ones are merged."""
        start = end = -1
        for at in range(len(normalised)):
            length = next((n for n in self._lengths if normalised[at : at + n] in self._windows), 0)
            if not length:
                continue
            if at > end:
                if end > 0:
                    yield start, end
                start = at
            end = max(end, at + length)
        if end > 0:
            yield start, end


class RedactedStream:
    """Redacts a text that arrives in chunks, which may be split anywhere."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._pending = ""

    def feed(self, chunk: str) -> str:
        """Add a chunk; return the text that is safe to show by now."""
        shown, self._pending = self._redactor.split(self._pending + chunk)
        return shown

    def flush(self) -> str:
        """The remaining text, after the last chunk."""
        pending, self._pending = self._pending, ""
        return self._redactor.redact(pending)


def _normalised_encodings(key: str) -> list[str]:
    """The key in each encoding, normalised by `_normalise`.

    A base64 character encodes six bits, so text before the key shifts its encoding by 0, 8 or 16 bits. Only the
    characters that are determined by the key alone are included.
    """
    raw = key.encode()
    encodings = [key, raw.hex()]
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        encodings.append(encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6])
    return [_normalise(encoding)[0] for encoding in encodings]


def _normalise(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Decode escapes, drop ignored characters and convert to lower case.

    Returns:
        the normalised text, and for each of its characters the span in the original text.
    """
    characters: list[str] = []
    sources: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        escape = _ESCAPE.match(text, at) if text[at] in "%\\&" else None
        end = escape.end() if escape else at + 1
        character = _unescape(escape) if escape else text[at]
        if not _IGNORED.match(character):
            lower = character.lower().translate(_TO_STANDARD_BASE64)
            characters.append(lower)
            sources += [(at, end)] * len(lower)
        at = end
    return "".join(characters), sources


def _unescape(escape: re.Match[str]) -> str:
    *hexadecimal, decimal = escape.groups()
    return chr(int(decimal)) if decimal else chr(int(next(filter(None, hexadecimal)), 16))
