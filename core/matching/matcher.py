"""The matcher: a learner with its calibration, threshold and bands; its JSON file, which is read with a checksum."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedError
from core.json_store import text_file
from core.matching.bands import Cuts
from core.matching.calibration import BetaCalibration
from core.matching.known_matches import KnownMatches, ReadTexts
from core.matching.learners import Blend, Boosted, Learner, Linear, Scale, Stacked
from core.matching.prior import CosinePrior, packaged_prior
from core.matching.word_weights import WITH_WORDS, WithWords, WordWeights
from core.retrieval.candidates import MatcherSummary
from core.stats.wilson import Precision, wilson
from labels.files import read_bounded

#: Incremented when files of earlier versions can no longer be read.
_FORMAT = 2
#: Size limit of the file, far above the largest ensemble of trees.
_MAX_BYTES = 256 * 2**20
#: Pairs that are scored at once: a linear learner needs three arrays of 8 bytes for each of their features.
_BLOCK = 2**16


@dataclass(frozen=True, slots=True)
class Matcher:
    """A learner with its calibration and its bands.

    Attributes:
        learner: gives scores.
        calibration: turns scores into probabilities.
        threshold: the probability from which a pair is classified as a match.
        cuts: bounds of the bands.
        features: names of the feature columns, in order.
        labels: number of labels it was fitted on.
        matches: how many of them were matches.
        losses: cross-validated log-loss of every learner that was tried, by name.
        fingerprint: hash of the labels and features it was fitted on; the same inputs give the same matcher.
        known: corrects the scores of pairs whose listings are labelled; None where that does not pay.
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
    known: KnownMatches | None = None

    @property
    def calibrated(self) -> bool:
        """Whether it was fitted to labels; until then its output only orders pairs and assigns bands."""
        return self.labels > 0

    @property
    def summary(self) -> MatcherSummary:
        """What is stored beside its probabilities."""
        return MatcherSummary(self.threshold, self.cuts.high, self.cuts.low, self.labels, self.matches)

    def probabilities(self, vectors: NDArray[np.float32], texts: ReadTexts | None = None) -> NDArray[np.float64]:
        """P(match) of each pair, shape (n,).

        Args:
            vectors: of the pairs, shape (n, features), NaN where unknown.
            texts: reads those of their listings; None where known matches do not count.
        """
        parts = [slice(start, start + _BLOCK) for start in range(0, max(1, len(vectors)), _BLOCK)]
        return np.concatenate([self._probabilities(vectors[part], part, texts) for part in parts])

    def _probabilities(self, vectors: NDArray[np.float32], part: slice, texts: ReadTexts | None) -> NDArray[np.float64]:
        scores = self.learner.scores(vectors)
        if self.known is not None and texts is not None:
            scores = self.known.correct(scores, texts(part))
        return self.calibration.probabilities(scores)

    def warm_up(self) -> None:
        """Compute what the first pair would wait for."""
        if self.known is not None:
            self.known.listings.warm_up()

    def weighs(self, columns: slice) -> bool:
        """Whether the probabilities may depend on some columns of the features; not, if a linear learner has none."""
        return not isinstance(self.learner, Linear) or bool(self.learner.weights[columns].any())

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """As `Learner.contributions`, shape (n, features + 1)."""
        return self.learner.contributions(vectors)

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
            "known_matches": None if self.known is None else self.known.to_json(),
        }
        with text_file(path) as out:
            out.write(json.dumps({**value, "sha256": _sha256(value)}) + "\n")


