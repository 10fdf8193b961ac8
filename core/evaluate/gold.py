"""Pairs with known answers: what a replayed campaign asks about, and what it is judged on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: One query in so many is judged on where there is no second file.
_HELD_OUT = 3


@dataclass(frozen=True)
class Gold:
    """n pairs with their answers.

    Attributes:
        evidence: float32, shape (n, features), NaN where unknown.
        labels: the right answers, shape (n,).
        query: the query of each pair as a number, shape (n,).
        family: a number shared by near-duplicate queries, shape (n,).
    """

    evidence: "NDArray[np.float32]"
    labels: "NDArray[np.bool_]"
    query: "NDArray[np.int64]"
    family: "NDArray[np.int64]"

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, chosen: "NDArray[np.bool_]") -> "Gold":
        """The chosen pairs alone."""
        return Gold(self.evidence[chosen], self.labels[chosen], self.query[chosen], self.family[chosen])


def held_apart(gold: Gold, seed: int) -> tuple[Gold, Gold]:
    """What may be asked, and a third of the queries to judge on; near-duplicates stay on one side."""
    import numpy as np  # noqa: PLC0415

    names = np.unique(gold.family)
    drawn = np.random.default_rng(seed).permutation(names)[: max(1, len(names) // _HELD_OUT)]
    judged = np.isin(gold.family, drawn)
    return gold.part(~judged), gold.part(judged)


def hit_at_one(gold: Gold, probabilities: "NDArray[np.float64]") -> float:
    """The share of queries with a match whose most probable pair is one; 0 where no query has a match."""
    import numpy as np  # noqa: PLC0415

    order = np.lexsort((-probabilities, gold.query))
    best = order[np.append(True, np.diff(gold.query[order]) != 0)]
    matchable = np.isin(gold.query[best], gold.query[gold.labels])
    return float(gold.labels[best][matchable].mean()) if matchable.any() else 0.0
