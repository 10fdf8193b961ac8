r"""The list of rows that were kept out of an import, for a person to read in a spreadsheet or on a terminal.

What was rejected comes from a stranger: control characters are written out, as `\x1b`.
"""

import csv
import hashlib
import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from core.catalog.readers.rows import BadRow
from core.errors import CatalogError
from labels.exchange.cells import defused
from labels.files import atomic_text

_LONGEST_RAW = 10_000
#: A source's name that can stand in a file's name as it is.
_PLAIN_NAME = re.compile(r"\w[\w .&+-]{0,59}")


def rejects_name(source: str) -> str:
    """The name of the file that lists the rejected rows of a source.

    Args:
        source: the retailer's name; one that would lead to another folder, or is too long, is abbreviated and ends in
            the beginning of its SHA-256 instead.
    """
    if not _PLAIN_NAME.fullmatch(source):
        mark = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        source = "-".join(filter(None, (re.sub(r"\W+", "-", source).strip("-")[:24], mark)))
    return f"rejects-{source}.csv"


class Rejects:
    """Counts bad rows and writes them to a CSV of `line,reason,row`, which appears when all is done.

    Used as a context manager: without an exception the file replaces the one of the import before, or
    is removed when nothing was rejected; with one, nothing changes.

    Args:
        path: where to write; None only counts.

    Raises:
        CatalogError: the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.counts: Counter[str] = Counter()
        self.written: Path | None = None
        self._path = path
        self._draft = ExitStack()
        self._file: TextIO | None = None

    def add(self, row: BadRow) -> None:
        """Note one row."""
        self.counts[row.reason.value] += 1
        if self._path is None:
            return
        try:
            if self._file is None:
                self._file = self._draft.enter_context(atomic_text(self._path))
                _write(self._file, "line", "reason", "row")
            raw = row.raw if len(row.raw) <= _LONGEST_RAW else row.raw[:_LONGEST_RAW] + "…"
            _write(self._file, row.line, row.reason.value, defused(raw))
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._file is not None:
                self._draft.__exit__(kind, error, trace)
                self.written = self._path if kind is None else None
            elif self._path is not None and kind is None:
                self._path.unlink(missing_ok=True)
        except OSError as failure:
            if failure is not error:
                raise self._unwritable(failure) from failure

    def _unwritable(self, error: OSError) -> CatalogError:
        return CatalogError(
            f"The list of rejected rows {self._path} cannot be written: {error.strerror or error}.",
            "Is there room, and may you write there?",
        )


def _write(file: TextIO, *cells: object) -> None:
    csv.writer(file, lineterminator="\n").writerow(cells)
