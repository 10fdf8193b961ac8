"""Verbs of the command line, asked from the desk: what needs heavy libraries, or long, runs in a child process."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Headway:
    """How far a verb is.

    Attributes:
        stage: what it is doing, in words.
        done, total: steps of the stage; total None where unknown.
        left_s: seconds left of the stage; None where unknown.
    """

    stage: str
    done: int = 0
    total: int | None = None
    left_s: float | None = None


class Asked(Protocol):
    """One verb that was asked for; it runs from the call of `answer` on."""

    def answer(self) -> dict[str, Any]:
        """Run the verb and wait for what it answers. Any thread but the desk's own; once.

        Raises:
            SameskuError: it cannot do it, in its own words; or it was ended.
        """

    def headway(self) -> Headway | None:
        """How far it is; None while it has told nothing. Costs the reading of a small file."""

    def cancel(self) -> None:
        """End it, also before it has begun. Returns at once; ending it twice is no error."""


class Verbs(Protocol):
    """The command line, as whoever sits at the desk may use it."""

    def ask(self, *arguments: str) -> Asked:
        """`python -m core ARGUMENTS --json`, on this workspace and under this name. Nothing is started yet."""
