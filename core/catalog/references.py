"""Resolution of product ids in files, with suggestions for unknown ones."""

import difflib
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from core.errors import CatalogError
from core.text.safe import safe
from labels.exchange.fields import normalize_id
from labels.model import ProductRef

_PUNCTUATION = re.compile(r"[\W_]+")
#: Maximum number of ids among which typing errors are searched; each comparison takes 10 µs.
_MAX_COMPARED_IDS = 50_000
_MAX_SUGGESTIONS = 3
#: Minimum similarity (difflib ratio): one wrong character of four.
_MIN_SIMILARITY = 0.75


def similar_ids(wanted: str, ids: Collection[str]) -> list[str]:
    """Up to three ids that may be meant, the most similar first.

    Ids that differ only in leading zeros, case or punctuation come before those with a typing error.

    Args:
        wanted: an unknown id.
        ids: all existing ids.
    """
    form = _canonical(wanted)
    equal = sorted({id_ for id_ in ids if _canonical(id_) == form}) if form else []
    if equal or len(ids) > _MAX_COMPARED_IDS:
        return equal[:_MAX_SUGGESTIONS]
    return difflib.get_close_matches(wanted, ids, _MAX_SUGGESTIONS, _MIN_SIMILARITY)


def did_you_mean(wanted: str, ids: Collection[str]) -> str:
    """The suggestions of `similar_ids` as a question; empty if there are none."""
    found = similar_ids(wanted, ids)
    return f"Did you mean {' or '.join(found)}?" if found else ""


def _canonical(id_: str) -> str:
    """An id without leading zeros, case, punctuation and `.0`: equal for `00121` and `121.0`, `B-01` and `b01`."""
    return _PUNCTUATION.sub("", re.sub(r"(?<=\d)\.0+$", "", id_.strip().casefold())).lstrip("0")


class References:
    """The products on one side of pairs, by id.

    Args:
        refs: the products.
        side: `query` or `candidate`, as in column names.
    """

    def __init__(self, refs: Iterable[ProductRef], side: str) -> None:
        self._side = side
        self._by_id: dict[str, list[ProductRef]] = {}
        for ref in refs:
            self._by_id.setdefault(ref.id, []).append(ref)

    def resolve(self, path: Path, line: int, id_: str, source: str, hint: str) -> ProductRef:
        """The product that an id in a file refers to.

        Args:
            path: the file, for the error message.
            line: the line number, for the error message.
            id_: the retailer's id.
            source: its source; empty if the file does not state it.
            hint: the hint of the error that there is no such product.

        Raises:
            CatalogError: there is no such product, or there are several.
        """
        # The id as written, or normalized as by an import: 12345 for 12345.0.
        candidates = self._by_id.get(id_) or self._by_id.get(normalize_id(id_), [])
        found = [ref for ref in candidates if source in {"", ref.source}]
        where = f"{path}, line {line}"
        if not found:
            of = f" of {safe(source)}" if source else ""
            suggestion = safe(did_you_mean(id_, self._by_id))
            raise CatalogError(
                f"{where}: there is no {self._side} {safe(id_)}{of} in the catalogue.", f"{suggestion} {hint}".strip()
            )
        if len(found) > 1:
            names = " and ".join(safe(ref.source) for ref in found)
            raise CatalogError(
                f"{where}: the {self._side} id {safe(id_)} occurs in several sources, {names}.",
                f"Add a column {self._side}_source.",
            )
        return found[0]
