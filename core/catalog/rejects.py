r"""The list of rows that were kept out of an import, for a person to read, mend and import again.

It is delimited text in the dialect of the file, in UTF-8: number of the line, reason, and the columns of the file. What
was rejected comes from a stranger: control characters are written out, as `\x1b`, and a formula follows an apostrophe;
`core.catalog.readers.read_table` takes both back.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from core.catalog.readers.delimited import Dialect
from core.catalog.readers.rows import REJECT_COLUMNS, BadRow, Reason
from core.errors import CatalogError
from labels.exchange.fields import neutralized
from labels.files import atomic_text

#: Characters of a row that could not be taken apart, and of a value in one that is too large: nobody mends those.
_LONGEST = 10_000
_TOO_LARGE = {Reason.TOO_LONG, Reason.LONG_VALUE, Reason.LONG_COLUMN, Reason.TOO_MANY_COLUMNS}
#: A source's name that can stand in a file's name as it is.
_PLAIN_NAME = re.compile(r"\w[\w .&+-]{0,59}")


def rejects_file_name(source: str) -> str:
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
    """Counts bad rows and writes them to a file, which appears when all is done.

    Used as a context manager: without an exception the file replaces the one of the import before, or
    is removed when nothing was rejected; with one, nothing changes.

    Args:
        path: where to write; None only counts.
        columns: of the file that the rows are of.
        dialect: its dialect where it is delimited text; else the list is a CSV.

    Raises:
        CatalogError: the file cannot be written.
    """

    def __init__(self, path: Path | None, columns: Sequence[str] = (), dialect: Dialect | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.written: Path | None = None
        self._path = path
        self._columns = columns
        self._names = frozenset(columns)
        self._is_delimited = dialect is not None
        self._dialect = dialect or Dialect()
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
                self._file.write(self._head())
            self._file.write(self._line(row))
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

    def _head(self) -> str:
        declared = f"sep={self._dialect.delimiter}\n" if self._dialect.skipped else ""
        return declared + self._dialect.joined([*REJECT_COLUMNS, *map(neutralized, self._columns)]) + "\n"

    def _line(self, row: BadRow) -> str:
        marks = [str(row.line), row.reason.value]
        if row.values is None and self._is_delimited:
            return f"{self._dialect.joined(marks)}{self._dialect.delimiter}{self._inert(_shortened(row.raw))}\n"
        cells = [_shortened(row.raw)] if row.values is None else self._cells(row.values)
        if row.reason in _TOO_LARGE:
            cells = [_shortened(cell) for cell in cells]
        return self._dialect.joined([*marks, *(neutralized(cell.strip()) for cell in cells)]) + "\n"

    def _cells(self, values: Mapping[str, str]) -> list[str]:
        """By the places of the columns, and behind them what has no column."""
        further = (text for name, text in values.items() if name not in self._names)
        return [*(values.get(name, "") for name in self._columns), *further]

    def _inert(self, raw: str) -> str:
        """A line that could not be taken apart, as it is but for what would act in its cells."""
        quoted = re.compile(rf"( *{self._dialect.quote}?)(.*?)( *)", re.DOTALL)
        parts = (quoted.fullmatch(part) for part in raw.split(self._dialect.delimiter))
        return self._dialect.delimiter.join(part[1] + neutralized(part[2]) + part[3] for part in parts if part)

    def _unwritable(self, error: OSError) -> CatalogError:
        return CatalogError(
            f"The list of rejected rows {self._path} cannot be written: {error.strerror or error}.",
            "Is there room, and may you write there?",
        )


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
