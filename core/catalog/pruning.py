"""Taking products out that a file no longer has, without taking those whose row could not be read."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from core.catalog.readers.rows import BadRow
from core.errors import CatalogError
from labels.wording import counted

#: A prune that would remove a larger share of a source wants to be confirmed.
MAX_SHARE = 0.1

_DELIMITERS = ",;\t|"
_KEY = "SELECT key FROM products WHERE (source, id) = (?, ?)"
_MARK_SEEN = f"INSERT OR IGNORE INTO seen (key) {_KEY}"


class LargePruneError(CatalogError):
    """A prune would remove more than a tenth of a source, and was not confirmed. Nothing has been changed.

    Attributes:
        removed: how many products it would remove.
        products: how many the source has.
    """

    def __init__(self, source: str, removed: int, products: int) -> None:
        super().__init__(
            f"Pruning would remove {removed:,} of the {counted(products, 'product')} of {source}, more than a"
            " tenth. Nothing was changed.",
            "Is the file complete? If it is, confirm with --yes; --dry-run says what would be done.",
        )
        self.removed = removed
        self.products = products


@dataclass(slots=True)
class RejectedIds:
    """Whose rows a file has although they were rejected: these products are present, and are not pruned.

    Attributes:
        ids: ids that were read.
        guesses: for each row that could not be taken apart, what its id may be.
        unknown: rows with no id at all.
        read: ids of the rows that became products: a rejected row with one of these is of no other product.
    """

    ids: set[str] = field(default_factory=set)
    guesses: list[tuple[str, ...]] = field(default_factory=list)
    unknown: int = 0
    read: set[str] = field(default_factory=set)

    def add(self, id_: str) -> None:
        """Note a row whose cells could be read; its id may be empty."""
        if id_:
            self.ids.add(id_)
        else:
            self.unknown += 1

    def guess(self, row: BadRow, columns: Sequence[str], id_column: str, normalize: Callable[[str], str]) -> None:
        """Note a row that could not be taken apart.

        Args:
            row: which.
            columns: of the file.
            id_column: which of them is the id.
            normalize: makes an id of what a cell says.
        """
        found = map(normalize, _ids_in(row.raw, columns.index(id_column), id_column))
        self.guesses.append(tuple(dict.fromkeys(found)))


def _ids_in(raw: str, place: int, name: str) -> Iterator[str]:
    """What may be the id in the text of a row: a cell at its place, or the value of its key in a JSON object."""
    for delimiter in _DELIMITERS:
        cells = raw.split(delimiter, place + 1)
        if len(cells) > place + 1:
            yield cells[place].strip().strip("\"'").strip()
    for value in re.findall(rf'"{re.escape(name)}"\s*:\s*("[^"]*"|[^\s,}}]+)', raw):
        yield value.strip('"')


def mark_present(db: sqlite3.Connection, source: str, rejected: RejectedIds) -> int:
    """Add the products of rejected rows to the table `seen`.

    Returns:
        how many rows may be of any product: their id is empty, or no product of the source has it.
    """
    db.executemany(_MARK_SEEN, ((source, id_) for id_ in rejected.ids))
    unread = rejected.unknown
    for guess in rejected.guesses:
        keys = [row for id_ in guess for row in db.execute(_KEY, (source, id_)).fetchall()]
        db.executemany("INSERT OR IGNORE INTO seen (key) VALUES (?)", keys)
        unread += not keys and rejected.read.isdisjoint(guess)
    return unread
