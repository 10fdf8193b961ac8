"""The recorded product ids in memory, read again once `samesku cluster` has replaced them."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.clustering.product_ids import NO_IDS, ProductIds, load_ids
from labels.files import FileVersion, file_version
from labels.model import ProductRef


@dataclass(frozen=True)
class ProductGroups:
    """The listings of each product.

    Attributes:
        ids: the id of each listing's product.
        listings: id → the listings, sorted.
    """

    ids: ProductIds
    listings: Mapping[str, Sequence[ProductRef]]

    def id_of(self, ref: ProductRef) -> str | None:
        """The id of a listing's product; None if no run has recorded one."""
        return self.ids.of.get(ref)

    def others(self, ref: ProductRef) -> list[ProductRef]:
        """The other listings of a listing's product."""
        id_ = self.id_of(ref)
        return [] if id_ is None else [each for each in self.listings[id_] if each != ref]

    def successor(self, id_: str) -> str | None:
        """The id of the product that one without listings was merged into; None if that is not known."""
        found = id_
        for change in self.ids.changes:  # the oldest first
            if not change.is_split and found in change.before:
                found = change.after[0]
        return found if found != id_ and found in self.listings else None


class ProductGroupsFile:
    """Reads the product ids of a workspace. Thread-safe.

    Args:
        path: of the ids; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._version: FileVersion | None = None
        self._groups = _grouped(NO_IDS)

    def read(self) -> ProductGroups:
        """The present groups, without any where none are recorded. A million listings take some seconds.

        Raises:
            CoreError: the file is damaged, cannot be read, or is of a newer version.
        """
        with self._lock:
            version = file_version(self._path)
            if version != self._version:
                self._groups = _grouped(_load(self._path))
                self._version = version
            return self._groups


def _load(path: Path) -> ProductIds:
    try:
        return load_ids(path)
    except FileNotFoundError:
        return NO_IDS


def _grouped(ids: ProductIds) -> ProductGroups:
    listings: dict[str, list[ProductRef]] = {}
    for ref, id_ in sorted(ids.of.items()):
        listings.setdefault(id_, []).append(ref)
    return ProductGroups(ids, listings)
