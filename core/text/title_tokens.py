"""Tokenizer for the marking of differences: words, numbers, measures, counts and model numbers of a listing's text."""

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

#: The rest of a longer text is ignored. No real title is as long, and a key press must not wait for one.
MAX_CHARACTERS = 1500


class Kind(Enum):
    """The type of a token; all but words and fillers distinguish variants of a product."""

    WORD = auto()
    FILLER = auto()
    """A function word such as `and`, `of`, `with`."""
    NUMBER = auto()
    MEASURE = auto()
    COUNT = auto()
    CODE = auto()
    """Letters and digits mixed, usually a model number."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text.

    Attributes:
        key: a normal form, equal for all spellings; of a measure or count, its number.
        parts: keys of the words inside: the hyphenated parts of a code, the words of a unit.
        quantity: of a measure.
    """

    start: int
    end: int
    kind: Kind
    key: str
    parts: tuple[str, ...] = ()
    quantity: Quantity | None = None

    @property
    def strong(self) -> bool:
        """Whether it distinguishes variants."""
        return self.kind not in {Kind.WORD, Kind.FILLER}


_NUMBER = r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?"
_FRACTION = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")
_NUMBER_ONLY = re.compile(rf"{_NUMBER}|{_FRACTION.pattern}|[¼-¾⅐-⅞]")
#: Between two measures that share a unit: 24-70mm, 8.5 x 11 in.
_TIE = re.compile(r"\s*(?:[x×/–-]|by|to)?\s*$")
#: Part numbers such as 910-002225 and 98-0440-5155-9, but not 1998-2002.
_LINKED = r"[0-9]+(?:-[0-9]+){2,}|[0-9]+-[0-9]{5,}|[0-9]{5,}-[0-9]+"
_TOKEN = re.compile(
    rf"(?<![^\W_])(?:{_LINKED}|{_FRACTION.pattern}|{_NUMBER})(?![^\W_])|[¼-¾⅐-⅞]|[^\W_]+(?:[-'’.&][^\W_]+)*"
)
_INNER_PUNCTUATION = re.compile(r"[-'’&]|\.(?!\d)|(?<!\d)\.")
_FILLERS = frozenset({"a", "an", "and", "at", "by", "from", "in", "of", "on", "or", "the", "to", "w", "with", "x"})
_NUMERALS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12,
}  # fmt: skip
_SPELLINGS = {"grey": "gray", "colour": "color", "aluminium": "aluminum", "metre": "meter", "litre": "liter"}


# A title is tokenized again for every candidate and every repaint.
@lru_cache(maxsize=128)
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a text's first `MAX_CHARACTERS` characters, in order and without overlap."""
    folded = _fold(text[:MAX_CHARACTERS])
    found = _count_tokens(folded)
    found += _measure_tokens(folded, found)
    found.sort(key=lambda token: token.start)
    whole: list[Token] = []
    at = 0
    for token in found:
        whole += _word_tokens(folded, at, token.start)
        whole.append(token)
        at = token.end
    return (*whole, *_word_tokens(folded, at, len(folded)))


def _number_key(written: str) -> str:
    """The normal form of a number: `1,000.50` is `1000.5`; `½` and `1/2` are `0.5`."""
    if fraction := _FRACTION.fullmatch(written):
        return _format_number(int(fraction[1]) / int(fraction[2])) if int(fraction[2]) else written
    if not written.isascii():
        return _format_number(unicodedata.numeric(written[-1]))
    plain = written.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _format_number(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _fold(text: str) -> str:
    """Lower-case a text and strip its accents, character by character, so that positions stay valid."""
    return text.lower() if text.isascii() else "".join(map(_fold_character, text))


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character)
    folded = plain[0].casefold() if all(map(unicodedata.combining, plain[1:])) else character
    if unicodedata.category(folded[0]) in {"Mn", "Me", "Mc"}:
        return "ˑ"  # a letter, so that a vowel sign does not end a word
    return folded if len(folded) == 1 else character


def _count_tokens(folded: str) -> list[Token]:
    return [
        Token(count.start, count.end, Kind.COUNT, str(count.number), _unit_words(folded[count.start : count.end]))
        for count in counts(folded)
    ]


def _measure_tokens(folded: str, taken: list[Token]) -> list[Token]:
    """The measures that are not counts; each of two that share a unit, as in 24-70mm, is a token."""
    found = quantities(folded)
    measures = []
    for place, quantity in enumerate(found):
        start, end = quantity.start, quantity.start + len(quantity.text)
        if place + 1 < len(found) and found[place + 1].start < end:
            end = start + len(_TIE.sub("", folded[start : found[place + 1].start]))
        if all(end <= token.start or token.end <= start for token in taken):
            key, names = _format_number(quantity.amount), _unit_words(folded[start:end])
            measures.append(Token(start, end, Kind.MEASURE, key, names, quantity))
    return measures


def _unit_words(folded: str) -> tuple[str, ...]:
    """The words of a measure or count: `4 ports` contains `port`."""
    return tuple(_singular(word) for word in re.findall(r"[^\W\d_]+", folded))


def _word_tokens(folded: str, start: int, end: int) -> list[Token]:
    found: list[Token] = []
    for match in _TOKEN.finditer(folded, start, end):
        word, at = match.group(), match.start()
        if _NUMBER_ONLY.fullmatch(word):
            found.append(Token(at, match.end(), Kind.NUMBER, _number_key(word)))
        elif any(character.isnumeric() for character in word):
            parts = tuple(part for part in word.split("-") if part)
            found.append(
                Token(at, match.end(), Kind.CODE, _INNER_PUNCTUATION.sub("", word), parts if len(parts) > 1 else ())
            )
        else:
            found += (_word(part.group(), at + part.start()) for part in re.finditer(r"[^-]+", word))
    return found


