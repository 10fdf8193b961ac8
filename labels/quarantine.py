"""Setting damaged files aside under another name, so that they can be inspected while a new file takes their place."""

import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from labels.errors import LabelsError

#: Suffixes of the files that SQLite writes beside a database. Applied to another database they would corrupt it.
COMPANIONS = ("-journal", "-wal", "-shm")

#: Separates a file's name from the time at which it was set aside.
_MARK = ".damaged-"
#: How many damaged copies of one file are kept.
_MAX_COPIES = 3

#: Device and inode of a file.
Identity = tuple[int, int]


def identity(path: Path) -> Identity | None:
    """Device and inode of the file at a path, links not followed; None where there is none, or it cannot be read."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def find_irregular(path: Path) -> Path | None:
    """The first of a database and its companions that is not a regular file: SQLite would block on a FIFO."""
    for place in (path, *companions(path)):
        with suppress(OSError):
            if not stat.S_ISREG(place.lstat().st_mode):
                return place
    return None


def companions(path: Path) -> list[Path]:
    """The paths of the files that SQLite writes beside a database."""
    return [path.parent / (path.name + suffix) for suffix in COMPANIONS]  # not with_name: `.` and `/` have no name


def damaged_name(path: Path) -> Path:
    """The name for a file that is set aside now; it contains the time in microseconds, so that none is overwritten."""
    return path.with_name(f"{path.name}{_MARK}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")


def set_aside(path: Path, examined: Identity | None = None) -> Path | None:
    """Rename whatever is at a path to `NAME.damaged-TIME`, together with the files that SQLite wrote beside it.

    Processes that have the file open keep it. Only the newest few copies are kept, though a folder is never removed: so
    this is for files that can be rebuilt, not for a ledger.

    Args:
        path: a file, folder, link or FIFO.
        examined: the file that was found damaged. If another one is at the path by now, nothing is done.

    Returns:
        its new path; None where nothing is there, or another file than the one that was examined.

    Raises:
        LabelsError: it cannot be renamed.
    """
    there = identity(path)
    if examined is not None and examined != there:
        return None
    aside = damaged_name(path)
    try:
        path.rename(aside)
    except FileNotFoundError:
        there = None  # another process was faster, or only a companion exists
    except OSError as error:
        raise LabelsError(
            f"{path.name} is damaged, and cannot be renamed: {error.strerror}.", f"Move it away: {path}"
        ) from error
    for old, new in zip(companions(path), companions(aside), strict=True):
        with suppress(OSError):
            old.rename(new)
    _remove_old(path)
    return None if there is None else aside


def set_aside_irregular(path: Path) -> Path | None:
    """Set aside what a new file cannot replace by renaming: a folder, FIFO or device. Returns its new path, if any.

    Raises:
        LabelsError: it cannot be renamed.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None
    return None if stat.S_ISREG(mode) or stat.S_ISLNK(mode) else set_aside(path)


def damaged_copies(path: Path) -> list[Path]:
    """The set-aside copies of a file, the oldest first."""
    try:
        siblings = sorted(path.parent.iterdir())
    except OSError:
        return []
    return [each for each in siblings if each.name.startswith(path.name + _MARK) and not each.name.endswith(COMPANIONS)]


def _remove_old(path: Path) -> None:
    for old in damaged_copies(path)[:-_MAX_COPIES]:
        for each in (old, *companions(old)):
            with suppress(OSError):
                each.unlink(missing_ok=True)
