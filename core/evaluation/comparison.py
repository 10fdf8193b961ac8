"""Two encoders query by query: what got better and what got worse, kept as a file beside the other reports."""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from core.errors import CoreError
from core.json_store import load, require_shares, save
from core.workspace import Workspace
from labels.model import ProductRef

#: Counts up when the file comes to hold something else.
_FORMAT = 1


class Outcome(StrEnum):
    """What became of one query."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Place:
    """What one encoder makes of a query.

    Attributes:
        rank: of the first known match, from 1; None where there is none among the ten.
        first: the title of what stands first.
    """

    rank: int | None
    first: str

    def __post_init__(self) -> None:
        if self.rank is not None and not 1 <= self.rank <= 10**6:
            raise ValueError(f"{self.rank} is no rank")


@dataclass(frozen=True, slots=True)
class Move:
    """Where a query's known match stood, and where it stands."""

    before: Place
    after: Place

    @property
    def outcome(self) -> Outcome:
        """Better where the match moved up; one that is not found is behind all that are."""
        before, after = (place.rank or 10**6 + 1 for place in (self.before, self.after))
        return Outcome.SAME if before == after else Outcome.BETTER if after < before else Outcome.WORSE


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """One judged query.

    Attributes:
        match: the known match; where there are several, the one that stands first now.
        moves: by ranking.
    """

    query: ProductRef
    title: str
    match: ProductRef
    match_title: str
    moves: dict[str, Move]


@dataclass(frozen=True, slots=True)
class Figure:
    """A share or a mean of shares, with its 95 % interval; None where all queries are alike."""

    value: float
    interval: tuple[float, float] | None

    def __post_init__(self) -> None:
        require_shares(self.value, *(self.interval or ()))


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of both encoders, and how it changed on the same queries.

    Attributes:
        by: after less before.
        interval: 95 %, of the difference; None where it is the same for all queries.
    """

    before: Figure
    after: Figure
    by: float
    interval: tuple[float, float] | None

    def __post_init__(self) -> None:
        require_shares(*(abs(end) for end in (self.by, *(self.interval or ()))))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two encoders on the same judged queries.

    Attributes:
        before, after: their ids.
        at: when they were compared, ISO 8601 in UTC.
        seconds: how long it took.
        judged_on: the validation set with its version, or the held-out queries.
        rankings: the names of the rankings: the encoder alone, fused with the lexical retriever, in the matcher's
            order.
        changes: of hit@1, mrr@10 and the like, by ranking and name.
        queries: all that were judged.
    """

    before: str
    after: str
    at: str
    seconds: float
    judged_on: str
    rankings: tuple[str, ...]
    changes: dict[str, dict[str, Change]]
    queries: tuple[JudgedQuery, ...]
    format: int = _FORMAT

    def __post_init__(self) -> None:
        wanted = set(self.rankings)
        if self.format != _FORMAT or not wanted <= self.changes.keys() or not wanted:
            raise ValueError("a ranking without figures")
        if any(not {"hit@1", "mrr@10"} <= self.changes[name].keys() for name in wanted):
            raise ValueError("a figure is missing")
        if any(not wanted <= query.moves.keys() for query in self.queries):
            raise ValueError("a query without a ranking")

    def counts(self, ranking: str) -> dict[Outcome, int]:
        """How many queries got better, worse, and stayed the same."""
        found = Counter(query.moves[ranking].outcome for query in self.queries)
        return {outcome: found[outcome] for outcome in Outcome}

    def turned(self) -> "Comparison":
        """The same, seen from the other side."""

        def change(old: Change) -> Change:
            interval = old.interval and (-old.interval[1], -old.interval[0])
            return Change(old.after, old.before, -old.by, interval)

        return replace(
            self,
            before=self.after,
            after=self.before,
            changes={r: {name: change(old) for name, old in of.items()} for r, of in self.changes.items()},
            queries=tuple(
                replace(query, moves={r: Move(move.after, move.before) for r, move in query.moves.items()})
                for query in self.queries
            ),
        )


def comparison_path(workspace: Workspace, before: str, after: str) -> Path:
    """Where the comparison of two encoders is kept."""
    return workspace.reports / f"comparison-{before}-to-{after}.json"


def save_comparison(workspace: Workspace, comparison: Comparison) -> Path:
    """Write a comparison in the place of an older one of the same two. Returns its file."""
    path = comparison_path(workspace, comparison.before, comparison.after)
    save(path, asdict(comparison))
    # The other way round it would be an older one.
    comparison_path(workspace, comparison.after, comparison.before).unlink(missing_ok=True)
    return path


def load_comparison(workspace: Workspace, before: str, after: str) -> Comparison | None:
    """The comparison of two encoders, whichever way round it was made; None where there is none.

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
        return found if first == before else found.turned()
    return None


def load_comparisons(workspace: Workspace) -> tuple[list[Comparison], list[str]]:
    """The comparisons of the workspace, the latest first; and what cannot be read, a sentence each."""
    found, damaged = [], []
    for path in sorted(workspace.reports.glob("comparison-*.json")):
        try:
            found.append(load(path, Comparison))
        except FileNotFoundError:
            continue  # removed just now
        except CoreError as error:
            damaged.append(error.message)
    return sorted(found, key=lambda each: each.at, reverse=True), damaged


#: The encoder alone; the lexical retriever alone; both fused, as an index run keeps them; these as the matcher orders
#: them.
RANKING_NAMES = {"encoder": "dense", "lexical": "lexical", "fused": "hybrid", "matched": "matcher"}