def load_matcher(path: Path) -> Matcher:
    """Load a saved matcher.

    Raises:
        DamagedError: the file is damaged, or of another version.
    """
    value = read_matcher_json(path)
    try:
        cuts = value["cuts"]
        return Matcher(
            learner=_learner(value["learner"], len(value["features"])),
            calibration=BetaCalibration(**value["calibration"]),
            threshold=float(value["threshold"]),
            cuts=Cuts(
                float(cuts["high"]),
                float(cuts["low"]),
                Precision(**cuts["match"]),
                Precision(**cuts["no_match"]),
                # Absent from files of earlier versions, whose matcher the next index run replaces.
                float(cuts.get("match_promise", 0.0)),
                float(cuts.get("no_match_promise", 0.0)),
            ),
            features=tuple(value["features"]),
            labels=int(value["labels"]),
            matches=int(value["matches"]),
            losses=dict(value["losses"]),
            fingerprint=str(value["mark"]),
            known=None if value.get("known_matches") is None else KnownMatches.from_json(value["known_matches"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise _damaged(path) from error


def read_matcher_json(path: Path) -> dict[str, Any]:
    """The content of a matcher's file, after its checksum matched.

    Raises:
        DamagedError: the file is damaged, or of another version.
    """
    try:
        value: dict[str, Any] = json.loads(read_bounded(path, _MAX_BYTES))
        if value["format"] != _FORMAT:
            raise ValueError(f"format {value['format']}")
        # NaN and infinities would be stored as no probability at all.
        if value.pop("sha256") != _sha256(value, allow_nan=False):
            raise ValueError("the checksum does not match")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error
    return value


def _damaged(path: Path) -> DamagedError:
    return DamagedError(
        f"The matcher in {path} is damaged or of another version, and cannot be read.", "`samesku index` fits it again."
    )


def _sha256(value: dict[str, Any], *, allow_nan: bool = True) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=allow_nan).encode()).hexdigest()


def _learner(value: dict[str, Any], features: int) -> Learner:
    if value["name"] not in _READERS:
        raise ValueError(f"an unknown learner {value['name']}")
    return _READERS[value["name"]](value, features)


def _prior(value: dict[str, Any], features: int) -> Learner:
    if "column" not in value:
        return _linear(value, features)
    if not 0 <= value["column"] < features:
        raise ValueError("a prior on a missing column")
    return CosinePrior(float(value["boundary"]), int(value["column"]))


def _stacked(value: dict[str, Any], features: int) -> Learner:
    linear, trees = _learner(value["linear"], features), _learner(value["trees"], features)
    if not isinstance(linear, Linear) or not isinstance(trees, Boosted):
        raise ValueError("a stack of unexpected learners")
    return Stacked(linear, trees)


def _blend(value: dict[str, Any], features: int) -> Learner:
    return Blend(tuple(_learner(each, features) for each in value["learners"]))


def _with_words(value: dict[str, Any], features: int) -> Learner:
    return WithWords(_learner(value["learner"], features), WordWeights.from_json(value["words"], features))


def _linear(value: dict[str, Any], features: int) -> Linear:
    centre, spread, weights = (np.asarray(value[name], float) for name in ("centre", "spread", "weights"))
    if any(array.shape != (features,) for array in (centre, spread, weights)):
        raise ValueError("a linear learner with another number of features")
    return Linear(Scale(centre, spread), weights, float(value["intercept"]), str(value["name"]))


#: What reads each kind of learner.
_READERS: dict[str, Callable[[dict[str, Any], int], Learner]] = {
    "prior": _prior,
    "linear": _linear,
    "boosted": Boosted.from_json,
    "stacked": _stacked,
    "blend": _blend,
    WITH_WORDS: _with_words,
}


def prior_matcher(features: tuple[str, ...], vectors: NDArray[np.float32]) -> Matcher:
    """The matcher before the first labels: the packaged prior, uncalibrated.

    Args:
        features: names of the feature columns.
        vectors: of the pairs to be scored, shape (n, features); they set the scale.
    """
    prior, no_labels = packaged_prior(), wilson(0, 0)
    cuts = Cuts(prior.high, prior.low, no_labels, no_labels)
    return Matcher(prior.learner(features, vectors), BetaCalibration(), 0.5, cuts, features, 0, 0, {})
