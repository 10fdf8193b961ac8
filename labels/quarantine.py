"""Damaged files are set aside under another name: what they held can be looked at, and a new file takes their place."""

import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from labels.errors import LabelsError

#: The files that SQLite writes beside a database. With another file than its own, each of them would do harm.
COMPANIONS = ("-journal", "-wal", "-shm")

#: What stands between a file's name and the moment at which it was set aside.
_MARK = ".damaged-"
#: How many damaged copies of one file are left; older ones are removed.
_MAX_COPIES = 3

#: Device and inode of a file.
Identity = tuple[int, int]


def identity(path: Path) -> Identity | None:
    """Which file stands at a path, links not followed; None where there is none, or it cannot be seen."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def find_irregular(path: Path) -> Path | None:
    """The first of a database and its companions that is no regular file: SQLite would wait for ever on a FIFO."""
    for place in (path, *companions(path)):
        with suppress(OSError):
            if not stat.S_ISREG(place.lstat().st_mode):
                return place
    return None


def companions(path: Path) -> list[Path]:
    """Where SQLite keeps what belongs to a database."""
    return [path.parent / (path.name + ending) for ending in COMPANIONS]  # `.` and `/` have no name


def damaged_name(path: Path) -> Path:
    """Where a file is set aside now: another place at every moment, so that no copy takes the place of an earlier."""
    return path.with_name(f"{path.name}{_MARK}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")


def set_aside(path: Path, examined: Identity | None = None) -> Path | None:
    """Rename whatever stands at a path to `NAME.damaged-TIME`, with the files that SQLite has beside it.

    Processes that have it open keep it. A few such copies are left, older ones are removed; a folder is never removed.
    So this is for files that can be rebuilt, not for a ledger.

    Args:
        path: a file, folder, link or FIFO.
        examined: which file was found damaged. Where another one stands there by now, nothing is done.

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
        there = None  # another process was faster, or only a companion is damaged
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
    """Set aside what no file can take the place of: a folder, a FIFO, a device. Returns its new path, if any.

    Raises:
        LabelsError: it cannot be renamed.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None
    return None if stat.S_ISREG(mode) or stat.S_ISLNK(mode) else set_aside(path)


def damaged_copies(path: Path) -> list[Path]:
    """The copies of a file that were set aside, the oldest first."""
    try:
        beside = sorted(path.parent.iterdir())
    except OSError:
        return []
    return [each for each in beside if each.name.startswith(path.name + _MARK) and not each.name.endswith(COMPANIONS)]


def _remove_old(path: Path) -> None:
    for old in damaged_copies(path)[:-_MAX_COPIES]:
        for each in (old, *companions(old)):
            with suppress(OSError):
                each.unlink(missing_ok=True)
