"""Damaged files are set aside under another name: what they held can be looked at, and a new file takes their place."""

import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from core.errors import CoreError

#: What stands between a file's name and the moment at which it was set aside.
_MARK = ".damaged-"
#: How many damaged copies of one file are left; older ones are removed.
_MAX_COPIES = 3
#: The files that SQLite writes beside a database. They go with it: their name leads from one to the other.
COMPANIONS = ("-journal", "-wal", "-shm")

#: Device and inode of a file.
Identity = tuple[int, int]


def identity(path: Path) -> Identity | None:
    """Which file stands at a path, links not followed; None where there is none, or it cannot be seen."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def set_aside(path: Path, examined: Identity | None = None) -> Path | None:
    """Rename whatever stands at a path to `NAME.damaged-TIME`, with the files that SQLite has beside it.

    Processes that have it open keep it. A few such copies are left, older ones are removed; a folder is never removed.

    Args:
        path: a file, folder, link or FIFO.
        examined: which file was found damaged. Where another one stands there by now, nothing is done.

    Returns:
        its new path; None where nothing was done.

    Raises:
        CoreError: it cannot be renamed.
    """
    there = identity(path)
    if there is None or examined not in {None, there}:
        return None
    aside = path.with_name(f"{path.name}{_MARK}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return None  # another process was faster
    except OSError as error:
        raise CoreError(
            f"{path.name} is damaged, and cannot be renamed: {error.strerror}.", f"Move it away: {path}"
        ) from error
    for ending in COMPANIONS:
        with suppress(OSError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    _remove_old(path)
    return aside


def make_way(path: Path) -> Path | None:
    """Set aside what no file can take the place of: a folder, a FIFO, a device. Returns its new path, if any.

    Raises:
        CoreError: it cannot be renamed.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None
    return None if stat.S_ISREG(mode) or stat.S_ISLNK(mode) else set_aside(path)


def damaged_copies(path: Path) -> list[Path]:
    """The copies of a file that were set aside, the oldest first."""
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return []
    copies = (name for name in names if name.startswith(path.name + _MARK) and not name.endswith(COMPANIONS))
    return [path.with_name(name) for name in sorted(copies)]


def _remove_old(path: Path) -> None:
    for old in damaged_copies(path)[:-_MAX_COPIES]:
        for each in (old, *(old.with_name(old.name + ending) for ending in COMPANIONS)):
            with suppress(OSError):
                each.unlink(missing_ok=True)
