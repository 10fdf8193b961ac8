"""Saved evaluations on the validation set of the workspace."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core.errors import CoreError
from core.json_store import load, require_shares, save
from core.matching.bands import Band, default_band
from core.stats.wilson import Precision
from core.workspace import Workspace

#: Number of evaluations that are loaded, the latest ones.
_MAX_EVALUATIONS = 50

#: Values and 95 % intervals by metric.
Metrics = dict[str, float]
Intervals = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of the reliability curve.

    Attributes:
        promised: predicted share of matches: the mean probability.
        true: observed share of matches.
        pairs: number of pairs.
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
    """The band high, whose pairs are classified as matches, or low, as non-matches.

    Attributes:
        band: name of the band; `prior:high` if the matcher was not calibrated.
        cut: probability threshold, the lower bound of high or the upper bound of low.
        promised: precision expected from cross-validation on the training labels.
        measured: precision on the validation set.
        promise: precision that the training labels prove with 95 % confidence; 0 in evaluations of earlier versions.
        kept: whether the promise is not above the measured interval; None if the band has no pairs, or is unknown.
        remark: why the band is empty or narrow, or what is missing until its target is proven; else empty.
    """

    band: str
    cut: float
    promised: Precision
    measured: Precision
    promise: float = 0.0
    kept: bool | None = None
    remark: str = ""

    def __post_init__(self) -> None:
        Band(default_band(self.band))  # raises ValueError for another name
        require_shares(self.promise)
        for precision in (self.promised, self.measured):
            require_shares(self.cut, precision.low, precision.high)
            if not 0 <= precision.right <= precision.labels < 10**9:
                raise ValueError(f"{precision.right} of {precision.labels}")

    @property
    def answers(self) -> Band:
        """The band without the prefix `prior:`."""
        return Band(default_band(self.band))

    @property
    def calibrated(self) -> bool:
        """Whether the matcher was fitted to labels."""
        return self.band == self.answers


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Result of `samesku evaluate`: the fields of its JSON answer that are displayed.

    Attributes:
        at: time, ISO 8601 in UTC.
        seconds: duration.
        model: id of the encoder.
        judged_on: the evaluation set: the validation set with its version, or the held-out queries.
        queries: number of queries with a known match.
        encoder, lexical, fused, matched: retrieval metrics of each ranking.
        intervals: their 95 % intervals, by ranking and metric.
        pairs: number of classified pairs; 0 without a validation set.
        f1, precision, recall, average_precision: pair classification metrics; None without pairs.
        ece: expected calibration error.
        pair_intervals: 95 % intervals of the pair metrics, by name.
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
            raise ValueError("a count is out of range")

    @property
    def calibrated(self) -> bool:
        """Whether the matcher was fitted to labels."""
        return all(band.calibrated for band in self.bands)


@dataclass(frozen=True, slots=True)
class SavedEvaluations:
    """The saved evaluations of a workspace.

    Attributes:
        evaluations: the latest first.
        damaged: a sentence for each unreadable file.
    """

    evaluations: tuple[Evaluation, ...]
    damaged: tuple[str, ...]


def save_evaluation(workspace: Workspace, result: Mapping[str, object]) -> Path:
    """Save the answer of an evaluation. Returns its file."""
    stamp = f"{datetime.fromisoformat(str(result['at'])):%Y%m%d-%H%M%S}"
    path = workspace.reports / f"evaluation-{stamp}.json"
    save(path, dict(result))
    return path


def load_evaluations(workspace: Workspace) -> SavedEvaluations:
    """The latest saved evaluations, up to `_MAX_EVALUATIONS`."""
    found: list[Evaluation] = []
    damaged = []
    for path in sorted(workspace.reports.glob("evaluation-*.json"), reverse=True)[:_MAX_EVALUATIONS]:
        try:
            found.append(load(path, Evaluation))
        except FileNotFoundError:
            continue  # removed just now
        except CoreError as error:
            damaged.append(error.message)
    return SavedEvaluations(tuple(sorted(found, key=lambda each: each.at, reverse=True)), tuple(damaged))
