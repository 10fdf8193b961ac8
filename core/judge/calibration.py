"""From a judge's log-odds to a probability that keeps its word: beta calibration on labels it was not trained on."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.judge.verdict import Verdict
from core.matching.calibration import BetaCalibration, fit_beta
from core.matching.fitting import IMPLIED_WEIGHT
from core.workspace import Workspace
from labels.consensus import Label
from labels.model import Pair, Strength


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a judge's log-odds into a probability, as `BetaCalibration` has it.

    Attributes:
        judge: whose.
        labels: how many it was fitted to.
        matches: how many of these are matches.
    """

    judge: str
    a: float
    b: float
    c: float
    labels: int
    matches: int

    def __post_init__(self) -> None:
        if not (all(math.isfinite(x) for x in (self.a, self.b, self.c)) and min(self.a, self.b) >= 0):
            raise ValueError("no calibration")

    def probability(self, log_odds: float) -> float:
        """P(match); written without numpy, since one verdict at a time needs it."""
        logit = -self.a * _softplus(-log_odds) + self.b * _softplus(log_odds) + self.c
        return math.exp(-_softplus(-logit))


def calibration_path(workspace: Workspace, judge: str) -> Path:
    """Where the calibration of a judge is kept."""
    return workspace.models / "judge" / f"calibration-{hashlib.sha256(judge.encode()).hexdigest()[:16]}.json"


def fit_calibration(judge: str, labels: list[Label], said: Mapping[Pair, Verdict]) -> Calibration | None:
    """The calibration that fits what a judge said of labelled pairs best; None while there are too few to tell.

    Args:
        judge: its name.
        labels: that it was not trained on.
        said: its verdicts, of these pairs and others.
    """
    known = [
        (log_odds, bool(label.match), IMPLIED_WEIGHT if label.strength is Strength.IMPLIED else 1.0)
        for label in labels
        if label.pair in said and (log_odds := said[label.pair].log_odds) is not None
    ]
    matches = np.array([match for _, match, _ in known], bool)
    found = fit_beta(np.array([log_odds for log_odds, _, _ in known], float), matches, np.array([w for *_, w in known]))
    if found == BetaCalibration():
        return None
    return Calibration(judge, found.a, found.b, found.c, len(known), int(matches.sum()))


def _softplus(x: float) -> float:
    """ln(1 + e^x), for any x."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
