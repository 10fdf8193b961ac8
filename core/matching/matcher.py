"""The matcher: evidence in, calibrated probabilities out."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedError
from core.json_store import text_file
from core.matching.bands import Cuts
from core.matching.calibration import BetaCalibration
from core.matching.learners import Blend, Boosted, Learner, Linear, Scale, Stacked
from core.matching.prior import CosinePrior, packaged_prior
from core.stats.wilson import Precision, wilson
from labels.files import read_bounded

#: Counts up when a file of an earlier version can no longer be read.
_FORMAT = 2
#: Far more than the largest ensemble of trees takes.
_MAX_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Matcher:
    """A learner with its calibration and its cuts.

    Attributes:
        learner: scores pairs.
        calibration: makes probabilities of the scores.
        threshold: at or above it a pair is called a match; the best for F1 by the labels' own folds.
        cuts: the bands.
        features: names of the evidence's columns, in order.
        labels: how many it was fitted on.
        matches: how many of them were matches.
        losses: cross-validated log-loss of every learner that was tried, by name; the least was chosen.
        fingerprint: of the labels and the evidence it was fitted on; the same mark would give the same matcher.
    """

    learner: Learner
    calibration: BetaCalibration
    threshold: float
    cuts: Cuts
    features: tuple[str, ...]
    labels: int
    matches: int
    losses: dict[str, float]
    fingerprint: str = ""

    @property
    def calibrated(self) -> bool:
        """Whether labels stand behind the probabilities; until they do, these only order and band pairs."""
        return self.labels > 0

    def probabilities(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """P(match) of each pair, shape (n,); evidence of shape (n, features), NaN where unknown."""
        return self.calibration.probabilities(self.learner.scores(evidence))

    def contributions(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature adds to the learner's score (log-odds before calibration), shape (n, features + 1)."""
        return self.learner.contributions(evidence)

    def save(self, path: Path) -> None:
        """Write it as JSON; the file appears only when complete.

        Raises:
            CoreError: it cannot be written.
        """
        value = {
            "format": _FORMAT,
            "learner": self.learner.to_json(),
            "calibration": asdict(self.calibration),
            "threshold": self.threshold,
            "cuts": asdict(self.cuts),
            "features": list(self.features),
            "labels": self.labels,
            "matches": self.matches,
            "losses": self.losses,
            "mark": self.fingerprint,
        }
        with text_file(path) as out:
            out.write(json.dumps({**value, "sha256": _sha256(value)}) + "\n")


def load_matcher(path: Path) -> Matcher:
    """The matcher that was saved.

    Raises:
        DamagedError: the file is damaged, or of another version.
    """
    value = saved_value(path)
    try:
        cuts = value["cuts"]
        return Matcher(
            learner=_learner(value["learner"], len(value["features"])),
            calibration=BetaCalibration(**value["calibration"]),
            threshold=float(value["threshold"]),
            cuts=Cuts(
                float(cuts["high"]), float(cuts["low"]), Precision(**cuts["match"]), Precision(**cuts["no_match"])
            ),
            features=tuple(value["features"]),
            labels=int(value["labels"]),
            matches=int(value["matches"]),
            losses=dict(value["losses"]),
            fingerprint=str(value["mark"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise _damaged(path) from error


def saved_value(path: Path) -> dict[str, Any]:
    """What was saved, every byte of it; needs no numerical library.

    Raises:
        DamagedError: the file is damaged, or of another version.
    """
    try:
        value: dict[str, Any] = json.loads(read_bounded(path, _MAX_BYTES))
        if value["format"] != _FORMAT:
            raise ValueError(f"format {value['format']}")
        # LightGBM ends the whole process when it meets damaged trees, so none may come that far.
        if value.pop("sha256") != _sha256(value):
            raise ValueError("not what was saved")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error
    return value


def _damaged(path: Path) -> DamagedError:
    return DamagedError(f"The matcher in {path} is damaged, and cannot be read.", "`samesku index` fits it again.")


def _sha256(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _learner(value: dict[str, Any], features: int) -> Learner:
    match value["name"]:
        case "prior":
            if "column" not in value:
                return _linear(value, features)
            if not 0 <= value["column"] < features:
                raise ValueError("a prior on a column that there is not")
            return CosinePrior(float(value["boundary"]), int(value["column"]))
        case "linear":
            return _linear(value, features)
        case "boosted":
            if any(f"\nmax_feature_idx={features - 1}\n" not in text for text in value["texts"]):
                raise ValueError("trees over other features")
            return Boosted(tuple(value["texts"]))
        case "stacked":
            linear, trees = _learner(value["linear"], features), _learner(value["trees"], features)
            if not isinstance(linear, Linear) or not isinstance(trees, Boosted):
                raise ValueError("a stack of other learners")
            return Stacked(linear, trees)
        case "blend":
            return Blend(tuple(_learner(each, features) for each in value["learners"]))
        case name:
            raise ValueError(f"an unknown learner {name}")


def _linear(value: dict[str, Any], features: int) -> Linear:

    centre, spread, weights = (np.asarray(value[name], float) for name in ("centre", "spread", "weights"))
    if any(array.shape != (features,) for array in (centre, spread, weights)):
        raise ValueError("a linear learner of another length")
    return Linear(Scale(centre, spread), weights, float(value["intercept"]), str(value["name"]))


def untrained(features: tuple[str, ...], evidence: NDArray[np.float32]) -> Matcher:
    """The matcher before the first labels: the prior that comes with the package; calibrated on nothing.

    Args:
        features: names of the evidence's columns.
        evidence: of the pairs to be judged, which sets the scale; shape (n, features).
    """
    prior, nothing = packaged_prior(), wilson(0, 0)
    cuts = Cuts(prior.high, prior.low, nothing, nothing)
    return Matcher(prior.learner(features, evidence), BetaCalibration(), 0.5, cuts, features, 0, 0, {})
