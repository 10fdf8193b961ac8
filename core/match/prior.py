"""The learner before the first labels: the encoder's cosine, and nothing else."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: ln(0.95 / 0.05) / 0.1
_SLOPE = 29.4


@dataclass(frozen=True, slots=True)
class CosinePrior:
    """A line through the cosine: even odds at `boundary`, 0.95 one tenth above it.

    Attributes:
        boundary: the middle of the medium band.
        column: where the cosine stands in the evidence.
    """

    boundary: float
    column: int = 0
    name: str = "prior"

    def scores(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """The score of each pair, shape (n,); an unknown cosine is a quarter below the boundary."""
        import numpy as np  # noqa: PLC0415

        cosines = np.nan_to_num(evidence[:, self.column].astype(float), nan=self.boundary - 0.25)
        scores: NDArray[np.float64] = _SLOPE * (cosines - self.boundary)
        return scores

    def contributions(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """All of the score is the cosine's."""
        import numpy as np  # noqa: PLC0415

        found = np.zeros((len(evidence), evidence.shape[1] + 1))
        found[:, self.column] = self.scores(evidence)
        return found

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew."""
        return {"name": self.name, "boundary": self.boundary, "column": self.column}
