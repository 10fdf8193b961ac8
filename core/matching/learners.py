"""The learners of the matcher, from vectors of features to scores (log-odds of a match before calibration).

- `Linear`: logistic regression with a Gaussian prior on its weights, for the first labels.
- `Boosted`: gradient-boosted trees (LightGBM), for thousands of labels.
- `Stacked`: a linear learner corrected by trees, for tens to hundreds of labels.
- `Blend`: the mean of several learners, so that contributions still add up to the score.
"""

import math
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from core.matching.prior_weights import FIXED_SCALE, INTERCEPT
from core.matching.tree_text import check_trees

if TYPE_CHECKING:
    import lightgbm


class Learner(Protocol):
    """A fitted model over feature vectors, shape (n, features), NaN where unknown."""

    @property
    def name(self) -> str:
        """The kind of learner, one word."""
        ...

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        ...

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The part of the score that each feature adds, shape (n, features + 1); a row sums to the pair's score.

        The last column is the baseline that all pairs share.
        """
        ...

    def to_json(self) -> dict[str, Any]:
        """The learner as numbers, strings and lists."""
        ...


#: Standard deviations beyond which values are clipped, so that outliers (a title of a thousand characters, a price off
#: by a factor of a hundred) do not dominate.
_CLIP = 3.0
#: Pairs that set a scale, evenly spaced among more: mean and spread take copies of all of them.
_SCALED = 2**17
#: Precision (1/variance) of the Gaussian prior on each weight, in log-odds per standard deviation of the feature. On
#: halves of Walmart-Amazon's training pairs 3 and 30 measure alike, 1 and 100 worse.
PRECISION = 10.0
#: Precision of the prior on the intercept: the share of matches is hardly known beforehand.
_INTERCEPT_PRECISION = 0.05
#: Newton's method converges in five to eight steps.
_MAX_NEWTON_STEPS = 25
#: Largest change of a parameter at which the fit has converged: too small to change a displayed probability.
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and standard deviation of each feature over the pairs to be scored, each of shape (features,).

    A missing value counts as the mean, and so contributes nothing.
    """

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Standardised vectors, shape (n, features), within ±3, nothing missing."""
        scaled = (vectors - self.centre) / self.spread
        found: NDArray[np.float64] = np.clip(np.nan_to_num(scaled, nan=0.0), -_CLIP, _CLIP)
        return found


def scale_sample(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The feature vectors that set a scale: all of them, or evenly spaced ones of more than `_SCALED`."""
    return vectors[:: max(1, math.ceil(len(vectors) / _SCALED))]


