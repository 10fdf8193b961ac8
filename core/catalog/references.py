"""Products by the ids that files name them with, and by their source where a file says it."""

from collections.abc import Iterable
from pathlib import Path

from core.catalog.similar_ids import did_you_mean
from core.errors import CatalogError
from core.text.safe import safe
from labels.exchange.ids import normalize_id
from labels.model import ProductRef


class References:
    """The products of one side of a pair.

    Args:
        refs: all of them.
        side: `query` or `candidate`, as the columns of files call it.
    """

    def __init__(self, refs: Iterable[ProductRef], side: str) -> None:
        self._side = side
        self._by_id: dict[str, list[ProductRef]] = {}
        for ref in refs:
            self._by_id.setdefault(ref.id, []).append(ref)

    def of(self, path: Path, line: int, id_: str, source: str, hint: str) -> ProductRef:
        """The product that a line names.

        Args:
            path: the file, for the error.
            line: its number.
            id_: the retailer's own id.
            source: whose id it is; empty where the file does not say.
            hint: the way out where there is no such product.

        Raises:
            CatalogError: there is no such product, or there are several.
        """
        # As it is written, or as every import writes it: 12345 for 12345.0.
        known = self._by_id.get(id_) or self._by_id.get(normalize_id(id_), [])
        found = [ref for ref in known if source in {"", ref.source}]
        where = f"{path}, line {line}"
        if not found:
            of = f" of {safe(source)}" if source else ""
            guess = safe(did_you_mean(id_, self._by_id))
            raise CatalogError(
                f"{where}: there is no {self._side} {safe(id_)}{of} in the catalogue.", f"{guess} {hint}".strip()
            )
        if len(found) > 1:
            names = " and ".join(safe(ref.source) for ref in found)
            raise CatalogError(
                f"{where}: the {self._side} id {safe(id_)} stands in several sources, {names}.",
                f"Say which is meant in a column {self._side}_source.",
            )
        return found[0]
