"""What differs between two texts of products, token by token."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import takewhile

from tui.review.tokens import LONGEST, Token, token_index, tokens

#: Between two words of one stretch.
_BONDS = {"", "-", "/"}


class Mark(StrEnum):
    """How much a stretch of text says about a difference."""

    SAME = "same"
    """In both texts, or only spacing, punctuation and words like `and`."""
    OWN = "own"
    """Only in this text."""
    STRONG = "strong"
    """Only in this text, and a number, a measure or a model number: these tell variants apart."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a text; the pieces of a text put together are the text."""

    text: str
    mark: Mark


@lru_cache(maxsize=64)  # a title is marked for its row, for the panel and for the comparison
def marked(own: str, other: str, beside: str = "") -> tuple[Stretch, ...]:
    """`own` in stretches: what `other` has too, and what it has not.

    Case, accents, punctuation, hyphens, plurals and the way a thing is written make no difference: `55"` and
    `55-Inch` are one token, and so are `1TB` and `1000 gb`, `2-pack` and `pack of 2`, `EN-EL14` and `EN EL14`. Past
    `tokens.LONGEST` nothing is marked.

    Args:
        own: the text to mark.
        other: the text that it is marked against.
        beside: what else the other side says, such as its model number: that is no difference either.
    """
    stretches: list[Stretch] = []
    at = 0
    for start, end, mark in _runs(own, token_index(other, beside).lacks(own)):
        if start > at:
            stretches.append(Stretch(own[at:start], Mark.SAME))
        stretches.append(Stretch(own[start:end], mark))
        at = end
    if at < len(own):
        stretches.append(Stretch(own[at:], Mark.SAME))
    return tuple(stretches)


def holds(own: str, other: str) -> bool:
    """Whether `own` says all that `other` says, however it is written."""
    if max(len(own), len(other)) > LONGEST:
        return own.casefold().split() == other.casefold().split()
    return bool(own.strip()) >= bool(other.strip()) and not token_index(own).lacks(other)


def same(own: str, other: str) -> bool:
    """Whether the texts differ in nothing but the way they are written."""
    return holds(own, other) and holds(other, own)


def apart(own: str, other: str) -> list[Stretch]:
    """A model number in stretches: where it differs from another, as `GT701C` from `GT701R` in its end.

    They are looked at letter by letter, and hyphens, blanks and case make no difference. Where less than half is
    alike, all of it is marked.
    """
    places, mine = _bare(own)
    theirs = _bare(other)[1]
    head = _alike(mine, theirs)
    tail = _alike(mine[head:][::-1], theirs[head:][::-1])
    if 2 * (head + tail) < min(len(mine), len(theirs)):
        head = tail = 0
    if head + tail == len(mine):
        return [Stretch(own, Mark.SAME)] if own else []
    start, end = places[head], places[len(mine) - tail - 1] + 1
    parts = ((own[:start], Mark.SAME), (own[start:end], Mark.STRONG), (own[end:], Mark.SAME))
    return [Stretch(text, mark) for text, mark in parts if text]


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _bare(text: str) -> tuple[list[int], str]:
    """The letters and digits of a text in lower case, and where each stands."""
    places = [place for place, character in enumerate(text) if character.isalnum()]
    return places, "".join(text[place].lower()[0] for place in places)


def strong_spans(text: str) -> list[tuple[int, int]]:
    """Where numbers, measures and model numbers stand, as (start, end)."""
    return [(token.start, token.end) for token in tokens(text) if token.strong]


def _runs(own: str, unknown: Iterable[Token]) -> list[tuple[int, int, Mark]]:
    """(start, end, mark) of what is to be marked; words with nothing but a space or a hyphen between them are one."""
    runs: list[tuple[int, int, Mark]] = []
    for token in unknown:
        mark = Mark.STRONG if token.strong else Mark.OWN
        if runs and mark is Mark.OWN is runs[-1][2] and own[runs[-1][1] : token.start].strip() in _BONDS:
            runs[-1] = (runs[-1][0], token.end, mark)
        else:
            runs.append((token.start, token.end, mark))
    return runs
