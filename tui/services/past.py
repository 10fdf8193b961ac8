"""The past of a workspace."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from core.catalog.store import CatalogStore
from core.past.find import PastFinder, PastPage, Scope
from labels.claims import Claims
from labels.history import Step, trail
from labels.model import ProductRef
from labels.reading import LabelReader

#: Beyond the last event there is.
_END = 2**62
#: A screen's worth, and a bit.
_MOST = 50


@dataclass(frozen=True, slots=True)
class DeskPast:
    """A `tui.ports.past.PastWork`; each call has connections of its own, since SQLite's stay in their thread.

    Attributes:
        overlap: share of the queries that two people answer, each alone.
        lead: whether the person sees what others wrote wherever it is.
    """

    ledger: Path
    catalog: CatalogStore
    annotator: str
    overlap: float
    lead: bool

    def page(
        self, scope: Scope, text: str = "", *, before: int | None = None, wanted: Callable[[], bool] = lambda: True
    ) -> PastPage:
        """Queries of a list that hold every word of a text, latest first, with who has them on the screen."""
        with LabelReader(self.ledger) as reader, closing(Claims(self.ledger)) as claims:
            finder = PastFinder(reader, self.catalog, self.annotator, self.overlap, self.lead)
            found = finder.page(scope, text, before=before, wanted=wanted)
            held = claims.held_by_others(self.annotator)
        return replace(found, rows=tuple(replace(row, held_by=held.get(row.query, "")) for row in found.rows))

    def trail(self, before: int | None = None) -> list[tuple[Step, str]]:
        """One's own acts before an act's number, latest first, each with its query's title."""
        with LabelReader(self.ledger) as reader:
            steps = trail(reader, self.annotator, before=_END if before is None else before, most=_MOST)
        titles = self.catalog.titles(step.past.query for step in steps)
        return [(step, titles.get(step.past.query) or step.past.query.id) for step in steps]

    def title(self, query: ProductRef) -> str:
        """The title of a query, else its id."""
        return self.catalog.titles([query]).get(query) or query.id
