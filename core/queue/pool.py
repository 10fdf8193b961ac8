"""What strategies choose from: every pair that could be asked about, as arrays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Pool:
    """n pairs, in any order; each attribute has one entry for each pair.

    Attributes:
        probabilities: P(match) by the matcher, shape (n,); before the first labels by the packaged prior.
        cosine: by the encoder, shape (n,); NaN where there is none.
        evidence: scaled so that one unit is one standard deviation and nothing is missing, shape (n, features).
        query: the pair's query as a number, shape (n,).
        labelled: whether somebody has answered the pair, shape (n,).
        family: a number shared by queries that are near-duplicates of each other, shape (n,).
        judge: P(match) by the judge, shape (n,); NaN where it was not asked.
        threshold: from this probability on a pair is called a match.
        calibrated: whether labels stand behind the probabilities, so that they may be told.
    """

    probabilities: "NDArray[np.float64]"
    cosine: "NDArray[np.float64]"
    evidence: "NDArray[np.float64]"
    query: "NDArray[np.int64]"
    labelled: "NDArray[np.bool_]"
    family: "NDArray[np.int64]"
    judge: "NDArray[np.float64]"
    threshold: float = 0.5
    calibrated: bool = True

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def answered_families(self) -> "NDArray[np.bool_]":
        """Whether a query of the pair's family has a label already, shape (n,)."""
        import numpy as np  # noqa: PLC0415

        found: NDArray[np.bool_] = np.isin(self.family, self.family[self.labelled])
        return found
