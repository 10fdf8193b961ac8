"""What every learner of the matcher can do: score pairs, and say what the score is made of."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from core.matching.prior_weights import FIXED_SCALE, INTERCEPT

if TYPE_CHECKING:
    import lightgbm


class Learner(Protocol):
    """A fitted model over evidence, shape (n, features), NaN where unknown.

    A score is a log-odds of a match before calibration.
    """

    @property
    def name(self) -> str:
        """The kind of learner, one word."""
        ...

    def scores(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        ...

    def contributions(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature adds to the score, shape (n, features + 1); the last column is what all pairs share.

        A row sums to the pair's score.
        """
        ...

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew: numbers, strings and lists."""
        ...


#: Outliers (a title of a thousand characters, a price off by a hundred) must not outweigh everything else.
_CLIP = 3.0
#: How firmly weights are held to what is expected of them, in 1/variance of the log-odds per standard deviation: 3 and
#: 30 measure alike on halves of Walmart-Amazon's training pairs, 1 and 100 worse.
PRECISION = 10.0
#: How common matches are is hardly known beforehand.
_INTERCEPT_PRECISION = 0.05
#: Newton's method needs five to eight.
_NEWTON_STEPS = 25
#: A step so small changes no probability that anybody sees.
_ENOUGH = 1e-6


@dataclass(frozen=True, slots=True)
class Scale:
    """Centre and spread of each feature over the pairs that people are asked about.

    What is missing counts as the centre, so that it says nothing.
    """

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]

    def __call__(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scaled evidence, shape (n, features), within ±3, nothing missing."""
        scaled = (evidence - self.centre) / self.spread
        found: NDArray[np.float64] = np.clip(np.nan_to_num(scaled, nan=0.0), -_CLIP, _CLIP)
        return found


