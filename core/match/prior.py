"""The learner before the first labels: the encoder's cosine, and what the GTINs say."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: ln(0.95 / 0.05) / 0.1
_SLOPE = 29.4
#: What different GTINs take, as 0.15 of cosine would: even equal texts are then below the high band.
_GTIN_CONFLICT = 0.15 * _SLOPE


@dataclass(frozen=True, slots=True)
class CosinePrior:
    """A line through the cosine: even odds at `boundary`, 0.95 one tenth above it.

    With equal GTINs the score is above that of equal texts, and different ones lower it.

    Attributes:
        boundary: the middle of the medium band.
        column: where the cosine stands in the evidence.
        gtin_column: where `gtin_equal` stands, `gtin_conflict` behind it; None where the evidence has neither.
    """

    boundary: float
    column: int = 0
    gtin_column: int | None = None
    name: str = "prior"

    def scores(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """The score of each pair, shape (n,); an unknown cosine is a quarter below the boundary."""
        scores: NDArray[np.float64] = self.contributions(evidence).sum(axis=1)
        return scores

    def contributions(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """What the cosine gives, and what the GTINs add to that."""
        import numpy as np  # noqa: PLC0415

        found = np.zeros((len(evidence), evidence.shape[1] + 1))
        cosines = np.nan_to_num(evidence[:, self.column].astype(float), nan=self.boundary - 0.25)
        found[:, self.column] = by_cosine = _SLOPE * (cosines - self.boundary)
        if self.gtin_column is not None:
            equal, conflict = evidence[:, self.gtin_column] == 1, evidence[:, self.gtin_column + 1] == 1
            # The cosine still orders several candidates that carry the same GTIN.
            above = _SLOPE * (1 - self.boundary) + 1 + cosines - by_cosine
            found[:, self.gtin_column] = np.where(equal, above, 0.0)
            found[:, self.gtin_column + 1] = np.where(conflict, -_GTIN_CONFLICT, 0.0)
        return found

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew."""
        return {
            "name": self.name,
            "boundary": self.boundary,
            "column": self.column,
            "gtin_column": self.gtin_column,
        }
