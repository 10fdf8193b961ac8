"""Ids of products in an approximate index: they stay while positions in the catalogue move.

The position of a product changes as soon as another one comes or leaves before it. With ids of their own, only the
vectors of products that came, left or changed are touched in the index.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.retrieval.array_file import load_arrays, save_arrays

_NAME = "ids"


@dataclass(frozen=True)
class StableIds:
    """The id of each product.

    Attributes:
        ids: int64, distinct, not negative, shape (products,).
    """

    ids: NDArray[np.int64]

    @classmethod
    def load(cls, path: Path) -> Self:
        """The ids in a file.

        Raises:
            DamagedError: it is missing or damaged.
        """
        return cls(load_arrays(path, [_NAME])[_NAME].astype(np.int64))

    def save(self, path: Path) -> None:
        """Write the ids, atomically."""
        save_arrays(path, {_NAME: self.ids})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the ids."""
        return hashlib.sha256(np.ascontiguousarray(self.ids).data).hexdigest()

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        """The position of each id, -1 for one that is gone. The last is for -1, which a search gives for no result."""
        found = np.full(self._count + 1, -1, np.int64)
        found[self.ids] = np.arange(len(self.ids))
        return found

    @property
    def _count(self) -> int:
        return int(self.ids.max(initial=-1)) + 1

    def positions_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The positions of products; -1 stays -1."""
        return self._positions[ids]

    def mask(self, allowed: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Which ids belong to products, shape (highest id + 1,).

        Args:
            allowed: which products count, shape (products,); None is all.
        """
        found = np.zeros(self._count, np.bool_)
        found[self.ids if allowed is None else self.ids[allowed]] = True
        return found

    def replaced(self, origin: NDArray[np.int64], first: int) -> Self:
        """The ids of other products.

        Args:
            origin: position in this list of each product of the other, shape (products,); -1 for a new one.
            first: the first id of new products.
        """
        new = origin < 0
        ids = self.ids[origin]
        ids[new] = first + np.arange(int(new.sum()))
        return type(self)(ids)

    def gone(self, origin: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ids of the products that are no origin; argument as of `replaced`."""
        left = np.ones(len(self.ids), np.bool_)
        left[origin[origin >= 0]] = False
        return self.ids[left]