def scale_of(vectors: NDArray[np.float32], features: Sequence[str] = ()) -> Scale:
    """The scale of many feature vectors.

    Args:
        vectors: shape (n, features).
        features: names of the columns; those in `FIXED_SCALE` get that scale.
    """
    vectors = scale_sample(vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a feature that is missing everywhere
        centre = np.nan_to_num(np.nanmean(vectors, axis=0, dtype=float))
        spread = np.nan_to_num(np.nanstd(vectors, axis=0, dtype=float), nan=1.0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    for name in FIXED_SCALE.keys() & set(features):
        centre[features.index(name)], spread[features.index(name)] = FIXED_SCALE[name]
    return Scale(centre, spread)


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear model of the standardised features."""

    scale: Scale
    weights: NDArray[np.float64]
    intercept: float
    name: str = "linear"

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        scores: NDArray[np.float64] = self.scale(vectors) @ self.weights + self.intercept
        return scores

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Weight times standardised value, and the intercept."""
        return np.column_stack([self.scale(vectors) * self.weights, np.full(len(vectors), self.intercept)])

    def to_json(self) -> dict[str, Any]:
        """The learner as numbers, strings and lists."""
        return {
            "name": self.name,
            "centre": self.scale.centre.tolist(),
            "spread": self.scale.spread.tolist(),
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
        }


def fit_linear(
    vectors: NDArray[np.float32],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    scale: Scale,
    prior_mean: NDArray[np.float64] | None = None,
    *,
    intercept: float = INTERCEPT,
    precision: float = PRECISION,
) -> Linear:
    """The maximum a posteriori logistic regression, by Newton's method.

    Not by `scipy.optimize.minimize`: at 70 features and 20 to 300 labels, the size of a desk's refit, L-BFGS-B takes
    1.4 to 1.7 times as long and is less exact (1e-7 against 1e-8); the methods that use the Hessian take 2 to 4 times.

    Args:
        vectors: shape (n, features), NaN where unknown.
        labels: shape (n,).
        weights: of the labels, shape (n,).
        scale: of the features.
        prior_mean: mean of the prior on the weights, shape (features,); 0 if None.
        intercept: mean of the prior on the intercept.
        precision: of the prior on each weight.
    """
    columns = np.column_stack([scale(vectors), np.ones(len(vectors))])
    count = columns.shape[1] - 1
    mean = np.append(np.zeros(count) if prior_mean is None else prior_mean, intercept)
    precisions = np.append(np.full(count, precision), _INTERCEPT_PRECISION)
    signs = np.where(labels, 1.0, -1.0)

    def loss(parameters: NDArray[np.float64]) -> float:
        log_likelihood = weights @ log_expit(signs * (columns @ parameters))
        return float(-log_likelihood + precisions @ (parameters - mean) ** 2 / 2)

    found, value = mean, loss(mean)
    for _ in range(_MAX_NEWTON_STEPS):
        p = expit(columns @ found)
        gradient = columns.T @ (weights * (p - labels)) + precisions * (found - mean)
        hessian = (columns * (weights * p * (1 - p))[:, None]).T @ columns + np.diag(precisions)
        step = np.linalg.solve(hessian, gradient)
        # A full step may overshoot far from the optimum.
        while (reached := loss(found - step)) > value and np.abs(step).max() > _TOLERANCE:
            step = step / 2
        found, value = found - step, reached
        if np.abs(step).max() <= _TOLERANCE:
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
    # One thread per booster, boosters and folds in parallel: LightGBM's threads wait for each other by spinning, which
    # beside a training run takes a hundred times as long.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


#: Pairs from which boosters predict side by side: for fewer, starting threads takes longer than predicting.
_MANY_PAIRS = 1_000


@dataclass(frozen=True)
class Boosted:
    """The mean of boosters that differ in their seed, each in LightGBM's text format."""

    texts: tuple[str, ...]
    name: str = field(default="boosted")

    @cached_property
    def _boosters(self) -> "list[lightgbm.Booster]":
        import lightgbm

        return [lightgbm.Booster(model_str=text) for text in self.texts]

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        return self._mean(vectors, raw_score=True)

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """SHAP values of the trees (Lundberg et al. 2018, arXiv:1802.03888), which sum to the score."""
        return self._mean(vectors, pred_contrib=True)

    def _mean(self, vectors: NDArray[np.float32], **options: bool) -> NDArray[np.float64]:
        def predict(booster: "lightgbm.Booster") -> NDArray[np.float64]:
            return np.asarray(booster.predict(vectors, num_threads=1, **options), np.float64)

        if len(vectors) < _MANY_PAIRS:
            predictions = [predict(booster) for booster in self._boosters]
        else:
            with ThreadPoolExecutor() as pool:
                predictions = list(pool.map(predict, self._boosters))
        found: NDArray[np.float64] = np.mean(predictions, axis=0)
        return found

    def to_json(self) -> dict[str, Any]:
        """The learner as numbers, strings and lists."""
        return {"name": self.name, "texts": list(self.texts)}

    @classmethod
    def from_json(cls, value: dict[str, Any], features: int) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: there are no trees, or they are malformed, or have another number of features or of scores.
        """
        texts = value["texts"]
        if not texts or not all(isinstance(text, str) for text in texts):
            raise ValueError("no trees")
        for text in texts:
            check_trees(text, features)
        return cls(tuple(texts))


def fit_boosted(
    vectors: NDArray[np.float32],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    *,
    seed: int,
    boosters: int,
    trees: int,
) -> Boosted:
    """Fit boosters to labels.

    Args:
        vectors: shape (n, features), NaN where unknown.
        labels: shape (n,), both classes among them.
        weights: of the labels, shape (n,).
        seed: the same seed and labels give the same trees.
        boosters: number of boosters to average.
        trees: trees of each booster.
    """
    import lightgbm

    data = lightgbm.Dataset(vectors, labels.astype(float), weight=weights, free_raw_data=False)
    # Every other booster uses extremely randomised trees: the two kinds make different errors.
    kinds = (PARAMETERS | {"seed": seed + i, "extra_trees": bool(i % 2)} for i in range(boosters))
    return Boosted(tuple(_train(parameters, data, trees) for parameters in kinds))


def _train(parameters: dict[str, Any], data: "lightgbm.Dataset", trees: int) -> str:
    """A booster as text. Without `keep_training_booster`, LightGBM would write and read the same text before."""
    import lightgbm

    return str(lightgbm.train(parameters, data, num_boost_round=trees, keep_training_booster=True).model_to_string())


@dataclass(frozen=True, slots=True)
class Blend:
    """The mean of several learners."""

    learners: tuple[Learner, ...]
    name: str = "blend"

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        scores: NDArray[np.float64] = np.mean([learner.scores(vectors) for learner in self.learners], axis=0)
        return scores

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The mean of the learners' contributions."""
        found: NDArray[np.float64] = np.mean([each.contributions(vectors) for each in self.learners], axis=0)
        return found

    def to_json(self) -> dict[str, Any]:
        """The learner as numbers, strings and lists."""
        return {"name": self.name, "learners": [learner.to_json() for learner in self.learners]}


#: Extremely randomised trees (Geurts et al. 2006), grown to one label per leaf: averaging cancels what a single tree
#: memorises. Chosen on halves of Walmart-Amazon's training pairs at 50 to 500 labels; leaves from 12 to 31,
#: rates from 0.05 to 0.2 and penalties from 0.5 to 3 are alike within the error, larger minimal leaves lose 0.005 of
#: average precision.
_STACK_PARAMETERS = PARAMETERS | {"learning_rate": 0.1, "min_data_in_leaf": 1, "extra_trees": True}
_STACK_TREES = 60


@dataclass(frozen=True, slots=True)
class Stacked:
    """The sum of a linear learner's score and of trees fitted to its residual."""

    linear: Linear
    trees: Boosted
    name: str = "stacked"

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        return self.linear.scores(vectors) + self.trees.scores(vectors)

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum of both parts' contributions."""
        return self.linear.contributions(vectors) + self.trees.contributions(vectors)

    def to_json(self) -> dict[str, Any]:
        """The learner as numbers, strings and lists."""
        return {"name": self.name, "linear": self.linear.to_json(), "trees": self.trees.to_json()}


def fit_stacked(
    vectors: NDArray[np.float32],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    linear: Linear,
    *,
    seed: int,
    boosters: int,
) -> Stacked:
    """Fit boosters that start from a linear learner's score.

    Args:
        vectors: shape (n, features), NaN where unknown.
        labels: shape (n,), both classes among them.
        weights: of the labels, shape (n,).
        linear: fitted to the same labels.
        seed: the same seed and labels give the same trees.
        boosters: number of boosters to average.
    """
    import lightgbm

    data = lightgbm.Dataset(
        vectors,
        labels.astype(float),
        weight=weights,
        init_score=linear.scores(vectors),
        params=_STACK_PARAMETERS,
        free_raw_data=False,
    )
    texts = tuple(_train(_STACK_PARAMETERS | {"seed": seed + i}, data, _STACK_TREES) for i in range(boosters))
    return Stacked(linear, Boosted(texts))
