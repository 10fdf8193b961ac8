"""What every learner of the matcher can do: score pairs, and say what the score is made of."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Learner(Protocol):
    """A fitted model over evidence, shape (n, features), NaN where unknown.

    A score is a log-odds of a match before calibration.
    """

    @property
    def name(self) -> str:
        """The kind of learner, one word."""
        ...

    def scores(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """The score of each pair, shape (n,)."""
        ...

    def contributions(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """What each feature adds to the score, shape (n, features + 1); the last column is what all pairs share.

        A row sums to the pair's score.
        """
        ...

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew: numbers, strings and lists."""
        ...
