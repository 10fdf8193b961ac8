r"""The list of rejected rows of an import, for correcting and importing them again.

It is delimited text in UTF-8, in the dialect of the imported file: line number, reason, and the columns of the file.
The content is not trusted: control characters are escaped, as `\x1b`, and formulas are prefixed with an apostrophe;
`core.catalog.readers.read_table` reverts both.
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
from labels.exchange.fields import neutralize_cell
from labels.files import atomic_text

#: Maximum characters of a row that could not be parsed, and of a value in an oversized row.
_MAX_LENGTH = 10_000
_OVERSIZED = {Reason.TOO_LONG, Reason.LONG_VALUE, Reason.LONG_COLUMN, Reason.TOO_MANY_COLUMNS}
#: A source name that is usable in a file name.
_PLAIN_NAME = re.compile(r"\w[\w .&+-]{0,59}")


def rejects_file_name(source: str) -> str:
    """The file name of a source's list of rejected rows.

    A source name that is too long or has special characters is abbreviated and gets part of its SHA-256 as a suffix.
    """
    if not _PLAIN_NAME.fullmatch(source):
        mark = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        source = "-".join(filter(None, (re.sub(r"\W+", "-", source).strip("-")[:24], mark)))
    return f"rejects-{source}.csv"


class Rejects:
    """Counts rejected rows and writes them to a file, as a context manager.

    On success, the file replaces that of the previous import, or is deleted if no row was rejected. After an
    exception, nothing changes.

    Attributes:
        counts: reason → number of rows.
        written: the file; None if there is none.

    Args:
        path: the file; None to count only.
        columns: columns of the imported file.
        dialect: dialect of the imported file; None to write CSV.

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
        """Add one row."""
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
        return declared + self._dialect.joined([*REJECT_COLUMNS, *map(neutralize_cell, self._columns)]) + "\n"

    def _line(self, row: BadRow) -> str:
        first = [str(row.line), row.detail or row.reason.value]
        if row.values is None and self._is_delimited:
            return f"{self._dialect.joined(first)}{self._dialect.delimiter}{self._neutralized(_shortened(row.raw))}\n"
        cells = [_shortened(row.raw)] if row.values is None else self._cells(row.values)
        if row.reason in _OVERSIZED:
            cells = [_shortened(cell) for cell in cells]
        return self._dialect.joined([*first, *(neutralize_cell(cell.strip()) for cell in cells)]) + "\n"

    def _cells(self, values: Mapping[str, str]) -> list[str]:
        """The values in the order of the columns, followed by those without a column."""
        further = (text for name, text in values.items() if name not in self._names)
        return [*(values.get(name, "") for name in self._columns), *further]

    def _neutralized(self, raw: str) -> str:
        """An unparsable line with control characters and formulas neutralized in what look like its cells."""
        quoted = re.compile(rf"( *{self._dialect.quote}?)(.*?)( *)", re.DOTALL)
        parts = (quoted.fullmatch(part) for part in raw.split(self._dialect.delimiter))
        return self._dialect.delimiter.join(part[1] + neutralize_cell(part[2]) + part[3] for part in parts if part)

    def _unwritable(self, error: OSError) -> CatalogError:
        return CatalogError(
            f"The list of rejected rows {self._path} cannot be written: {error.strerror or error}.",
            "Check the free disk space and the folder's permissions.",
        )


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else text[:_MAX_LENGTH] + "…"
