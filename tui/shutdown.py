"""Ending the desk on SIGHUP and SIGTERM, even if its event loop is stuck.

A lost connection, a closed window and a shutdown of the host send these signals. Usually the desk then leaves as with
`q`. But if nothing reads the terminal any more, Textual blocks on writing to it and its loop handles no signal. So a
thread reads the signals, asks the desk to leave, and ends the process if it does not.
"""

import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from types import FrameType
from typing import Any, Self

from core.queue.last_session import SessionEnd
from core.signal_exceptions import RaisedException

#: Seconds that an orderly exit may take.
_EXIT_TIMEOUT_S = 5.0
#: Seconds between requests to leave; a desk that is just opening ignores the first ones.
_REQUEST_INTERVAL_S = 0.2

_ENDINGS = {signal.SIGHUP: SessionEnd.DISCONNECTED, signal.SIGTERM: SessionEnd.STOPPED}


def hang_up() -> None:
    """Send SIGHUP to this process, for a terminal that is gone without the system noticing. Any thread."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGHUP)


@contextmanager
def _signal_pipe() -> Iterator[FileIO]:
    """A pipe to which the interpreter writes the number of each signal, even while the main thread is blocked.

    Yields the read end. Its reader closes it, after the context: a signal that finds it closed is reported on stderr.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    old_wakeup_fd = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    try:
        yield FileIO(read_end)
    finally:
        signal.set_wakeup_fd(old_wakeup_fd)
        os.close(write_end)


def _first_signal(pipe: FileIO, numbers: Collection[signal.Signals]) -> signal.Signals | None:
    """Wait for one of some signals in a signal pipe. None if the pipe ends first."""
    while (byte := pipe.read(1)) and byte[0] not in numbers:
        pass
    return signal.Signals(byte[0]) if byte else None


class ShutdownGuard:
    """A context in which SIGHUP and SIGTERM make the desk leave. Enter it in the main thread.

    Args:
        leave: asks the desk to leave; called repeatedly from a thread until it has.
        give_up: last actions if it has not left in time; called from a thread before the process is ended.
        timeout_s: seconds that the desk has.

    Attributes:
        ending: how the desk was told to end; None without a signal.
    """

    def __init__(
        self, leave: Callable[[], None], give_up: Callable[[SessionEnd], None], timeout_s: float = _EXIT_TIMEOUT_S
    ) -> None:
        self.ending: SessionEnd | None = None
        self._leave, self._give_up, self._timeout_s = leave, give_up, timeout_s
        self._left = threading.Event()
        self._old_handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._pipe = _signal_pipe()
        pipe = self._pipe.__enter__()
        for number in _ENDINGS:
            self._old_handlers[number] = signal.signal(number, _ignore)
        self._old_hook, threading.excepthook = threading.excepthook, self._thread_failed
        threading.Thread(target=self._watch, args=(pipe,), name="shutdown", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        threading.excepthook = self._old_hook
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        self._pipe.__exit__(None, None, None)

    def _watch(self, pipe: FileIO) -> None:
        with pipe:
            number = _first_signal(pipe, _ENDINGS)
            if number is None:
                return
            self.ending = _ENDINGS[number]
            waited = 0.0
            while waited < self._timeout_s:
                self._leave()
                if self._left.wait(_REQUEST_INTERVAL_S):
                    return
                waited += _REQUEST_INTERVAL_S
        with suppress(Exception):
            self._give_up(self.ending)
        os._exit(1)

    def _thread_failed(self, failure: threading.ExceptHookArgs) -> None:
        """Treat a write error in Textual's output thread as a lost terminal."""
        if isinstance(failure.exc_value, OSError) and failure.thread and failure.thread.name == "textual-output":
            hang_up()
        else:
            self._old_hook(failure)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """A handler that only keeps the signal from its default action; the watching thread acts on it."""


# -- without an event loop -----------------------------------------------------------------------------------


class ShutdownRequested(BaseException):
    """SIGHUP or SIGTERM arrived in the plain desk."""

    def __init__(self, ending: SessionEnd) -> None:
        super().__init__(ending)
        self.ending = ending


class _Interrupted(KeyboardInterrupt):
    """SIGINT arrived. A class of its own, since weak references to a KeyboardInterrupt are impossible."""


@contextmanager
def raise_on_shutdown() -> Iterator[None]:
    """Raise ShutdownRequested on SIGHUP and SIGTERM, and KeyboardInterrupt on SIGINT. Enter it in the main thread.

    One signal is not enough. If it arrives just before a read, it does not interrupt the read, and Python runs the
    handler only afterwards; and the exception can be lost. So a thread sends the signal again until the exception is on
    its way. SIGHUP and SIGTERM are then ignored after the context, so that they do not interrupt clean-up.
    """
    raised = RaisedException()
    left = threading.Event()
    main = threading.main_thread().ident or 0

    def leave(number: int, _frame: FrameType | None) -> None:
        if not raised.exists:
            ending = _ENDINGS.get(signal.Signals(number))
            raise raised.remember(_Interrupted() if ending is None else ShutdownRequested(ending))

    def send_again(pipe: FileIO) -> None:
        with pipe:
            number = _first_signal(pipe, numbers)
            while number is not None and not left.wait(_REQUEST_INTERVAL_S):
                if not raised.exists:
                    signal.pthread_kill(main, number)

    # What is ignored stays ignored, such as ctrl+c in the kiosk.
    numbers = [number for number in (*_ENDINGS, signal.SIGINT) if signal.getsignal(number) is not signal.SIG_IGN]
    old_handlers: dict[signal.Signals, Any] = {}
    with _signal_pipe() as pipe:
        try:
            # Inside, since a signal may arrive at once.
            for number in numbers:
                old_handlers[number] = signal.signal(number, leave)
            threading.Thread(target=send_again, args=(pipe,), name="shutdown", daemon=True).start()
            yield
        finally:
            left.set()
            for number, handler in old_handlers.items():
                signal.signal(number, signal.SIG_IGN if raised.exists and number in _ENDINGS else handler)
