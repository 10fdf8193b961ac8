"""The list of rows that were kept out of an import, for somebody to look at in a spreadsheet."""

import csv
import os
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from core.catalog.readers.rows import BadRow
from core.errors import CatalogError

# A spreadsheet takes such cells for formulas, and runs them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LONGEST_RAW = 10_000


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
        self._draft = path.with_name(f".{path.name}.{os.getpid()}") if path else None
        self._file: IO[str] | None = None

    def add(self, row: BadRow) -> None:
        """Note one row."""
        self.counts[row.reason.value] += 1
        if self._draft is None:
            return
        try:
            if self._file is None:
                self._draft.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._draft.open("w", encoding="utf-8", newline="")
                csv.writer(self._file).writerow(("line", "reason", "row"))
            raw = row.raw if len(row.raw) <= _LONGEST_RAW else row.raw[:_LONGEST_RAW] + "…"
            csv.writer(self._file).writerow((row.line, row.reason.value, _harmless(raw)))
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._finish(keep=kind is None)
        except OSError as failure:
            raise self._unwritable(failure) from failure

    def _finish(self, *, keep: bool) -> None:
        if self._path is None or self._draft is None:
            return
        if self._file is None:
            if keep:
                self._path.unlink(missing_ok=True)
            return
        try:
            if keep:
                self._file.flush()
                os.fsync(self._file.fileno())
            self._file.close()
            if keep:
                self._draft.replace(self._path)
                self.written = self._path
        finally:
            self._draft.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> CatalogError:
        return CatalogError(
            f"The list of rejected rows {self._path} cannot be written: {error.strerror or error}.",
            "Is there room, and may you write there?",
        )


def _harmless(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text
