"""What differs between two texts of products, token by token."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise


class Mark(StrEnum):
    """How much a stretch of text says about a difference."""

    SAME = "same"
    """In both texts, or only spacing and punctuation."""
    OWN = "own"
    """Only in this text."""
    STRONG = "strong"
    """Only in this text, and a number, a measure or a model number: these tell variants apart."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a text; the pieces of a text put together are the text."""

    text: str
    mark: Mark


_UNITS = {
    "inch": r"inch(?:es)?|in\b\.?|\"|”|″|''",
    "foot": r"f(?:oo|ee)t|ft",
    "cm": r"cm|centimet(?:er|re)s?",
    "mm": r"mm|millimet(?:er|re)s?",
    "floz": r"fl\.?\s?oz\.?|fluid\sounces?",
    "oz": r"oz\.?|ounces?",
    "lb": r"lbs?\.?|pounds?",
    "kg": r"kg|kilograms?",
    "g": r"g|grams?",
    "ml": r"ml|millilit(?:er|re)s?",
    "l": r"l|lit(?:er|re)s?",
    "tb": r"tb|terabytes?",
    "gb": r"gb|gigabytes?",
    "mb": r"mb|megabytes?",
    "mp": r"mp|mega-?pixels?",
    "ghz": r"ghz",
    "mhz": r"mhz",
    "hz": r"hz|hertz",
    "w": r"w|watts?",
    "v": r"v|volts?",
    "mah": r"mah",
    "pack": r"packs?|pk|ct|count|pcs?|pieces?",
}

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_MEASURE = re.compile(
    rf"(?P<number>{_NUMBER})[\s-]?(?:" + "|".join(f"(?P<{u}>{p})" for u, p in _UNITS.items()) + r")(?![a-z0-9])"
)
_PACK_OF = re.compile(r"(?:packs?|sets?|box)\sof\s(?P<number>\d+)")
_WORD = re.compile(r"[^\W_]+(?:[-'’./&][^\W_]+)*")
_INNER = re.compile(r"[-'’/&]|\.(?!\d)|(?<!\d)\.")


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    key: str
    strong: bool


@lru_cache(maxsize=64)
def marked(own: str, other: str) -> tuple[Stretch, ...]:
    """`own` in stretches: what `other` has too, and what it has not.

    Case, punctuation, hyphens and the way a measure is written make no difference: `55"`, `55 inch` and
    `55-Inch` are one token, and so are `1TB` and `1 tb`, `EN-EL14` and `EN EL14`.
    """
    tokens = _tokens(own)
    known = _keys(other)
    joined = {token.start for pair in _neighbours(tokens) if pair[0].key + pair[1].key in known for token in pair}
    stretches: list[Stretch] = []
    at = 0
    for token in tokens:
        if token.key in known or token.start in joined:
            continue
        if token.start > at:
            stretches.append(Stretch(own[at : token.start], Mark.SAME))
        mark = Mark.STRONG if token.strong else Mark.OWN
        stretches.append(Stretch(own[token.start : token.end], mark))
        at = token.end
    if at < len(own):
        stretches.append(Stretch(own[at:], Mark.SAME))
    return tuple(stretches)


def same(own: str, other: str) -> bool:
    """Whether the texts differ in nothing but the way they are written."""
    return all(s.mark is Mark.SAME for s in (*marked(own, other), *marked(other, own))) and (
        bool(own.strip()) == bool(other.strip())
    )


def strong_spans(text: str) -> list[tuple[int, int]]:
    """Where numbers, measures and model numbers stand, as (start, end)."""
    return [(token.start, token.end) for token in _tokens(text) if token.strong]


@lru_cache(maxsize=16)
def _keys(text: str) -> frozenset[str]:
    """What the tokens of a text are looked up by: each one, and each two neighbours written as one."""
    tokens = _tokens(text)
    keys = {token.key for token in tokens}
    return frozenset(keys | {left.key + right.key for left, right in _neighbours(tokens)})


def _neighbours(tokens: Sequence[_Token]) -> Iterator[tuple[_Token, _Token]]:
    """Neighbours that may be one word elsewhere. Two plain numbers never are: `2 4` is not `24`."""
    for left, right in pairwise(tokens):
        if not (left.key[-1:].isdigit() and right.key[:1].isdigit()):
            yield left, right


@lru_cache(maxsize=32)  # a query's title is compared with those of all its candidates
def _tokens(text: str) -> tuple[_Token, ...]:
    return tuple(_read(text))


def _read(text: str) -> Iterator[_Token]:
    # Character by character, so that a position in the folded text is one in the text.
    folded = text.lower() if text.isascii() else "".join(map(_fold, text))
    at = 0
    while at < len(folded):
        # A measure begins where no word is going on: `x55in` is one word.
        if found := _MEASURE.match(folded, at):
            unit = found.lastgroup or ""
            yield _Token(at, found.end(), _plain_number(found["number"]) + unit, strong=True)
        elif found := _PACK_OF.match(folded, at):
            yield _Token(at, found.end(), _plain_number(found["number"]) + "pack", strong=True)
        elif found := _WORD.match(folded, at):
            yield from _word(found)
        at = found.end() if found else at + 1


def _word(found: re.Match[str]) -> Iterator[_Token]:
    word = found.group()
    if re.fullmatch(_NUMBER, word):
        yield _Token(found.start(), found.end(), _plain_number(word), strong=True)
        return
    key = _INNER.sub("", word)
    yield _Token(found.start(), found.end(), key, strong=any(c.isnumeric() for c in key))


def _plain_number(number: str) -> str:
    plain = number.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    """One lower-case character without its accent; itself where it stands for several, such as ½."""
    base, *rest = list(unicodedata.normalize("NFKD", character))
    folded = base.casefold() if all(unicodedata.combining(mark) for mark in rest) else character
    return folded if len(folded) == 1 else character
