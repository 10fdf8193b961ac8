"""What asking may cost: so many pairs, so many minutes."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.judge.case import Case


class End(StrEnum):
    """Why no more is asked."""

    ALL = "all"
    PAIRS = "pairs"
    MINUTES = "minutes"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be asked at most; None for no limit. What is known already costs nothing.

    Attributes:
        pairs: pairs that a judge is asked about.
        minutes: from the first question on; what a judge has begun by then is still waited for.
    """

    pairs: int | None = None
    minutes: float | None = None


class Allowance:
    """One run's budget, from the moment that it begins.

    Args:
        budget: what there is.
        clock: seconds, for tests.
    """

    def __init__(self, budget: Budget, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget
        self._clock = clock
        self._begun = clock()

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return self._budget.minutes is not None and self.seconds >= 60 * self._budget.minutes

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self._clock() - self._begun

    def most(self, count: int) -> int:
        """How many of so many pairs it allows."""
        return count if self._budget.pairs is None else min(count, self._budget.pairs)

    def affordable(self, cases: "Sequence[Case]") -> "Iterator[Case]":
        """The cases that may be asked about; none after the time is over."""
        for case in cases[: self.most(len(cases))]:
            if self.late:
                return
            yield case
