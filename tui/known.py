"""What one side of a pair says, and whether it says what the other does."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from core.text.packs import pack_count
from core.text.quantities import STORAGE_TOLERANCE, TOLERANCE, Quantity
from core.text.quantities import same as same_quantity
from core.text.units import COUNTS
from tui.tokens import LONGEST, Kind, Token, tokens

#: What is shorter may stand behind letters by chance: T6 is not the tail of every code.
_LEAST_TAIL = 5
#: What may be said by the number alone: the sign for inches gets lost on the way, and two-drawer is 2 drawers.
_BARE = COUNTS | {"length"}


class Known:
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
def known(text: str, beside: str = "") -> Known:
    """What a side says; see `Known`."""
    return Known(text, beside)


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
