"""Refits the matcher in the background as decisions come in."""

from textual import on
from textual.message import Message
from textual.widget import Widget

from labels.errors import SameskuError
from tui.background import in_background, tell
from tui.errors import WorkerRefusalError
from tui.messages import Failed, Learnt, Refitted
from tui.services.desk import Desk


class Learner(Widget):
    """An invisible widget. One refit runs at a time; decisions made meanwhile cause exactly one more.

    The desk never waits for a refit. If there is no worker, or the refit fails, the queue keeps its order; a failure
    that the user can fix is reported once.
    """

    DEFAULT_CSS = "Learner { display: none; }"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._busy = False
        self._pending = False
        self._reported: Failed | None = None

    def on_mount(self) -> None:
        """Start the first refit after the first query is on the screen."""
        self.call_after_refresh(self.schedule)

    def schedule(self) -> None:
        """Refit, because labels may have changed; returns at once."""
        if not self._desk.can_refit:
            return
        if self._busy:
            self._pending = True
            return
        self._busy = True
        in_background(self, "refit", self._refit)

    def _refit(self) -> Message:
        try:
            return Refitted(self._desk.refit())
        except WorkerRefusalError as error:
            return Refitted(None, Failed(error.message, error.hint))
        except SameskuError:
            return Refitted(None)  # the worker is restarted automatically

    @on(Refitted)
    def _on_refitted(self, message: Refitted) -> None:
        self._busy = False
        if message.trouble is not None and message.trouble != self._reported:
            tell(self.app, message.trouble)
        self._reported = message.trouble
        if message.rescored is not None:
            self._desk.apply_refit(message.rescored)
            self.post_message(Learnt())
        if self._pending:
            self._pending = False
            self.schedule()

    def on_unmount(self) -> None:
        """Stop the worker, so that closing the desk does not wait for it."""
        self._desk.stop_workers()