def scale_of(evidence: NDArray[np.float32], features: Sequence[str] = ()) -> Scale:
    """The scale of the evidence of many pairs; labels play no part in it.

    Args:
        evidence: shape (n, features).
        features: names of its columns; those with a fixed scale get that one.
    """
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a feature that is missing everywhere
        centre = np.nan_to_num(np.nanmean(evidence, axis=0, dtype=float))
        spread = np.nan_to_num(np.nanstd(evidence, axis=0, dtype=float), nan=1.0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    for name in FIXED_SCALE.keys() & set(features):
        centre[features.index(name)], spread[features.index(name)] = FIXED_SCALE[name]
    return Scale(centre, spread)


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights of the scaled features."""

    scale: Scale
    weights: NDArray[np.float64]
    intercept: float
    name: str = "linear"

    def scores(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        scores: NDArray[np.float64] = self.scale(evidence) @ self.weights + self.intercept
        return scores

    def contributions(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """Weight times scaled value, and the intercept."""
        return np.column_stack([self.scale(evidence) * self.weights, np.full(len(evidence), self.intercept)])

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew."""
        return {
            "name": self.name,
            "centre": self.scale.centre.tolist(),
            "spread": self.scale.spread.tolist(),
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
        }


def fit_linear(
    evidence: NDArray[np.float32],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    scale: Scale,
    expected: NDArray[np.float64] | None = None,
    *,
    intercept: float = INTERCEPT,
    precision: float = PRECISION,
) -> Linear:
    """The most probable weights, given the labels and what was expected of each feature beforehand.

    Logistic regression with a normal prior around the expected weights, by Newton's method (IRLS; Bishop 2006,
    section 4.3.3). Without labels the weights are the expected ones; each label moves them, together or one by one.

    Not by `scipy.optimize.minimize`: at 70 features and 20 to 300 labels, the size of a desk's refit, L-BFGS-B takes
    1.4 to 1.7 times as long and is less exact (1e-7 against 1e-8); the methods that use the Hessian take 2 to 4 times.

    Args:
        evidence: shape (n, features).
        labels: shape (n,); they may all be of one class.
        weights: of the labels, shape (n,).
        scale: of the features.
        expected: weights before any label, shape (features,); 0 for all of them if None.
        intercept: likewise.
        precision: how firmly the weights are held to what is expected of them, in 1/variance of the log-odds per
            standard deviation.
    """
    columns = np.column_stack([scale(evidence), np.ones(len(evidence))])
    count = columns.shape[1] - 1
    centre = np.append(np.zeros(count) if expected is None else expected, intercept)
    held = np.append(np.full(count, precision), _INTERCEPT_PRECISION)
    signs = np.where(labels, 1.0, -1.0)

    def loss(found: NDArray[np.float64]) -> float:
        return float(held @ (found - centre) ** 2 / 2 - weights @ log_expit(signs * (columns @ found)))

    found, value = centre, loss(centre)
    for _ in range(_NEWTON_STEPS):
        p = expit(columns @ found)
        slope = columns.T @ (weights * (p - labels)) + held * (found - centre)
        curvature = (columns * (weights * p * (1 - p))[:, None]).T @ columns + np.diag(held)
        step = np.linalg.solve(curvature, slope)
        # A full step may overshoot while the odds are still far off.
        while (reached := loss(found - step)) > value and np.abs(step).max() > _ENOUGH:
            step = step / 2
        found, value = found - step, reached
        if np.abs(step).max() <= _ENOUGH:
            break
    return Linear(scale, found[:-1], float(found[-1]))


#: Deep trees over few features each. Measured by folds of Walmart-Amazon's training pairs: leaves of three pairs are
#: better than leaves of fifteen (average precision 0.961 against 0.958), and monotone constraints (0.949), weights
#: against suspicious labels (0.953 to 0.957) or pseudo-labels (0.958) than none of them; rates from 0.03 to 0.1 alike.
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.06,
    "num_leaves": 31,
    "min_data_in_leaf": 3,
    "lambda_l2": 1.0,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    # One thread a booster, and boosters or folds side by side: LightGBM's threads wait for each other by spinning,
    # and beside a training run that takes them a hundred times as long.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Boosted:
    """Trees, in LightGBM's own text format: the mean of `len(texts)` boosters that differ in their seed."""

    texts: tuple[str, ...]
    name: str = field(default="boosted")

    @cached_property
    def _boosters(self) -> "list[lightgbm.Booster]":
        import lightgbm

        return [lightgbm.Booster(model_str=text) for text in self.texts]

    def scores(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        return self._mean(evidence, raw_score=True)

    def contributions(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """SHAP values of the trees (Lundberg et al. 2018, arXiv:1802.03888), which sum to the score."""
        return self._mean(evidence, pred_contrib=True)

    def _mean(self, evidence: NDArray[np.float32], **what: bool) -> NDArray[np.float64]:

        with ThreadPoolExecutor() as pool:
            each = pool.map(lambda booster: booster.predict(evidence, num_threads=1, **what), self._boosters)
            found: NDArray[np.float64] = np.mean(list(each), axis=0)
        return found

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew."""
        return {"name": self.name, "texts": list(self.texts)}


def fit_boosted(
    evidence: NDArray[np.float32],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    *,
    seed: int,
    boosters: int,
    trees: int,
) -> Boosted:
    """Boosters that fit the labels.

    Args:
        evidence: shape (n, features), NaN where unknown.
        labels: shape (n,), both classes among them.
        weights: of the labels, shape (n,).
        seed: the same seed and labels give the same trees.
        boosters: how many to average.
        trees: of each.
    """
    import lightgbm

    data = lightgbm.Dataset(evidence, labels.astype(float), weight=weights, free_raw_data=False)
    # Every other booster draws its splits at random (extremely randomised trees): the two kinds err differently.
    made = [
        lightgbm.train(PARAMETERS | {"seed": seed + i, "extra_trees": bool(i % 2)}, data, num_boost_round=trees)
        for i in range(boosters)
    ]
    return Boosted(tuple(booster.model_to_string() for booster in made))


@dataclass(frozen=True, slots=True)
class Blend:
    """The mean of several learners."""

    learners: tuple[Learner, ...]
    name: str = "blend"

    def scores(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        scores: NDArray[np.float64] = np.mean([learner.scores(evidence) for learner in self.learners], axis=0)
        return scores

    def contributions(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """The mean of what each learner's features add."""
        found: NDArray[np.float64] = np.mean([each.contributions(evidence) for each in self.learners], axis=0)
        return found

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew."""
        return {"name": self.name, "learners": [learner.to_json() for learner in self.learners]}


#: Extremely randomised trees (Geurts et al. 2006), grown until every label is on its own: what one tree learns by heart
#: the others do not. Chosen on halves of Walmart-Amazon's training pairs at 50 to 500 labels; leaves from 12 to 31,
#: rates from 0.05 to 0.2 and penalties from 0.5 to 3 are alike within the error, larger minimal leaves lose 0.005 of
#: average precision.
_PARAMETERS = PARAMETERS | {"learning_rate": 0.1, "min_data_in_leaf": 1, "extra_trees": True}
_TREES = 60


@dataclass(frozen=True, slots=True)
class Stacked:
    """The sum of a linear learner's score and of trees fitted to what that score leaves open."""

    linear: Linear
    trees: Boosted
    name: str = "stacked"

    def scores(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        return self.linear.scores(evidence) + self.trees.scores(evidence)

    def contributions(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature adds in the linear part and in the trees together."""
        return self.linear.contributions(evidence) + self.trees.contributions(evidence)

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew."""
        return {"name": self.name, "linear": self.linear.to_json(), "trees": self.trees.to_json()}


def fit_stacked(
    evidence: NDArray[np.float32],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    linear: Linear,
    *,
    seed: int,
    boosters: int,
) -> Stacked:
    """A linear learner with boosters that begin with its score.

    Args:
        evidence: shape (n, features), NaN where unknown.
        labels: shape (n,), both classes among them.
        weights: of the labels, shape (n,).
        linear: fitted to the same labels.
        seed: the same seed and labels give the same trees.
        boosters: how many to average.
    """
    import lightgbm

    data = lightgbm.Dataset(
        evidence,
        labels.astype(float),
        weight=weights,
        init_score=linear.scores(evidence),
        params=_PARAMETERS,
        free_raw_data=False,
    )
    made = [lightgbm.train(_PARAMETERS | {"seed": seed + i}, data, num_boost_round=_TREES) for i in range(boosters)]
    return Stacked(linear, Boosted(tuple(booster.model_to_string() for booster in made)))
