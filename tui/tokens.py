"""A listing's words, numbers, measures and counts, as the marking of differences sees them."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from core.text.packs import counts
from core.text.quantities import Quantity, quantities

#: So much of a text is looked at; no title is as long, and a key must not wait for one that is.
LONGEST = 1500


class Kind(Enum):
    """What a token is; all but words and fillers tell variants apart."""

    WORD = auto()
    FILLER = auto()
    """And, of, with: says nothing by itself."""
    NUMBER = auto()
    MEASURE = auto()
    COUNT = auto()
    CODE = auto()
    """Letters and digits mixed: a model number, mostly."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text.

    Attributes:
        key: equal for the same thing however it is written; of a measure and of a count its plain number.
        parts: keys of the words in it: those that hyphens tie to a code, those that name a unit.
        quantity: what a measure measures.
    """

    start: int
    end: int
    kind: Kind
    key: str
    parts: tuple[str, ...] = ()
    quantity: Quantity | None = None

    @property
    def strong(self) -> bool:
        """Whether it tells variants apart."""
        return self.kind not in {Kind.WORD, Kind.FILLER}


_NUMBER = r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?"
_FRACTION = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")
_PLAIN = re.compile(rf"{_NUMBER}|{_FRACTION.pattern}|[¼-¾⅐-⅞]")
#: What ties two measures that share a unit: 24-70mm, 8.5 x 11 in.
_TIE = re.compile(r"\s*(?:[x×/–-]|by|to)?\s*$")
#: Part numbers such as 910-002225 and 98-0440-5155-9; 1998-2002 is none.
_LINKED = r"[0-9]+(?:-[0-9]+){2,}|[0-9]+-[0-9]{5,}|[0-9]{5,}-[0-9]+"
_TOKEN = re.compile(
    rf"(?<![^\W_])(?:{_LINKED}|{_FRACTION.pattern}|{_NUMBER})(?![^\W_])|[¼-¾⅐-⅞]|[^\W_]+(?:[-'’.&][^\W_]+)*"
)
_INNER = re.compile(r"[-'’&]|\.(?!\d)|(?<!\d)\.")
_FILLERS = frozenset({"a", "an", "and", "at", "by", "from", "in", "of", "on", "or", "the", "to", "w", "with", "x"})
_NUMERALS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12,
}  # fmt: skip
_SPELLINGS = {"grey": "gray", "colour": "color", "aluminium": "aluminum", "metre": "meter", "litre": "liter"}


# Titles are looked at again with every candidate and every repaint.
@lru_cache(maxsize=128)
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a text's first `LONGEST` characters, in their order; none overlaps another."""
    folded = _folded(text[:LONGEST])
    found = _counted(folded)
    found += _measured(folded, found)
    found.sort(key=lambda token: token.start)
    whole: list[Token] = []
    at = 0
    for token in found:
        whole += _words(folded, at, token.start)
        whole.append(token)
        at = token.end
    return (*whole, *_words(folded, at, len(folded)))


def _plain(written: str) -> str:
    """A number in one spelling: `1,000.50` is `1000.5`, `½` and `1/2` are `0.5`."""
    if fraction := _FRACTION.fullmatch(written):
        return _short(int(fraction[1]) / int(fraction[2])) if int(fraction[2]) else written
    if not written.isascii():
        return _short(unicodedata.numeric(written[-1]))
    plain = written.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _short(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _folded(text: str) -> str:
    """In lower case and without accents, character by character: a position in it is one in the text."""
    return text.lower() if text.isascii() else "".join(map(_fold, text))


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character)
    folded = plain[0].casefold() if all(map(unicodedata.combining, plain[1:])) else character
    if unicodedata.category(folded[0]) in {"Mn", "Me", "Mc"}:
        return "ˑ"  # a letter, so that a word does not end at a vowel sign
    return folded if len(folded) == 1 else character


def _counted(folded: str) -> list[Token]:
    return [
        Token(count.start, count.end, Kind.COUNT, str(count.number), _names(folded[count.start : count.end]))
        for count in counts(folded)
    ]


def _measured(folded: str, taken: list[Token]) -> list[Token]:
    """The measures that are no counts; of two that share a unit, such as 24-70mm, each is one."""
    found = quantities(folded)
    measures = []
    for place, quantity in enumerate(found):
        start, end = quantity.start, quantity.start + len(quantity.text)
        if place + 1 < len(found) and found[place + 1].start < end:
            end = start + len(_TIE.sub("", folded[start : found[place + 1].start]))
        if all(end <= token.start or token.end <= start for token in taken):
            key, names = _short(quantity.amount), _names(folded[start:end])
            measures.append(Token(start, end, Kind.MEASURE, key, names, quantity))
    return measures


def _names(folded: str) -> tuple[str, ...]:
    """What is measured or counted: `4 ports` holds the word port."""
    return tuple(_singular(word) for word in re.findall(r"[^\W\d_]+", folded))


def _words(folded: str, start: int, end: int) -> list[Token]:
    found: list[Token] = []
    for match in _TOKEN.finditer(folded, start, end):
        word, at = match.group(), match.start()
        if _PLAIN.fullmatch(word):
            found.append(Token(at, match.end(), Kind.NUMBER, _plain(word)))
        elif any(character.isnumeric() for character in word):
            parts = tuple(part for part in word.split("-") if part)
            found.append(Token(at, match.end(), Kind.CODE, _INNER.sub("", word), parts if len(parts) > 1 else ()))
        else:
            found += (_word(part.group(), at + part.start()) for part in re.finditer(r"[^-]+", word))
    return found


def _word(word: str, start: int) -> Token:
    key = _INNER.sub("", word)
    end = start + len(word)
    if key in _NUMERALS:
        return Token(start, end, Kind.NUMBER, str(_NUMERALS[key]))
    return Token(start, end, Kind.FILLER if key in _FILLERS else Kind.WORD, _SPELLINGS.get(key, _singular(key)))


def _singular(word: str) -> str:
    """An English noun without its regular plural; `glass`, `bus` and what is too short stay."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("xes", "zes", "ches", "shes", "sses")) else word[:-1]
