"""Files that users name: size limits for input, bounded reading, and output that replaces a file atomically.

The limits hold for every format: anything larger is a broken file, or an attack on the memory. A value over a limit
costs its row. The documentation and the help of `samesku import products` name the figures.
"""

import errno
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from tempfile import TemporaryFile
from typing import BinaryIO, TextIO

from labels.errors import LabelsError
from labels.files import atomic_text, atomic_write, open_regular, read_bounded

#: Maximum characters of one value; a product description has thousands.
MAX_VALUE = 1 << 20
#: Maximum characters of one row: of its line in a text file, of its values in other formats.
MAX_ROW = 1 << 22
MAX_COLUMNS = 4096
#: Maximum characters of an id, and of a column name, which is stored with every product that has a value in it.
MAX_NAME = 1000

#: Files of a workspace, beside its databases.
_WORKSPACE_FILES = frozenset(
    {
        "labels.db", "labels.db.created", "catalog.db", "derived.db", "claims.db", "samesku.toml", "vocabulary.toml",
        "guidelines.md", "weak_labels.jsonl", "llm_labels.jsonl", "product_ids.jsonl", "monitoring.json",
        "api_keys.json", "pseudonyms.key", "notices.json",
    }
)  # fmt: skip

_NOTHING_IMPORTED = "Nothing was imported."
#: Far more than a vocabulary of all brands needs.
_MAX_SETTINGS_BYTES = 1 << 24


def unreadable_message(path: Path, error: OSError) -> tuple[str, str]:
    """Message and hint of the error for a file that cannot be read."""
    reason = error.strerror or str(error)
    if isinstance(error, FileNotFoundError):
        return f"There is no file {path}.", "Check the spelling and the folder you are in."
    if error.errno == errno.EINVAL and reason.startswith("it is "):
        hint = "Name one file in it." if "folder" in reason else "Write its output to a file first, and name that."
        return f"{path} is {reason.removeprefix('it is ')}.", hint
    return f"{path} cannot be read: {reason}.", "Check the path, and whether you may read it."


@contextmanager
def text_input(path: Path, hint: str = _NOTHING_IMPORTED) -> Iterator[TextIO]:
    """Open a file of UTF-8 text without translating line ends; to be read in pieces of bounded size.

    Args:
        path: the file.
        hint: the hint of the error for a file with another encoding.

    Raises:
        LabelsError: there is no such file, it cannot be read, or is not UTF-8 text.
    """
    try:
        with io.TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as text:
            yield text
    except OSError as error:
        raise LabelsError(*unreadable_message(path, error)) from error
    except UnicodeDecodeError as error:
        raise LabelsError(f"{path} is not UTF-8 text.", hint) from error


def numbered_lines(path: Path, hint: str = _NOTHING_IMPORTED) -> Iterator[tuple[int, str]]:
    """The lines of a file of UTF-8 text, with line ends, each with its number from 1.

    Raises:
        LabelsError: as `text_input`, or a line is longer than `MAX_ROW`.
    """
    with text_input(path, hint) as text:
        number = 0
        while line := text.readline(MAX_ROW + 1):
            number += 1
            if len(line) > MAX_ROW:
                raise LabelsError(f"{path}, line {number}: it is longer than {MAX_ROW:,} characters.", hint)
            yield number, line


def settings_text(path: Path, max_bytes: int = _MAX_SETTINGS_BYTES) -> str:
    """The text of a file of settings, TOML or YAML.

    Raises:
        OSError: it does not exist, is not a regular file, or is larger than `max_bytes`; see `unreadable_message`.
        UnicodeDecodeError: it is not UTF-8 text.
    """
    return read_bounded(path, max_bytes, follow_links=True).decode("utf-8-sig")


#: Endings of Excel workbooks, which are read and not written.
_EXCEL = frozenset({".xlsx", ".xlsm", ".xls"})


def unknown_ending(path: Path, endings: Sequence[str]) -> tuple[str, str]:
    """Message and hint of the error for an output in a format that is not written.

    Args:
        path: of the output.
        endings: those that are written, such as `.csv`, the most usual first.
    """
    *others, last = endings
    listed = f"{', '.join(others)} or {last}" if others else last
    if path.suffix.lower() in _EXCEL:
        return f"{path}: Excel workbooks are read, but not written.", f"Use {listed}." + (
            " Excel opens .csv." if ".csv" in endings else ""
        )
    return f"{path}: unknown ending.", f"Use {listed}."


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` only when it is complete.

    Raises:
        LabelsError: its folder does not exist, or it cannot be written.
    """
    require_folder(path)
    _refuse_workspace_file(path)
    with _readable_errors(path), atomic_write(path) as out:
        yield out


@contextmanager
def output_text(path: Path) -> Iterator[TextIO]:
    """The same for UTF-8 text.

    Raises:
        LabelsError: as `output_file`.
    """
    require_folder(path)
    _refuse_workspace_file(path)
    with _readable_errors(path), atomic_text(path) as out:
        yield out


def _refuse_workspace_file(path: Path) -> None:
    """Raise LabelsError for a file of a workspace, which is never the output of a command."""
    if path.name in _WORKSPACE_FILES and any((path.parent / name).exists() for name in ("catalog.db", "labels.db")):
        raise LabelsError(f"{path} belongs to the workspace.", "Write to another file.")


def require_writable(path: Path) -> None:
    """Return if a file can be written to `path`, to be checked before long work; leaves nothing there.

    Raises:
        LabelsError: its folder does not exist, it cannot be written, or it is a file of a workspace.
    """
    require_folder(path)
    _refuse_workspace_file(path)
    with _readable_errors(path):
        if path.is_dir():
            raise LabelsError(f"{path} is a folder.", "Name a file.")
        with TemporaryFile(dir=path.absolute().parent):
            pass


def require_folder(path: Path) -> None:
    """Return if the folder of an output exists. It is not created, since a missing one is usually a spelling mistake.

    Raises:
        LabelsError: it does not exist.
    """
    with _readable_errors(path):
        folder = path.absolute().parent
        try:
            folder.stat()
        except FileNotFoundError as error:
            raise LabelsError(
                f"There is no folder {path.parent}.", f"Check the spelling, or create it: mkdir -p {quote(str(folder))}"
            ) from error


def create_folder(path: Path) -> None:
    """Create the folder of several outputs unless it exists, but not its parents.

    Raises:
        LabelsError: its parent does not exist, or it cannot be created.
    """
    require_folder(path)
    with _readable_errors(path):
        if path.exists() and not path.is_dir():
            raise LabelsError(f"{path} is not a folder.", "Name a folder.")
        path.mkdir(exist_ok=True)


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{path.parent} is not a folder" if path.parent.is_file() else error.strerror
        raise LabelsError(f"{path} cannot be written: {reason}.", "Choose another place.") from error
