"""Locks that a process holds while it works; the kernel releases them however the process ends.

A lock belongs to an open file, not to a process id: whether it is held cannot be forged by what a file says. A starter
takes the locks of a job and hands the open files to the job's process, so that they are held from the first instant.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

#: Set for a process that is started with locks: the descriptors of their files.
VARIABLE = "SAMESKU_LOCKS"

#: What a file system without locks answers.
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}

#: The locks that this process was started with; they are held until it ends.
_inherited: list[int] = []


def acquire(path: Path) -> int:
    """Lock a file, which is made if it is not there. Returns the descriptor that holds the lock until it is closed.

    Raises:
        BlockingIOError: a process holds it.
        OSError: the file cannot be opened, it is no regular file, or another took its place just now.
    """
    for descriptor in _inherited:
        if _is_at(path, descriptor):
            return os.dup(descriptor)  # both are the same open file, and hold the same lock
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o660)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_at(path, descriptor):
            raise OSError(errno.EBUSY, "another program replaced it just now", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of a file; nobody holds one that is not there, or no regular file.

    Looking takes a shared lock for a moment: only for files that are locked before others can find them.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # no locks here, so that no job could be started either
    finally:
        os.close(descriptor)
    return False


def is_inherited(path: Path) -> bool:
    """Whether this process was started with the lock of a file."""
    return any(_is_at(path, descriptor) for descriptor in _inherited)


def is_unsupported(error: OSError) -> bool:
    """Whether an error says that the file system knows no locks."""
    return error.errno in _UNSUPPORTED


def passed_on(descriptors: Iterable[int]) -> dict[str, str]:
    """The environment variable that tells a new process which locks it is started with."""
    return {VARIABLE: ",".join(str(descriptor) for descriptor in descriptors)}


def inherit() -> None:
    """Keep the locks that this process was started with, and from its own children."""
    for number in os.environ.pop(VARIABLE, "").split(","):
        with suppress(ValueError, OSError, OverflowError):
            descriptor = int(number)
            if descriptor > 2 and stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.set_inheritable(descriptor, False)  # noqa: FBT003 - it takes no keyword
                _inherited.append(descriptor)


def release_all_but(path: Path) -> None:
    """Release the locks that this process was started with, but for that of a file."""
    for descriptor in [each for each in _inherited if not _is_at(path, each)]:
        _inherited.remove(descriptor)
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        there, held = path.lstat(), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
