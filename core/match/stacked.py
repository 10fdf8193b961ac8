"""The learner for tens to hundreds of labels: a linear model, and trees that correct it where labels say so."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.match.boosted import PARAMETERS, Boosted
from core.match.linear import Linear

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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

    def scores(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """The score of each pair, shape (n,)."""
        return self.linear.scores(evidence) + self.trees.scores(evidence)

    def contributions(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """What each feature adds in the linear part and in the trees together."""
        return self.linear.contributions(evidence) + self.trees.contributions(evidence)

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew."""
        return {"name": self.name, "linear": self.linear.to_json(), "trees": self.trees.to_json()}


def fit_stacked(
    evidence: "NDArray[np.float32]",
    labels: "NDArray[np.bool_]",
    weights: "NDArray[np.float64]",
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
    import lightgbm  # noqa: PLC0415

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
