"""A first-in-first-out write lock for a SQLite database, on a file beside it.

SQLite's busy handler sleeps and retries with growing delays: with twenty writers some wait for seconds and time out
while others overtake them. Here every writer queues in `flock` first. The kernel grants the lock in the order of the
queue, without delay, and releases it when a process ends, however it ends.

The lock file is empty. If it was deleted or replaced, the next writer creates a new one and drops the lock on the old:
writers holding locks on different files would not exclude each other.
"""

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labels.errors import LabelsError
from labels.quarantine import identity, set_aside

#: How often the lock is retried after its file was replaced. After that only SQLite's own lock excludes writers.
_ATTEMPTS = 3


class FifoWriteLock:
    """The write lock of one database, for one connection."""

    def __init__(self, path: Path) -> None:
        """Prepare the lock; its file is opened when the lock is first taken.

        Args:
            path: the database; the lock file is `NAME.lock` beside it.
        """
        self._lock = path.with_name(path.name + ".lock")
        self._descriptor: int | None = None

    @contextmanager
    def hold(self, timeout_s: float) -> Iterator[None]:
        """Hold the lock for a block, after waiting at most `timeout_s` seconds for it.

        The block runs without the lock after a time-out, or where no lock file can be made: SQLite's own lock still
        excludes other writers.
        """
        descriptor = self._acquire(timeout_s)
        try:
            yield
        finally:
            if descriptor is not None:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _acquire(self, timeout_s: float) -> int | None:
        """The descriptor of the lock, now held; None where it could not be acquired."""
        for _ in range(_ATTEMPTS):
            if self._descriptor is None:
                self._descriptor = _open_lock_file(self._lock)
            if self._descriptor is None or not _lock(self._descriptor, timeout_s):
                return None
            if _is_at(self._descriptor, self._lock):
                return self._descriptor
            self.close()  # this also releases the lock; other writers queue at the new file by now
        return None


def _open_lock_file(lock: Path) -> int | None:
    """Open the lock file, creating it if needed, and setting aside a link, folder or FIFO; None where it cannot be."""
    for _ in range(_ATTEMPTS):
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o660)
        except OSError as error:
            if error.errno not in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
                return None
        else:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
        with suppress(LabelsError):
            set_aside(lock)
    return None


def _is_at(descriptor: int, path: Path) -> bool:
    facts = os.fstat(descriptor)
    return identity(path) == (facts.st_dev, facts.st_ino)


def _lock(descriptor: int, timeout_s: float) -> bool:
    """Lock an open file, waiting at most `timeout_s` seconds; whether that succeeded."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _Waiter(descriptor).wait(timeout_s)
    except OSError:
        return False  # a file system without locks
    return True


class _Waiter:
    """Waits for the lock in a thread of its own, since `flock` has no time-out."""

    def __init__(self, descriptor: int) -> None:
        # A duplicate of the same open file: after a time-out the thread still waits on it, and closes it.
        self._descriptor = os.dup(descriptor)
        self._mutex = threading.Lock()
        self._done = threading.Event()
        self._timed_out = False
        threading.Thread(target=self._queue, daemon=True).start()

    def wait(self, timeout_s: float) -> bool:
        """Whether the lock was acquired in time."""
        if self._done.wait(timeout_s):
            return True
        with self._mutex:
            self._timed_out = not self._done.is_set()
            return not self._timed_out

    def _queue(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._mutex:
            if self._timed_out:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._done.set()
        os.close(self._descriptor)
