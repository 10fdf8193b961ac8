"""Leaving when the terminal goes away or the desk is told to end, whatever it waits for at that moment.

A line that is cut, a window that is closed and a host that shuts down send SIGHUP or SIGTERM. Usually the desk then
leaves as with `q`. But where nobody reads the terminal any more, Textual waits to write to it for ever, and its loop
sees no signal: so a thread beside it reads the signals, and has the last word.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Self

from core.queue.last_session import SessionEnd

#: How long leaving in good order may take, in seconds.
_PATIENCE_S = 5.0
#: How often the desk is asked to leave: where it only just opens, it cannot hear yet.
_ASK_EVERY_S = 0.2

_ENDINGS = {signal.SIGHUP: SessionEnd.DISCONNECTED, signal.SIGTERM: SessionEnd.STOPPED}


def hang_up() -> None:
    """Say to this process what the system says where it knows: its terminal is gone. Any thread."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGHUP)


class Departure:
    """While it lasts, the signals that end a desk lead out of it.

    Args:
        leave: asks the desk to leave; called from a thread, again and again until it has.
        give_up: what must be done where it does not; called from a thread, before the process ends.
        patience_s: seconds in between.

    Attributes:
        ending: how the desk was told to end; None while nobody told it.
    """

    def __init__(
        self, leave: Callable[[], None], give_up: Callable[[SessionEnd], None], patience_s: float = _PATIENCE_S
    ) -> None:
        self.ending: SessionEnd | None = None
        self._leave, self._give_up, self._patience_s = leave, give_up, patience_s
        self._left = threading.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """From now on. In the main thread."""
        self._told, tell = os.pipe()
        os.set_blocking(tell, False)
        # The interpreter writes each signal's number there, whatever the main thread waits for.
        self._woken_before = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        self._tell = tell
        for number in _ENDINGS:
            self._before[number] = signal.signal(number, _heard)
        self._hook, threading.excepthook = threading.excepthook, self._thread_failed
        threading.Thread(target=self._listen, name="departure", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """The desk was left, and all is put away."""
        self._left.set()
        threading.excepthook = self._hook
        for number, before in self._before.items():
            signal.signal(number, before)
        signal.set_wakeup_fd(self._woken_before)
        os.close(self._tell)

    def _listen(self) -> None:
        with os.fdopen(self._told, "rb", buffering=0) as told:
            while (heard := told.read(1)) and heard[0] not in _ENDINGS:
                pass
        if not heard:
            return
        self.ending = _ENDINGS[signal.Signals(heard[0])]
        waited = 0.0
        while waited < self._patience_s:
            self._leave()
            if self._left.wait(_ASK_EVERY_S):
                return
            waited += _ASK_EVERY_S
        with suppress(Exception):
            self._give_up(self.ending)
        os._exit(1)

    def _thread_failed(self, failure: threading.ExceptHookArgs) -> None:
        """Textual writes in a thread of its own, which dies of a terminal that takes nothing any more."""
        if isinstance(failure.exc_value, OSError) and failure.thread and failure.thread.name == "textual-output":
            hang_up()
        else:
            self._hook(failure)


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Nothing is done here: in the main thread, of which nobody knows where it is."""


# -- without a loop ------------------------------------------------------------------------------------------


class CalledAway(BaseException):
    """A signal that ends the desk, where nothing but a line of input is waited for."""

    def __init__(self, ending: SessionEnd) -> None:
        super().__init__(ending)
        self.ending = ending


@contextmanager
def called_away() -> Iterator[None]:
    """Raise CalledAway on the signals that end a desk, once; what is done from then on is not disturbed any more."""

    def leave(number: int, _frame: FrameType | None) -> None:
        for each in _ENDINGS:
            signal.signal(each, signal.SIG_IGN)
        raise CalledAway(_ENDINGS[signal.Signals(number)])

    before = {number: signal.signal(number, leave) for number in _ENDINGS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
