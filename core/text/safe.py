"""Text from outside, made safe for a terminal: inert, and entire.

Titles, attributes and what a model says may hold anything: escape sequences that reach the clipboard, marks that
turn the reading direction round, stacks of accents that run over other lines. `safe` gives what a reader of the
listing would see, in characters that every terminal draws over as many cells as the desk reckons. It knows nothing of
markup: whoever shows the text must not parse it either.

| what | is shown as | why |
| --- | --- | --- |
| tab, line feed and the like, U+2028, U+2029 | a space | it would break a line or a table |
| other C0 controls, DEL | their pictures, `␛` `␇` `␀` | something stood there, and the rest of a sequence is no word |
| C1 controls | what Windows-1252 has there, byte 92 as ’ | that is what they are in a catalogue; else � |
| default-ignorable characters: joiners, variation selectors, bidi marks, soft hyphens, BOM | nothing | no shape |
| overrides of the reading direction | � | a browser would show the letters in another order |
| tags U+E0020 to U+E007E | the ASCII that they hide | nobody can read them, models do |
| regional indicators | their letters, 🇩🇪 as DE | one cell or two, as each terminal likes |
| skin tones behind an emoji | nothing | two cells or none |
| a few signs such as trigrams | � | one cell or two |
| private use, unassigned, noncharacters, half surrogates | � | no shape that anybody agrees on |
| more than four marks on one base, a mark on none | four; ◌ as a base | towers run over other lines |

The rest is put into its composed form (NFC). What is left is as wide in Rich's tables as in glibc's, the sum of its
characters, with two exceptions: what Unicode calls ambiguous (§, ±, and the desk's own ─ and ▲) is wide on a terminal
set up for East Asia, and the spacing vowel signs of Indic scripts take a cell on some terminals, none on others. They
stay, since words need them; the desk puts the cursor in its place behind each.
"""

import re
import unicodedata

#: More marks than any script stacks on one letter (Vietnamese and Hebrew need up to three).
MAX_MARKS = 4

#: Stands for what cannot be shown.
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
#: Rich's tables (Unicode 17) and glibc's say different widths; so do terminals. Found by comparing all of them.
_DISPUTED = re.compile("[\u2630-\u2637\u268a-\u268f\u3248-\u324f\U0001d300-\U0001d376\U0001f3fb-\U0001f3ff]")
_SKIN_TONES = re.compile("(?<=[\u2600-\u27bf\U0001f000-\U0001faff])[\U0001f3fb-\U0001f3ff]")

#: Control, surrogate, private use, unassigned, and format characters that are not ignorable.
_SHAPELESS = {"Cc", "Cs", "Co", "Cn", "Cf"}


def safe(text: str) -> str:
    """The text as it may be shown; see the module for what becomes of which characters.

    `safe(safe(text)) == safe(text)`.
    """
    if text.isascii() and text.isprintable():
        return text
    composed = unicodedata.normalize("NFC", _SKIN_TONES.sub("", text).translate(_SHOWN))
    return _without_towers(composed)


class _Shown(dict[int, str]):
    """What each character is shown as, looked up once; for `str.translate`."""

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


def _without_towers(text: str) -> str:
    """The text with at most `MAX_MARKS` combining marks in a row, and none without a base."""
    marks = "".join(c for c in set(text) if unicodedata.category(c) in {"Mn", "Me", "Mc"})
    if not marks:
        return text
    text = re.sub(f"([{marks}]{{{MAX_MARKS}}})[{marks}]+", r"\1", text)
    return re.sub(rf"(?:^|(?<=\s))(?=[{marks}])", "\N{DOTTED CIRCLE}", text)
