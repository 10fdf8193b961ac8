"""Whether there are enough evaluation queries for a promotion, and how to get more."""

from dataclasses import dataclass
from math import ceil

from core.catalog.store import CatalogStore
from core.settings import Settings
from core.splits.split import Splits
from core.workspace import Workspace
from labels.reader import LabelReader
from labels.wording import counted


@dataclass(frozen=True, slots=True)
class EvaluationSize:
    """The size of the evaluation set.

    Attributes:
        queries: evaluation queries with a known match.
        needed: `retrain.min_queries`, below which no encoder is promoted.
        manual: whether they are the validation set; otherwise queries are held out of training.
        answered, drawn: queries of the validation set that are answered, and all of them.
        population: all queries of the catalogue.
        share: `validation.share`.
    """

    queries: int
    needed: int
    manual: bool
    answered: int
    drawn: int
    population: int
    share: float

    @property
    def missing(self) -> int:
        """How many more queries with a match are needed."""
        return max(0, self.needed - self.queries)

    @property
    def sentence(self) -> str:
        """What is missing and how to get it; empty where nothing is."""
        if not self.missing:
            return ""
        kind = "validation" if self.manual else "held-out"
        has = counted(self.queries, f"{kind} query has", f"{kind} queries have")
        return (
            f"No retrain can promote yet: only {has} a known match, {self.missing:,} fewer than retrain.min_queries"
            f" ({self.needed:,}). {self._way}"
        )

    @property
    def _way(self) -> str:
        """What to do next."""
        waiting = self.drawn - self.answered
        if waiting > 0 and (not self.queries or self._answers <= waiting):
            number = f" about {self._answers:,}" if self.queries and self.manual else ""
            return f"Answer{number} more validation queries: samesku review --stream validation"
        share = (self.answered + self._answers) / max(1, self.population)
        if share <= self.share:
            return "samesku index draws validation queries; answer them: samesku review --stream validation"
        if share <= _MAX_SHARE:
            return (
                f"Set validation.share to {ceil(100 * share) / 100:g}, so that samesku index draws enough validation"
                " queries, and answer them: samesku review --stream validation"
            )
        return "The catalogue has too few queries for that: lower retrain.min_queries, and expect wider intervals."

    @property
    def _answers(self) -> int:
        """Further validation answers that are expected to give the missing queries; as many where no rate is known."""
        rate = self.queries / self.answered if self.manual and self.answered >= self.queries > 0 else 1.0
        return ceil(self.missing / rate)


#: Upper limit of `validation.share`.
_MAX_SHARE = 0.9


def evaluation_size(workspace: Workspace, settings: Settings, splits: Splits) -> EvaluationSize:
    """The size of the evaluation set of a workspace.

    Raises:
        SameskuError: labels or catalogue cannot be read.
    """
    with LabelReader(workspace.labels) as reader, CatalogStore(workspace.catalog) as catalog:
        drawn = reader.validation_queries()
        return EvaluationSize(
            queries=len(splits.eval_queries),
            needed=settings.retrain.min_queries,
            manual=splits.manual,
            answered=len(drawn & reader.closed_queries()),
            drawn=len(drawn),
            population=catalog.count("query"),
            share=settings.validation.share,
        )
