"""What a table of pairs says beside the matcher's word: sources, what people decided, what is out of date."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, make_dataclass, replace
from typing import Any

from core.catalog.store import CatalogStore
from core.dataset.current_labels import current_labels
from core.match.bands import Band
from core.match.table import MatchRow, PairRow
from core.search.indexed_products import IndexState
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Decision, Pair
from labels.store import LabelStore

SOURCES = ("query_source", "candidate_source")
DECISION, OUT_OF_DATE = "decision", "out_of_date"
#: What stands in the column where people disagree.
CONFLICT = "conflict"
_BANDS = {Decision.MATCH.value: Band.HIGH, Decision.NO_MATCH.value: Band.LOW}


@dataclass(frozen=True)
class Columns:
    """The columns behind those of a table's rows; each is there only where it says something.

    Attributes:
        sources: whether ids alone do not tell products apart, since a role has several sources.
        decisions: what people decided, by pair; None where nothing was labelled.
        state: what of the last index run is out of date; its products' rows are marked.
    """

    sources: bool = False
    decisions: Mapping[Pair, str] | None = None
    state: IndexState = field(default_factory=IndexState)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in order."""
        decision = () if self.decisions is None else (DECISION,)
        return (*(SOURCES if self.sources else ()), *decision, *((OUT_OF_DATE,) if self.state.changed else ()))

    def shape(self, base: type[MatchRow] = MatchRow) -> type[MatchRow]:
        """The class of rows with these columns too."""
        if not self.names:
            return base
        return make_dataclass(base.__name__, [(name, str) for name in self.names], bases=(base,), frozen=True)

    def rows(self, pairs: Iterable[PairRow], base: type[MatchRow] = MatchRow) -> Iterator[PairRow]:
        """Rows with these columns. What people decided is certain, and so is its band."""
        shape = self.shape(base)
        for pair, row in pairs:
            values = self._values(pair)
            band = _BANDS.get(values.get(DECISION, ""))
            decided = row if band is None else replace(row, band=band.value)
            cells: dict[str, Any] = {**asdict(decided), **values}
            yield pair, shape(**cells)

    def _values(self, pair: Pair) -> dict[str, str]:
        known = {
            SOURCES[0]: pair.query.source,
            SOURCES[1]: pair.candidate.source,
            DECISION: (self.decisions or {}).get(pair, ""),
            OUT_OF_DATE: "" if self.state.changed.isdisjoint(pair) else "yes",
        }
        return {name: known[name] for name in self.names}


def columns_of(workspace: Workspace, settings: Settings, state: IndexState | None = None) -> Columns:
    """The columns that tables of this workspace want.

    Args:
        workspace: with catalogue and ledger.
        settings: what settles a disagreement.
        state: of the last index run, where rows come from it; None where they were computed just now.

    Raises:
        SameskuError: a file of the workspace cannot be read.
    """
    with CatalogStore(workspace.catalog) as catalog, LabelStore(workspace.labels) as store:
        several = catalog.has_shared_roles
        labels = [label for label in current_labels(store, catalog, settings.labels.rule) if label.people]
    words = {True: Decision.MATCH.value, False: Decision.NO_MATCH.value, None: CONFLICT}
    decisions = {label.pair: words[label.match] for label in labels}
    return Columns(several, decisions or None, state or IndexState())
