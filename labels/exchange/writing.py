"""Output files that a person names: they appear only when complete, or one sentence says why not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, TextIO

from labels.errors import LabelsError
from labels.files import atomic_text, atomic_write


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write bytes to, which takes the place of `path` only when it is complete.

    Raises:
        LabelsError: it cannot be written.
    """
    with _readable_errors(path), atomic_write(path) as out:
        yield out


@contextmanager
def output_text(path: Path) -> Iterator[TextIO]:
    """The same for text, as UTF-8.

    Raises:
        LabelsError: it cannot be written.
    """
    with _readable_errors(path), atomic_text(path) as out:
        yield out


def check_place(path: Path) -> None:
    """Check before the work that a file can be written to `path`; leaves nothing there.

    Raises:
        LabelsError: it cannot be written.
    """
    with _readable_errors(path):
        if path.is_dir():
            raise LabelsError(f"{path} is a folder.", "Name a file.")
        there = next(folder for folder in path.absolute().parents if folder.exists())
        with TemporaryFile(dir=there):
            pass


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{path.parent} is no folder" if path.parent.is_file() else error.strerror
        raise LabelsError(f"{path} cannot be written: {reason}.", "Choose another place.") from error
