"""Comparison of two encoders query by query, saved as a file among the reports."""

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from core.errors import CoreError
from core.json_store import load, require_shares, save
from core.workspace import Workspace
from labels.model import ProductRef

#: Display names of the rankings: dense index, lexical index, fusion of both, and the fused candidates by probability.
RANKING_NAMES = {"encoder": "dense", "lexical": "lexical", "fused": "hybrid", "matched": "matcher"}

#: Display names of the pair metrics of a comparison: those in [0, 1], higher is better. `f1` is that of the matcher,
#: the others are of the similarity of the encoder.
PAIR_METRIC_NAMES = {
    "f1": "F1, matcher",
    "auc_roc": "AUC-ROC",
    "average_precision": "Average precision",
    "best_f1": "Best F1",
    "cluster_purity": "Cluster purity",
}

#: Version of the file format.
_FORMAT = 1


class Outcome(StrEnum):
    """Direction of the change of one query."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Place:
    """Result of one ranking for a query.

    Attributes:
        rank: rank of the first known match, from 1; None if it is not in the top ten.
        first: title of the top candidate.
    """

    rank: int | None
    first: str

    def __post_init__(self) -> None:
        if self.rank is not None and not 1 <= self.rank <= 10**6:
            raise ValueError(f"{self.rank} is not a rank")


@dataclass(frozen=True, slots=True)
class Move:
    """Results of both encoders for a query."""

    before: Place
    after: Place

    @property
    def outcome(self) -> Outcome:
        """Better if the match moved up; a match that is not found ranks last."""
        before, after = (place.rank or 10**6 + 1 for place in (self.before, self.after))
        return Outcome.SAME if before == after else Outcome.BETTER if after < before else Outcome.WORSE


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """An evaluation query.

    Attributes:
        match: the known match; of several, the one that ranks first now.
        moves: by ranking.
    """

    query: ProductRef
    title: str
    match: ProductRef
    match_title: str
    moves: dict[str, Move]


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric in [0, 1] with its 95 % interval, which is None if all queries have the same value."""

    value: float
    interval: tuple[float, float] | None

    def __post_init__(self) -> None:
        require_shares(self.value, *(self.interval or ()))


@dataclass(frozen=True, slots=True)
class Change:
    """A metric of both encoders, and its difference on the same queries.

    Attributes:
        by: difference, after − before.
        interval: 95 % interval of the difference; None if it is the same for all queries.
    """

    before: Figure
    after: Figure
    by: float
    interval: tuple[float, float] | None

    def __post_init__(self) -> None:
        require_shares(*(abs(end) for end in (self.by, *(self.interval or ()))))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two encoders on the same evaluation queries.

    Attributes:
        before, after: ids of the encoders.
        at: time of the comparison, ISO 8601 in UTC.
        seconds: duration.
        judged_on: the evaluation set: the validation set with its version, or the held-out queries.
        rankings: keys of `RANKING_NAMES` that were compared.
        changes: by ranking and metric.
        queries: all evaluation queries.
        pairs: the change of each of `PAIR_METRIC_NAMES` that was measured; a retrain measures `f1` alone.
    """

    before: str
    after: str
    at: str
    seconds: float
    judged_on: str
    rankings: tuple[str, ...]
    changes: dict[str, dict[str, Change]]
    queries: tuple[JudgedQuery, ...]
    pairs: dict[str, Change] = field(default_factory=dict)
    format: int = _FORMAT

    def __post_init__(self) -> None:
        rankings = set(self.rankings)
        if self.format != _FORMAT or not rankings <= self.changes.keys() or not rankings:
            raise ValueError("a ranking without metrics")
        if any(not {"hit@1", "mrr@10"} <= self.changes[name].keys() for name in rankings):
            raise ValueError("a metric is missing")
        if any(not rankings <= query.moves.keys() for query in self.queries):
            raise ValueError("a query without a ranking")

    def counts(self, ranking: str) -> dict[Outcome, int]:
        """Number of queries per outcome."""
        found = Counter(query.moves[ranking].outcome for query in self.queries)
        return {outcome: found[outcome] for outcome in Outcome}

    def reversed(self) -> "Comparison":
        """The comparison with `before` and `after` swapped."""

        def change(old: Change) -> Change:
            interval = old.interval and (-old.interval[1], -old.interval[0])
            return Change(old.after, old.before, -old.by, interval)

        return replace(
            self,
            before=self.after,
            after=self.before,
            changes={r: {name: change(old) for name, old in of.items()} for r, of in self.changes.items()},
            pairs={name: change(old) for name, old in self.pairs.items()},
            queries=tuple(
                replace(query, moves={r: Move(move.after, move.before) for r, move in query.moves.items()})
                for query in self.queries
            ),
        )


def comparison_path(workspace: Workspace, before: str, after: str) -> Path:
    """The file of the comparison of two encoders."""
    return workspace.reports / f"comparison-{before}-to-{after}.json"


def save_comparison(workspace: Workspace, comparison: Comparison) -> Path:
    """Save a comparison, replacing an older one of the same encoders. Returns its file."""
    path = comparison_path(workspace, comparison.before, comparison.after)
    save(path, asdict(comparison))
    # An older comparison in the other direction.
    comparison_path(workspace, comparison.after, comparison.before).unlink(missing_ok=True)
    return path


def load_comparison(workspace: Workspace, before: str, after: str) -> Comparison | None:
    """The saved comparison of two encoders, in either direction; None if there is none.

    Raises:
        CoreError: its file is damaged.
    """
    for first, second in ((before, after), (after, before)):
        path = comparison_path(workspace, first, second)
        try:
            found = load(path, Comparison)
        except FileNotFoundError:
            continue
        if (found.before, found.after) != (first, second):
            raise CoreError(f"{path.name} is about other encoders.", f"Move it away: {path}")
        return found if first == before else found.reversed()
    return None


def load_comparisons(workspace: Workspace) -> tuple[list[Comparison], list[str]]:
    """All saved comparisons, the latest first, and a sentence for each unreadable one."""
    found, damaged = [], []
    for path in sorted(workspace.reports.glob("comparison-*.json")):
        try:
            found.append(load(path, Comparison))
        except FileNotFoundError:
            continue  # removed just now
        except CoreError as error:
            damaged.append(error.message)
    return sorted(found, key=lambda each: each.at, reverse=True), damaged
