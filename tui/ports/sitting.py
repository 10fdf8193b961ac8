"""The sitting: it begins where the last one ended, and the next one is told how it ended."""

from typing import Protocol

from core.sitting.record import Ending
from labels.model import ProductRef


class Sitting(Protocol):
    """One person at one desk, from opening it to leaving it."""

    @property
    def theme(self) -> str:
        """The colours that were chosen at the desk; empty while they are the team's."""

    @property
    def news(self) -> str:
        """How the last sitting ended, where it was not left; else nothing."""

    def resume(self) -> int:
        """Show the query that was left, if it still waits, else the next; returns the candidate to highlight."""

    def note(self, candidate: ProductRef | None, theme: str) -> None:
        """Remember where one is. Costs a write that waits for no disk."""

    def end(self, ending: Ending) -> None:
        """Remember how it ends; only the first word counts."""

    def abandon(self, ending: Ending) -> None:
        """Give the claims back and end, from any thread: the desk itself cannot any more."""
