"""Two learners as one: the mean of their scores, so that contributions still add up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.match.learner import Learner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Blend:
    """The mean of several learners."""

    learners: tuple[Learner, ...]
    name: str = "blend"

    def scores(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """The score of each pair, shape (n,)."""
        import numpy as np  # noqa: PLC0415

        scores: NDArray[np.float64] = np.mean([learner.scores(evidence) for learner in self.learners], axis=0)
        return scores

    def contributions(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """The mean of what each learner's features add."""
        import numpy as np  # noqa: PLC0415

        found: NDArray[np.float64] = np.mean([each.contributions(evidence) for each in self.learners], axis=0)
        return found

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew."""
        return {"name": self.name, "learners": [learner.to_json() for learner in self.learners]}