def _word(word: str, start: int) -> Token:
    key = _INNER_PUNCTUATION.sub("", word)
    end = start + len(word)
    if key in _NUMERALS:
        return Token(start, end, Kind.NUMBER, str(_NUMERALS[key]))
    return Token(start, end, Kind.FILLER if key in _FILLERS else Kind.WORD, _SPELLINGS.get(key, _singular(key)))


def _singular(word: str) -> str:
    """The singular of a regular English plural; `glass`, `bus` and words under four letters are unchanged."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("xes", "zes", "ches", "shes", "sses")) else word[:-1]


#: Shorter tails of codes match by chance, such as T6.
_MIN_TAIL = 5
#: Dimensions that a number without a unit may match: inch signs get lost in data, and `two-drawer` means 2 drawers.
_UNITLESS = COUNTS | {"length"}


class TokenIndex:
    """An index of one listing's tokens, in which those of another are looked up.

    Args:
        text: the listing's title or value.
        beside: other text of the same listing, such as its brand and model number.
    """

    def __init__(self, text: str, beside: str = "") -> None:
        self._text = text[:MAX_CHARACTERS]
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
        bare = {token.key for dimension in _UNITLESS for _, token in self._measures.get(dimension, [])}
        self._figures = self._numbers | self._tails | bare

    def missing_tokens(self, own: str) -> list[Token]:
        """The tokens of a text that this listing does not have."""
        found = tokens(own)
        joined = {t.start for pair in neighbours(found) if pair[0].key + pair[1].key in self._words for t in pair}
        missing = [token.start not in joined and not self._contains(token, own) for token in found]
        return [token for at, token in enumerate(found) if missing[at] or _is_filler_between(found, missing, at)]

    def _contains(self, token: Token, own: str) -> bool:
        match token.kind:
            case Kind.FILLER:
                return True
            case Kind.COUNT:
                return token.key in self._counts or _pack_total(own) == _pack_total(self._text) != 0
            case Kind.MEASURE:
                return self._contains_measure(token)
            case Kind.NUMBER:
                return token.key in self._figures
            case _:
                return (
                    token.key in self._words
                    or token.key in self._tails
                    or any(tail in self._words for tail in _tails(token))
                    or (bool(token.parts) and all(part in self._words for part in token.parts))
                )

    def _contains_measure(self, token: Token) -> bool:
        own = token.quantity
        if own is None:
            return False
        measures = self._measures.get(own.dimension, [])
        if own.dimension in _UNITLESS and not measures:
            return token.key in self._numbers
        reach = own.value * (1 + max(TOLERANCE, STORAGE_TOLERANCE))
        for value, other in measures[bisect_left(measures, 2 * own.value - reach, key=lambda measure: measure[0]) :]:
            if value > reach:
                break
            if other.quantity is not None and _same_measure(token, own, other, other.quantity):
                return True
        return False


def _is_filler_between(found: Sequence[Token], missing: Sequence[bool], at: int) -> bool:
    """Whether a filler is between two missing tokens, as the `and` in `card and case`."""
    return found[at].kind is Kind.FILLER and 0 < at < len(found) - 1 and missing[at - 1] and missing[at + 1]


def _pack_total(text: str) -> int:
    """The total number of items: 24 for `12 ct, pack of 2`; 0 if not stated."""
    return pack_count(text[:MAX_CHARACTERS]) or 0


@lru_cache(maxsize=16)  # a query is compared with all of its candidates
def token_index(text: str, beside: str = "") -> TokenIndex:
    """The cached `TokenIndex` of a text."""
    return TokenIndex(text, beside)


def _same_measure(one: Token, first: Quantity, other: Token, second: Quantity) -> bool:
    """Whether two measures are equal: the same number in one unit, or equal after rounding in two units."""
    if first.unit == second.unit:
        return one.key == other.key
    if not same_quantity(first, second):
        return False
    return first.dimension == "storage" or (_rounds_to(first, second, other) and _rounds_to(second, first, one))


def _rounds_to(quantity: Quantity, written: Quantity, token: Token) -> bool:
    """Whether a quantity converted to the other's unit rounds to the number written there: 4.1 oz to 116 g."""
    decimals = len(token.key.partition(".")[2])
    return round(quantity.value / written.unit.size, decimals) == round(written.amount, decimals)


def neighbours(found: Iterable[Token]) -> Iterator[tuple[Token, Token]]:
    """Neighbouring tokens that may be one word elsewhere; never two plain numbers: `2 4` is not `24`."""
    for left, right in pairwise(found):
        measured = {left.kind, right.kind} & {Kind.MEASURE, Kind.COUNT}
        if not measured and not (left.key[-1:].isdigit() and right.key[:1].isdigit()):
            yield left, right


def _tails(token: Token) -> Iterator[str]:
    """A model number without a distributor's prefix of two to four letters, as in `blt33250`."""
    if token.kind is not Kind.CODE:
        return
    for length in (2, 3, 4):
        head, tail = token.key[:length], token.key[length:]
        if head.isalpha() and len(tail) >= _MIN_TAIL and any(map(str.isdigit, tail)):
            yield tail
