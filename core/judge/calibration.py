"""Calibration of a judge: its log-odds to a calibrated probability, by beta calibration on labels outside training."""

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
    """A fitted beta calibration of one judge; see `core.matching.calibration.BetaCalibration`.

    Attributes:
        judge: name of the judge.
        a, b, c: coefficients; a, b ≥ 0 keep the order of the scores.
        labels: number of labelled pairs that it was fitted on.
        matches: number of matches among them.
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
        """P(match), in plain Python because verdicts are calibrated one at a time."""
        logit = -self.a * _softplus(-log_odds) + self.b * _softplus(log_odds) + self.c
        return math.exp(-_softplus(-logit))


def _softplus(x: float) -> float:
    """ln(1 + e^x), without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def calibration_path(workspace: Workspace, judge: str) -> Path:
    """The calibration file of a judge."""
    return workspace.models / "judge" / f"calibration-{hashlib.sha256(judge.encode()).hexdigest()[:16]}.json"


def fit_calibration(judge: str, labels: list[Label], verdicts: Mapping[Pair, Verdict]) -> Calibration | None:
    """Fit the calibration to the verdicts on labelled pairs.

    Args:
        judge: name of the judge.
        labels: of pairs that the judge was not trained on.
        verdicts: the judge's verdicts on these pairs and others.

    Returns:
        None if there are too few labels, or no effect of a calibration.
    """
    samples = [
        (log_odds, bool(label.match), IMPLIED_WEIGHT if label.strength is Strength.IMPLIED else 1.0)
        for label in labels
        if label.pair in verdicts and (log_odds := verdicts[label.pair].log_odds) is not None
    ]
    scores = np.array([log_odds for log_odds, _, _ in samples], float)
    matches = np.array([match for _, match, _ in samples], bool)
    fitted = fit_beta(scores, matches, np.array([weight for *_, weight in samples]))
    if fitted == BetaCalibration():
        return None
    return Calibration(judge, fitted.a, fitted.b, fitted.c, len(samples), int(matches.sum()))
