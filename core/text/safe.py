"""Sanitizing of untrusted text for display in a terminal.

Titles, attributes and model outputs may contain anything: escape sequences that access the clipboard, marks that
reverse the reading direction, stacks of accents that overflow other lines. `safe` returns what a reader of the listing
would see, in characters whose width all terminals agree on. It does not escape markup: the text must be displayed as
plain text.

| character | is shown as | why |
| --- | --- | --- |
| tab, line feed and the like, U+2028, U+2029 | a space | it would break a line or a table |
| other C0 controls, DEL | their pictures, `␛` `␇` `␀` | shows that an escape sequence was there |
| C1 controls | the Windows-1252 character, byte 92 as ’, else � | the usual reason for them in a catalogue |
| default-ignorable characters: joiners, variation selectors, bidi marks, soft hyphens, BOM | nothing | invisible |
| overrides of the reading direction | � | a browser would show the letters in another order |
| tags U+E0020 to U+E007E | the ASCII characters they encode | invisible to people, but read by models |
| regional indicators | their letters, 🇩🇪 as DE | one cell or two, depending on the terminal |
| skin tones after an emoji | nothing | two cells or none |
| a few symbols such as trigrams | � | one cell or two |
| private use, unassigned, noncharacters, lone surrogates | � | no agreed shape |
| more than four marks on one base, a mark without a base | four; ◌ as a base | stacks overflow other lines |

Everything else is normalized to NFC. The result has the same width in Rich's tables and in glibc's, with two
exceptions: characters of ambiguous width (§, ±, and the desk's own ─ and ▲) are wide on terminals configured for East
Asia, and spacing vowel signs of Indic scripts take one cell or none. Both are kept, since words need them; the desk
positions the cursor after each.
"""

import re
import unicodedata

#: Maximum combining marks on one letter; Vietnamese and Hebrew need up to three.
MAX_MARKS = 4

#: Shown for characters that cannot be displayed.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_BREAKS = "\t\n\x0b\x0c\r\u2028\u2029"
_OVERRIDES = "\u202d\u202e"
_TAGS = range(0xE0020, 0xE007F)
_REGIONAL = range(0x1F1E6, 0x1F200)

#: Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt, which no font has a shape for.
_IGNORABLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
#: Characters whose widths differ between Rich's tables (Unicode 17), glibc's and terminals, found by comparison.
_DISPUTED = re.compile("[\u2630-\u2637\u268a-\u268f\u3248-\u324f\U0001d300-\U0001d376\U0001f3fb-\U0001f3ff]")
_SKIN_TONES = re.compile("(?<=[\u2600-\u27bf\U0001f000-\U0001faff])[\U0001f3fb-\U0001f3ff]")

#: Control, surrogate, private use, unassigned, and format characters that are not ignorable.
_SHAPELESS = {"Cc", "Cs", "Co", "Cn", "Cf"}


def safe(text: str) -> str:
    """A text that is safe to display; see the module's docstring. Idempotent."""
    if text.isascii() and text.isprintable():
        return text
    composed = unicodedata.normalize("NFC", _SKIN_TONES.sub("", text).translate(_SHOWN))
    return _limit_marks(composed)


def shorten(text: str, max_length: int) -> str:
    """A text of at most `max_length` characters, with an ellipsis if it is cut."""
    return text if len(text) <= max_length else text[: max_length - 1].rstrip() + "…"


class _Shown(dict[int, str]):
    """Code point → displayed text, filled on demand; for `str.translate`."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        if _IGNORABLE.match(character):
            character = ""
        elif unicodedata.category(character) in _SHAPELESS or _DISPUTED.match(character):
            character = REPLACEMENT
        self[point] = character
        return character


_SHOWN = _Shown(
    {point: chr(0x2400 + point) for point in range(0x20)}
    | {0x7F: "\N{SYMBOL FOR DELETE}"}
    | {point: bytes([point]).decode("cp1252", "replace") for point in range(0x80, 0xA0)}
    | dict.fromkeys(map(ord, _BREAKS), " ")
    | dict.fromkeys(map(ord, _OVERRIDES), REPLACEMENT)
    | {point: chr(0x20 + place) for place, point in enumerate(_TAGS)}
    | {point: chr(ord("A") + place) for place, point in enumerate(_REGIONAL)}
)


def _limit_marks(text: str) -> str:
    """The text with at most `MAX_MARKS` combining marks in a row, each on a base."""
    marks = "".join(c for c in set(text) if unicodedata.category(c) in {"Mn", "Me", "Mc"})
    if not marks:
        return text
    text = re.sub(f"([{marks}]{{{MAX_MARKS}}})[{marks}]+", r"\1", text)
    return re.sub(rf"(?:^|(?<=\s))(?=[{marks}])", "\N{DOTTED CIRCLE}", text)
