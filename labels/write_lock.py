"""Taking turns at writing: whoever came first goes first.

SQLite lets a writer that finds the file busy sleep and try again, for longer every time: with twenty writers some wait
for seconds, and give up at last, while others pass. Here everybody queues for a lock beside the file first; the kernel
hands it on in the order of the queue, at once, and takes it from a process that ends, however that ends.

The lock's file holds nothing. Where it was deleted or replaced, the next writer makes a new one: two locks would be
none.
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

#: How often a lock is taken again whose file was replaced meanwhile. SQLite's own lock decides after that.
_ATTEMPTS = 3


class FifoWriteLock:
    """One connection's place in the line for a file."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet.

        Args:
            path: the file that is written to; the lock is beside it, with `.lock` behind its name.
        """
        self._lock = path.with_name(path.name + ".lock")
        self._descriptor: int | None = None

    @contextmanager
    def hold(self, timeout_s: float) -> Iterator[None]:
        """Wait for one's turn, for so many seconds at most; SQLite's own lock decides where that was not enough.

        Where no lock can be made (a write-protected folder), nobody writes either.
        """
        descriptor = self._locked(timeout_s)
        try:
            yield
        finally:
            if descriptor is not None:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the lock's file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _locked(self, timeout_s: float) -> int | None:
        """The descriptor of the lock, which is held now; None where it was not had."""
        for _ in range(_ATTEMPTS):
            if self._descriptor is None:
                self._descriptor = _opened(self._lock)
            if self._descriptor is None or not _locked(self._descriptor, timeout_s):
                return None
            if _is_at(self._descriptor, self._lock):
                return self._descriptor
            self.close()  # the lock goes with it; others queue at another file by now
        return None


def _opened(lock: Path) -> int | None:
    """The lock's file, made if need be; None where it cannot be. What is no file there is set aside."""
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


def _locked(descriptor: int, timeout_s: float) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _Waiter(descriptor).wait(timeout_s)
    except OSError:
        return False  # a file system without locks
    return True


class _Waiter:
    """Queues in a thread of its own: the kernel's queue knows no time-out."""

    def __init__(self, descriptor: int) -> None:
        # A descriptor of its own, of the same open file: whoever gives up leaves it to the thread to close.
        self._descriptor = os.dup(descriptor)
        self._mutex = threading.Lock()
        self._done = threading.Event()
        self._given_up = False
        threading.Thread(target=self._queue, daemon=True).start()

    def wait(self, timeout_s: float) -> bool:
        """Whether the lock was had in time."""
        if self._done.wait(timeout_s):
            return True
        with self._mutex:
            self._given_up = not self._done.is_set()
            return not self._given_up

    def _queue(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._mutex:
            if self._given_up:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._done.set()
        os.close(self._descriptor)
