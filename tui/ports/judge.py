"""The judge, as the desk may ask it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.catalog.product import Product
from core.judge.verdict import Verdict
from labels.model import ProductRef


@dataclass(frozen=True, slots=True)
class Counsel:
    """A verdict, and what the judge is worth by the latest measurement, a sentence."""

    verdict: Verdict
    worth: str


class JudgeSeat(Protocol):
    """A process beside the desk that gives second opinions; nothing waits for it."""

    @property
    def trouble(self) -> str:
        """Why there is no judge to ask, one sentence with the way out; empty where there is one."""

    def verdict(self, query: Product, candidate: Product, heard: Callable[[str], None]) -> Counsel:
        """Ask about a pair. Any thread but the desk's own; takes its time.

        Args:
            query: the product under review.
            candidate: what it may equal.
            heard: is given what the judge says, piece by piece, on another thread.

        Raises:
            EngineError: it cannot tell, was hushed, or is not there.
        """

    def known(self, query: ProductRef, candidates: Sequence[ProductRef]) -> dict[ProductRef, Verdict]:
        """What it says of a query's candidates: what it has said before, or all of it where it judges ahead.

        Any thread but the desk's own; takes its time.

        Raises:
            EngineError: it is not there, or something else was asked meanwhile.
        """

    def hush(self) -> None:
        """Let it stop what it is saying. Returns at once."""

    def close(self) -> None:
        """Let it end."""
