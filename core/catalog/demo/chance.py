"""Choices that look random and are not: each follows from the words it is made for.

A hash of the words is used instead of `random`: a choice then depends on its own item only, so adding a
family to the catalogue leaves every other listing as it was.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

#: Stands before the words of every choice; empty for the demo's own catalogue.
_seed: ContextVar[str] = ContextVar("seed", default="")


@contextmanager
def seeded(seed: str) -> Iterator[None]:
    """Let every choice in this block come out otherwise, and the same for the same seed."""
    token = _seed.set(seed)
    try:
        yield
    finally:
        _seed.reset(token)


def draw(*words: str) -> int:
    """A whole number below 2**64, the same for the same words on every machine and in every run."""
    seed = _seed.get()
    digest = hashlib.sha256("\x1f".join((seed, *words) if seed else words).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def happens(share: float, *words: str) -> bool:
    """Whether something that happens in `share` (0 to 1) of all cases happens in this one."""
    return fraction(*words) < share


def fraction(*words: str) -> float:
    """A number in [0, 1)."""
    # 2**53 steps are all that a float can tell apart below 1.
    return (draw(*words) >> 11) / 2**53


def pick(options: Sequence[T], *words: str) -> T:
    """One of the options."""
    return options[draw(*words) % len(options)]


def shuffled(options: Iterable[str], *words: str) -> list[str]:
    """The options in an order of their own."""
    return sorted(options, key=lambda option: draw(*words, option))
