"""A listing's words, numbers, measures and counts, as the marking of differences sees them."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from itertools import pairwise

from core.text.packs import counts, pack_count
from core.text.quantities import STORAGE_TOLERANCE, TOLERANCE, Quantity, quantities, same_quantity
from core.text.units import COUNTS

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


#: What is shorter may stand behind letters by chance: T6 is not the tail of every code.
_LEAST_TAIL = 5
#: What may be said by the number alone: the sign for inches gets lost on the way, and two-drawer is 2 drawers.
_BARE = COUNTS | {"length"}


class TokenIndex:
    """One side's text, to look the tokens of the other's up in.

    Args:
        text: what is compared.
        beside: what else that side says.
    """

    def __init__(self, text: str, beside: str = "") -> None:
        self._text = text[:LONGEST]
        found = (*tokens(text), *tokens(beside))
        self._words = {token.key for token in found if token.kind in {Kind.WORD, Kind.FILLER, Kind.CODE, Kind.NUMBER}}
        self._words |= {left.key + right.key for left, right in neighbours(found)}
        self._words |= {name for token in found if token.kind in {Kind.MEASURE, Kind.COUNT} for name in token.parts}
        self._tails = {tail for token in found for tail in _tails(token)}
        self._numbers = {token.key for token in found if token.kind is Kind.NUMBER}
        self._counts = {token.key for token in found if token.kind is Kind.COUNT}
        self._measures: dict[str, list[tuple[float, Token]]] = {}
        for token in found:
            if token.quantity is not None:
                self._measures.setdefault(token.quantity.dimension, []).append((token.quantity.value, token))
        for measures in self._measures.values():
            measures.sort(key=lambda measure: measure[0])
        bare = {token.key for dimension in _BARE for _, token in self._measures.get(dimension, [])}
        self._figures = self._numbers | self._tails | bare

    def lacks(self, own: str) -> list[Token]:
        """The tokens of a text that are not said here."""
        found = tokens(own)
        joined = {t.start for pair in neighbours(found) if pair[0].key + pair[1].key in self._words for t in pair}
        lacking = [token.start not in joined and not self._has(token, own) for token in found]
        return [token for at, token in enumerate(found) if lacking[at] or _ties(found, lacking, at)]

    def _has(self, token: Token, own: str) -> bool:
        match token.kind:
            case Kind.FILLER:
                return True
            case Kind.COUNT:
                return token.key in self._counts or _total(own) == _total(self._text) != 0
            case Kind.MEASURE:
                return self._measures_as(token)
            case Kind.NUMBER:
                return token.key in self._figures
            case _:
                return (
                    token.key in self._words
                    or token.key in self._tails
                    or any(tail in self._words for tail in _tails(token))
                    or (bool(token.parts) and all(part in self._words for part in token.parts))
                )

    def _measures_as(self, token: Token) -> bool:
        own = token.quantity
        if own is None:
            return False
        measures = self._measures.get(own.dimension, [])
        if own.dimension in _BARE and not measures:
            return token.key in self._numbers
        reach = own.value * (1 + max(TOLERANCE, STORAGE_TOLERANCE))
        for value, other in measures[bisect_left(measures, 2 * own.value - reach, key=lambda measure: measure[0]) :]:
            if value > reach:
                break
            if other.quantity is not None and _equal(token, own, other, other.quantity):
                return True
        return False


def _ties(found: Sequence[Token], lacking: Sequence[bool], at: int) -> bool:
    """Whether a filler stands between two tokens that are not said: the `and` in `card and case`."""
    return found[at].kind is Kind.FILLER and 0 < at < len(found) - 1 and lacking[at - 1] and lacking[at + 1]


def _total(text: str) -> int:
    """How many items are sold together: `12 ct, pack of 2` is 24; 0 where the text does not say."""
    return pack_count(text[:LONGEST]) or 0


@lru_cache(maxsize=16)  # a query is compared with all its candidates
def token_index(text: str, beside: str = "") -> TokenIndex:
    """What a side says; see `Known`."""
    return TokenIndex(text, beside)


def _equal(one: Token, first: Quantity, other: Token, second: Quantity) -> bool:
    """Whether two measures are one: in one unit the same number, in two what each becomes when it is rounded."""
    if first.unit == second.unit:
        return one.key == other.key
    if not same_quantity(first, second):
        return False
    return first.dimension == "storage" or (_rounds(first, second, other) and _rounds(second, first, one))


def _rounds(quantity: Quantity, written: Quantity, token: Token) -> bool:
    """Whether a quantity, in the unit of another, rounds to what is written there: 4.1 oz to 116 g."""
    decimals = len(token.key.partition(".")[2])
    return round(quantity.value / written.unit.size, decimals) == round(written.amount, decimals)


def neighbours(found: Iterable[Token]) -> Iterator[tuple[Token, Token]]:
    """Neighbours that may be one word elsewhere. Two plain numbers never are: `2 4` is not `24`."""
    for left, right in pairwise(found):
        measured = {left.kind, right.kind} & {Kind.MEASURE, Kind.COUNT}
        if not measured and not (left.key[-1:].isdigit() and right.key[:1].isdigit()):
            yield left, right


def _tails(token: Token) -> Iterator[str]:
    """A maker's number without the two to four letters that a distributor puts before it: `blt33250`."""
    if token.kind is not Kind.CODE:
        return
    for length in (2, 3, 4):
        head, tail = token.key[:length], token.key[length:]
        if head.isalpha() and len(tail) >= _LEAST_TAIL and any(map(str.isdigit, tail)):
            yield tail
