"""Evaluations of the workspace's own validation set, kept as files so that they can be looked at and compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core.errors import CoreError
from core.json_store import load, require_shares, save
from core.matching.bands import Band, default_band
from core.stats.wilson import Precision
from core.workspace import Workspace

#: Of how many evaluations anybody looks at the course.
_MOST = 50

#: A metric by its name, and its 95 % interval.
Metrics = dict[str, float]
Intervals = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of the reliability curve.

    Attributes:
        promised: the mean probability of its pairs.
        true: the share of them that are matches.
        pairs: how many there are.
    """

    promised: float
    true: float
    pairs: int

    def __post_init__(self) -> None:
        require_shares(self.promised, self.true)
        if not 0 < self.pairs < 10**9:
            raise ValueError(f"{self.pairs} pairs")


@dataclass(frozen=True, slots=True)
class FirmBand:
    """A band that gives an answer.

    Attributes:
        band: its name; `prior:high` where no labels stood behind the probabilities.
        cut: from this probability on the answer is a match, or below it none.
        promised: its precision by folds of the training labels.
        measured: its precision on the validation set.
    """

    band: str
    cut: float
    promised: Precision
    measured: Precision

    def __post_init__(self) -> None:
        Band(default_band(self.band))  # refuses what is no band
        for precision in (self.promised, self.measured):
            require_shares(self.cut, precision.low, precision.high)
            if not 0 <= precision.right <= precision.labels < 10**9:
                raise ValueError(f"{precision.right} of {precision.labels}")

    @property
    def answers(self) -> Band:
        """The band itself, calibrated or not."""
        return Band(default_band(self.band))

    @property
    def calibrated(self) -> bool:
        """Whether labels stood behind the probabilities that it was cut through."""
        return self.band == self.answers


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one `samesku evaluate` found; the file holds its whole answer, and this is what is looked at.

    Attributes:
        at: when, ISO 8601 in UTC.
        seconds: how long it took.
        model: the encoder's id.
        judged_on: the validation set with its version, or the held-out queries.
        queries: how many have a known match.
        encoder, lexical, fused, matched: hit@1, mrr@10 and the like of each ranking.
        intervals: theirs, by ranking and name.
        pairs: how many pairs were told apart; 0 where there was no validation set.
        f1, precision, recall, average_precision: of the pairs, at the threshold; None without pairs.
        ece: expected calibration error.
        pair_intervals: of the figures of the pairs, by name.
    """

    at: str
    seconds: float
    model: str
    judged_on: str
    queries: int
    encoder: Metrics
    lexical: Metrics
    fused: Metrics
    matched: Metrics
    intervals: dict[str, Intervals]
    pairs: int = 0
    f1: float | None = None
    precision: float | None = None
    recall: float | None = None
    average_precision: float | None = None
    ece: float | None = None
    threshold: float | None = None
    pair_intervals: Intervals = field(default_factory=dict)
    reliability: tuple[Bin, ...] = ()
    bands: tuple[FirmBand, ...] = ()

    def __post_init__(self) -> None:
        datetime.fromisoformat(self.at)
        if not (0 <= self.seconds < 10**9 and 0 <= self.queries < 10**9 and 0 <= self.pairs < 10**9):
            raise ValueError("counts out of all bounds")

    @property
    def calibrated(self) -> bool:
        """Whether labels stood behind the probabilities of the pairs."""
        return all(band.calibrated for band in self.bands)


@dataclass(frozen=True, slots=True)
class SavedEvaluation:
    """The evaluations that are there.

    Attributes:
        evaluations: the latest first.
        damaged: what cannot be read, a sentence each.
    """

    evaluations: tuple[Evaluation, ...]
    damaged: tuple[str, ...]


def save_evaluation(workspace: Workspace, result: Mapping[str, object]) -> Path:
    """Keep what an evaluation answers; returns its file."""
    stamp = f"{datetime.fromisoformat(str(result['at'])):%Y%m%d-%H%M%S}"
    path = workspace.reports / f"evaluation-{stamp}.json"
    save(path, dict(result))
    return path


def load_evaluations(workspace: Workspace) -> SavedEvaluation:
    """The evaluations that were kept, as many of the latest as anybody looks at."""
    found: list[Evaluation] = []
    damaged = []
    for path in sorted(workspace.reports.glob("evaluation-*.json"), reverse=True)[:_MOST]:
        try:
            found.append(load(path, Evaluation))
        except FileNotFoundError:
            continue  # removed just now
        except CoreError as error:
            damaged.append(error.message)
    return SavedEvaluation(tuple(sorted(found, key=lambda each: each.at, reverse=True)), tuple(damaged))
