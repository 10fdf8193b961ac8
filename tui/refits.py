"""Refits of the matcher for the plain line mode, which has no event loop: one at a time, in a thread."""

import threading

from core.queue.rescored import Rescored
from labels.errors import SameskuError
from tui.errors import EngineRefusalError
from tui.ports.desk import Desk


class Refits:
    """Runs one refit at a time; what is decided meanwhile asks for one more, however much it is."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._busy = False
        self._again = False
        self._latest: Rescored | None = None
        self._trouble = ""
        self._told = ""

    def due(self) -> None:
        """Labels have changed, or may have. Returns at once."""
        with self._lock:
            if self._busy:
                self._again = True
                return
            self._busy = True
        threading.Thread(target=self._run, daemon=True).start()

    def take(self) -> str:
        """Let the latest refit order the queue. For the thread that owns the desk.

        Returns what somebody could mend where it came to nothing, once; else nothing.
        """
        with self._lock:
            latest, self._latest = self._latest, None
            news = "" if self._trouble == self._told else self._trouble
            self._told = self._trouble
        if latest is not None:
            self._desk.learn(latest)
        return news

    def _run(self) -> None:
        while True:
            found: Rescored | None = None
            try:
                found, trouble = self._desk.refit(), ""
            except EngineRefusalError as error:
                trouble = f"{error.message} {error.hint}".strip()
            except SameskuError:
                trouble = ""  # the queue stays in the order that it has; the engine is started again by itself
            with self._lock:
                self._latest, self._trouble = found or self._latest, trouble
                if not self._again:
                    self._busy = False
                    return
                self._again = False
