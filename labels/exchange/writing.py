"""Files that appear only when they are complete."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from labels.errors import LabelsError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to; it takes the place of `path` only when it is complete.

    Raises:
        LabelsError: it cannot be written.
    """
    temporary = path.with_name(path.name + ".part")
    try:
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            temporary.replace(path)
    finally:
        # Where nothing could be written there may be no way to it either, and that has been told.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_place(path: Path) -> None:
    """Say so before the work where no file can be written to `path`; nothing is left there.

    Raises:
        LabelsError: so it is.
    """
    with _told(path):
        if path.is_dir():
            raise LabelsError(f"{path} is a folder.", "Name a file.")
        there = next(folder for folder in path.absolute().parents if folder.exists())
        with TemporaryFile(dir=there):
            pass


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the system refuses, as a sentence."""
    try:
        yield
    except OSError as error:
        # A folder is made wherever there is none, so this one is a file.
        reason = f"{path.parent} is no folder" if isinstance(error, FileExistsError) else error.strerror
        raise LabelsError(f"{path} cannot be written: {reason}.", "Choose another place.") from error
