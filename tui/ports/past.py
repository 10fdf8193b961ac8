"""What was done before: lists of past queries, and the trail of one's own acts."""

from collections.abc import Callable
from typing import Protocol

from core.past.find import PastPage, Scope
from labels.history import Step
from labels.model import ProductRef


class PastWork(Protocol):
    """The past as the person who sits here may see it. Any thread."""

    def page(
        self, scope: Scope, text: str = "", *, before: int | None = None, wanted: Callable[[], bool] = lambda: True
    ) -> PastPage:
        """Queries of a list that hold every word of a text, latest first.

        `before` is where the page before said that the list goes on; once `wanted` is False, nobody waits for the rest.
        """

    def trail(self, before: int | None = None) -> list[tuple[Step, str]]:
        """One's own acts before an act's number, latest first, each with its query's title; none at the end."""

    def title(self, query: ProductRef) -> str:
        """The title of a query, else its id."""
