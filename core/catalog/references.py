"""Products by the ids that files name them with, and by their source where a file says it."""

import difflib
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from core.errors import CatalogError
from core.text.safe import safe
from labels.exchange.fields import normalize_id
from labels.model import ProductRef

_SIGNS = re.compile(r"[\W_]+")
#: Among more ids, typing errors are not looked for: comparing takes some 10 µs each.
_MOST_COMPARED = 50_000
_MOST = 3
#: Of difflib's ratio: one wrong character of four.
_CLOSE = 0.75


def similar_ids(wanted: str, ids: Collection[str]) -> list[str]:
    """The ids that are likeliest meant, three at most, the likeliest first.

    Args:
        wanted: what somebody wrote, which is no id.
        ids: all that there are.
    """
    form = _form(wanted)
    alike = sorted({id_ for id_ in ids if _form(id_) == form}) if form else []
    if alike or len(ids) > _MOST_COMPARED:
        return alike[:_MOST]
    return difflib.get_close_matches(wanted, ids, _MOST, _CLOSE)


def did_you_mean(wanted: str, ids: Collection[str]) -> str:
    """The same as a question; empty where there is none that is like it."""
    found = similar_ids(wanted, ids)
    return f"Did you mean {' or '.join(found)}?" if found else ""


def _form(id_: str) -> str:
    """What stays the same where spreadsheets and fingers change an id: `00121`, `121.0`, `B-01` and `b01`."""
    return _SIGNS.sub("", re.sub(r"(?<=\d)\.0+$", "", id_.strip().casefold())).lstrip("0")


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
