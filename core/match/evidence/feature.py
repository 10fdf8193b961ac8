"""A feature: one named number about a pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The group of features that are no reason by themselves, such as the length of a title.
OTHER = "other"

#: Texts are compared character by character up to here: two titles as long as a book would take minutes.
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Feature:
    """What one column of the evidence says.

    Attributes:
        name: the column's name.
        unit: what it is counted in: `cosine`, `share`, `log ratio`, `rank` …
        meaning: one line for people.
        group: what it is about; features of one group are told in the same words, and those of `OTHER` never.
    """

    name: str
    unit: str
    meaning: str
    group: str


class Part(Protocol):
    """One kind of evidence over a fixed list of queries and a fixed list of products."""

    @property
    def features(self) -> Sequence[Feature]:
        """The columns, in order."""
        ...

    def of(self, rows: "NDArray[np.int64]", columns: "NDArray[np.int64]") -> "list[NDArray[np.float32]]":
        """One array for each feature, each of shape (n,), about pairs of queries and products by their places.

        NaN where nothing is known: missing is not zero.
        """
        ...
