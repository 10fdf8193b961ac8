"""Whether a retrain is expected to improve the matcher's ranking: what it misses that another encoder can bring.

An encoder acts on that ranking in two ways: it brings matches among the candidates that were not, and it moves the
cosine, one of some seventy features, of those that were. The first is by far the greater: in simulated retrains of an
encoder of any quality, about half of the missing matches came first afterwards, but only one in twenty of those that
matcher and encoder both ranked wrongly.
"""

from contextlib import closing
from dataclasses import dataclass

from core.catalog.store import CatalogStore
from core.evaluation.report import load_evaluations
from core.retrieval.candidates import CandidateStore
from core.splits.match_groups import catalogue_gold
from core.splits.split import Splits
from core.stats.wilson import wilson
from core.workspace import Workspace
from labels.wording import counted

#: Shares of queries that a retrain puts right: those whose match is no candidate, and those that matcher and encoder
#: rank wrongly. Of simulated retrains on Walmart-Amazon, see docs/explanation/figures.md.
_FOUND, _REORDERED = 0.45, 0.05
#: Queries that have to be put right, none being lost, for the paired interval of the gain to lie above zero: of fewer,
#: a bootstrap resample has none in more than one case of forty.
_MIN_GAIN = 4.0
#: Queries from which there is a prediction: fewer could not show a significant gain, whatever the encoder is worth.
_MIN_QUERIES = 20

#: What is said instead of a prediction.
UNKNOWN_PROSPECT = "Whether it is worth it is unknown until matches are labelled in the validation stream."


@dataclass(frozen=True, slots=True)
class Prospect:
    """The matcher's ranking now, and what a retrain may add to it.

    Attributes:
        queries: validation queries with a known match.
        first: those whose first candidate, in the matcher's order, is a match.
        missing: those without a match among their candidates.
        misordered: those with one that neither the matcher nor the encoder ranks first.
        f1: F1 of pairs with its 95 % interval by the latest evaluation of this encoder; None without one.
    """

    queries: int
    first: int
    missing: int
    misordered: int
    f1: tuple[float, float, float] | None = None

    @property
    def expected(self) -> float:
        """Queries that a retrain is expected to put right."""
        return _FOUND * self.missing + _REORDERED * self.misordered

    @property
    def worth(self) -> bool:
        """Whether that is enough for a significant gain."""
        return self.expected >= _MIN_GAIN

    @property
    def sentence(self) -> str:
        """The prediction with its figures, in two sentences."""
        if self.queries < _MIN_QUERIES:
            has = counted(self.queries, "validation query has", "validation queries have")
            return f"Whether it is worth it is unknown: {has} a known match, and a prediction takes {_MIN_QUERIES}."
        now, queries = wilson(self.first, self.queries), counted(self.queries, "query", "queries")
        hits = f"{self.first / self.queries:.2f} ({now.low:.2f}–{now.high:.2f})"
        f1 = "" if self.f1 is None else f", F1 of pairs {self.f1[0]:.2f} ({self.f1[1]:.2f}–{self.f1[2]:.2f})"
        verdict = f"Probably {'' if self.worth else 'not '}worth it for the matcher's ranking"
        right = f"about {self.expected:.0f}" if self.expected >= 1 else "fewer than one"
        enough = (
            f", of which a retrain may put {right} right."
            if self.worth
            else f": a retrain may put {right} right, too few for a significant gain."
        )
        return (
            f"{verdict} (the order at the desk): hit@1 is {hits}{f1}. The match is no candidate in {self.missing:,} of"
            f" {queries}, and encoder and matcher both misplace it in {self.misordered:,}{enough}"
        )

    def record(self) -> dict[str, object]:
        """Its values for `--json`."""
        return {
            "queries": self.queries, "hit@1": self.first / self.queries, "missing": self.missing,
            "misordered": self.misordered, "expected": self.expected, "worth": self.worth,
            "f1": None if self.f1 is None else self.f1[0],
            "f1_interval": None if self.f1 is None else list(self.f1[1:]), "sentence": self.sentence,
        }  # fmt: skip


def retrain_prospect(workspace: Workspace, splits: Splits) -> Prospect | None:
    """The prospect of a retrain by the candidates of the validation queries; loads no model.

    None without a validation set, since the matcher has learned the labels of queries that are only held out from the
    encoder; and before the first index run.

    Raises:
        SameskuError: the candidates cannot be read.
    """
    with closing(CandidateStore(workspace.derived)) as store:
        if not splits.manual or store.model is None or not splits.eval_queries:
            return None
        with CatalogStore(workspace.catalog) as catalog:
            gold = catalogue_gold(splits, catalog)
        model, first, missing, misordered = store.model, 0, 0, 0
        for query in splits.eval_queries:
            candidates, matches = store.for_query(query), gold[query]
            found = [each for each in candidates if each.ref in matches]
            if not found:
                missing += 1
            elif candidates[0].ref in matches:
                first += 1
            elif all(each.dense_rank != 1 for each in found):
                misordered += 1
    return Prospect(len(splits.eval_queries), first, missing, misordered, _f1(workspace, model))


def _f1(workspace: Workspace, model: str) -> tuple[float, float, float] | None:
    """F1 and its interval by the latest saved evaluation of an encoder."""
    for each in load_evaluations(workspace).evaluations:
        if each.model == model and each.f1 is not None and (ends := each.pair_intervals.get("f1")):
            return each.f1, *ends
    return None
