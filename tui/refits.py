"""Refits of the matcher for the plain line mode, which has no event loop: one at a time, in a thread."""

import threading

from core.queue.rescored import Rescored
from labels.errors import SameskuError
from tui.ports import Desk


class Refits:
    """Runs one refit at a time; what is decided meanwhile asks for one more, however much it is."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._busy = False
        self._again = False
        self._latest: Rescored | None = None

    def due(self) -> None:
        """Labels have changed, or may have. Returns at once."""
        with self._lock:
            if self._busy:
                self._again = True
                return
            self._busy = True
        threading.Thread(target=self._run, daemon=True).start()

    def take(self) -> None:
        """Let the latest refit order the queue. For the thread that owns the desk."""
        with self._lock:
            latest, self._latest = self._latest, None
        if latest is not None:
            self._desk.learn(latest)

    def _run(self) -> None:
        while True:
            found: Rescored | None = None
            try:
                found = self._desk.refit()
            except SameskuError:
                found = None  # the queue stays in the order that it has
            with self._lock:
                self._latest = found or self._latest
                if not self._again:
                    self._busy = False
                    return
                self._again = False
