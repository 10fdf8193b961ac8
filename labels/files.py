"""Files that a team shares, that nobody else reads, and that are there after a power cut."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_DRAFTS = ".draft-"
#: Older drafts are nobody's any more: making one takes seconds.
_STALE_S = 3600


def make_shared(path: Path) -> None:
    """Make an empty file that the group may write as far as the umask allows, and that is closed to others.

    SQLite makes files that only their owner writes; the files beside a database take its permissions. One that is
    there already is left alone, not even opened: closing it would take away the locks of this process.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o660))


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def drafts(folder: Path) -> Iterator[Path]:
    """A folder inside another for files that are not whole yet; it is gone afterwards.

    Where a program was killed, its drafts stay until somebody makes others later.
    """
    for old in folder.glob(f"{_DRAFTS}*"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > _STALE_S:
                shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_DRAFTS, dir=folder) as place:
        yield Path(place)
