"""Differences between two product texts, token by token."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import takewhile

from core.text.title_tokens import MAX_CHARACTERS, Token, token_index

#: What may separate two words of one marked span.
_JOINERS = {"", "-", "/"}


class Mark(StrEnum):
    """What a span of text means for a difference."""

    SAME = "same"
    """In both texts, or only spacing, punctuation and function words."""
    OWN = "own"
    """Only in this text."""
    STRONG = "strong"
    """Only in this text, and a number, measure or model number, which distinguish variants."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text; concatenated, the spans of a text are the text."""

    text: str
    mark: Mark


@lru_cache(maxsize=64)  # a title is marked for its row, for the panel and for the comparison
def mark_differences(own: str, other: str, beside: str = "") -> tuple[Span, ...]:
    """Split `own` into spans that `other` has too and spans that it lacks.

    Case, accents, punctuation, hyphens, plurals and spellings are ignored: `55"` equals `55-Inch`, `1TB` equals
    `1000 gb`, `2-pack` equals `pack of 2`, `EN-EL14` equals `EN EL14`. Beyond `MAX_CHARACTERS` nothing is marked.

    Args:
        own: the text to mark.
        other: the text to compare it with.
        beside: other text of the other listing, such as its model number; its tokens count as present.
    """
    spans: list[Span] = []
    at = 0
    for start, end, mark in _marked_ranges(own, token_index(other, beside).missing_tokens(own)):
        if start > at:
            spans.append(Span(own[at:start], Mark.SAME))
        spans.append(Span(own[start:end], mark))
        at = end
    if at < len(own):
        spans.append(Span(own[at:], Mark.SAME))
    return tuple(spans)


def covers(own: str, other: str) -> bool:
    """Whether `own` has every token of `other`, in any spelling."""
    if max(len(own), len(other)) > MAX_CHARACTERS:
        return own.casefold().split() == other.casefold().split()
    return bool(own.strip()) >= bool(other.strip()) and not token_index(own).missing_tokens(other)


def mark_model_difference(own: str, other: str) -> list[Span]:
    """Split a model number into spans, marking where it differs from another, as `GT701C` from `GT701R` at its end.

    Compares letters and digits, ignoring hyphens, spaces and case, by common prefix and suffix. If these cover less
    than half of the shorter number, all of it is marked.
    """
    places, mine = _alphanumerics(own)
    theirs = _alphanumerics(other)[1]
    head = _common_prefix(mine, theirs)
    tail = _common_prefix(mine[head:][::-1], theirs[head:][::-1])
    if 2 * (head + tail) < min(len(mine), len(theirs)):
        head = tail = 0
    if head + tail == len(mine):
        return [Span(own, Mark.SAME)] if own else []
    start, end = places[head], places[len(mine) - tail - 1] + 1
    parts = ((own[:start], Mark.SAME), (own[start:end], Mark.STRONG), (own[end:], Mark.SAME))
    return [Span(text, mark) for text, mark in parts if text]


def _common_prefix(one: str, other: str) -> int:
    """Length of the common prefix."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _alphanumerics(text: str) -> tuple[list[int], str]:
    """Positions of the letters and digits of a text, and these characters in lower case."""
    places = [place for place, character in enumerate(text) if character.isalnum()]
    return places, "".join(text[place].lower()[0] for place in places)


def _marked_ranges(own: str, missing: Iterable[Token]) -> list[tuple[int, int, Mark]]:
    """(start, end, mark) of the spans to mark; words with only a space or hyphen between them are merged."""
    runs: list[tuple[int, int, Mark]] = []
    for token in missing:
        mark = Mark.STRONG if token.strong else Mark.OWN
        if runs and mark is Mark.OWN is runs[-1][2] and own[runs[-1][1] : token.start].strip() in _JOINERS:
            runs[-1] = (runs[-1][0], token.end, mark)
        else:
            runs.append((token.start, token.end, mark))
    return runs
