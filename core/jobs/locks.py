"""File locks (flock) that a process holds while it works; the kernel releases them when the process ends.

Unlike a process id in a file, a held lock cannot be forged. The process that starts a job takes the job's locks and
passes the open files on, so that they are held without a gap.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

#: Environment variable with the descriptors of the locks that a process inherits.
VARIABLE = "SAMESKU_LOCKS"

#: Errors of a file system that does not support locks.
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}

#: Descriptors of the inherited locks, held until the process ends.
_inherited: list[int] = []


def acquire(path: Path) -> int:
    """Lock a file, created if missing. Returns the descriptor that holds the lock until it is closed.

    Raises:
        BlockingIOError: another process holds the lock.
        OSError: the file cannot be opened, is not a regular file, or was replaced in the meantime.
    """
    for descriptor in _inherited:
        if _is_at(path, descriptor):
            return os.dup(descriptor)  # refers to the same open file, and so holds the same lock
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
    """Whether a process holds the lock of a file; False if the file does not exist.

    The check takes a shared lock for a moment, and must not be used for a file that another process is about to lock.
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
        return False  # locks are not supported, so no job can have been started
    finally:
        os.close(descriptor)
    return False


def is_inherited(path: Path) -> bool:
    """Whether this process inherited the lock of a file."""
    return any(_is_at(path, descriptor) for descriptor in _inherited)


def is_unsupported(error: OSError) -> bool:
    """Whether an error means that the file system does not support locks."""
    return error.errno in _UNSUPPORTED


def lock_environment(descriptors: Iterable[int]) -> dict[str, str]:
    """The environment variable for a new process that inherits these locks."""
    return {VARIABLE: ",".join(str(descriptor) for descriptor in descriptors)}


def inherit() -> None:
    """Take over the inherited locks, and keep them from being inherited further."""
    for number in os.environ.pop(VARIABLE, "").split(","):
        with suppress(ValueError, OSError, OverflowError):
            descriptor = int(number)
            if descriptor > 2 and stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.set_inheritable(descriptor, False)  # noqa: FBT003 - a positional-only argument
                _inherited.append(descriptor)


def release_all_but(path: Path) -> None:
    """Release all inherited locks but that of one file."""
    for descriptor in [each for each in _inherited if not _is_at(path, each)]:
        _inherited.remove(descriptor)
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        there, held = path.lstat(), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
