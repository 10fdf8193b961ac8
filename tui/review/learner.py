"""Has the matcher refitted as decisions come in, beside the keyboard."""

from textual import on
from textual.message import Message
from textual.widget import Widget

from labels.errors import SameskuError
from tui.background import in_background, tell
from tui.errors import WorkerRefusalError
from tui.messages import Failed, Learnt, Refitted
from tui.services.desk import Desk


class Learner(Widget):
    """Shows nothing. One refit runs at a time; what is decided meanwhile asks for one more, however much it is.

    The desk never waits for it. Where there is no engine, or it fails, the queue stays in the order that it has; what
    somebody could mend is told once.
    """

    DEFAULT_CSS = "Learner { display: none; }"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._busy = False
        self._again = False
        self._told: Failed | None = None

    def on_mount(self) -> None:
        """Start the engine once the first query is on the screen."""
        self.call_after_refresh(self.due)

    def due(self) -> None:
        """Labels have changed, or may have."""
        if not self._desk.can_refit:
            return
        if self._busy:
            self._again = True
            return
        self._busy = True
        in_background(self, "refit", self._refit)

    def _refit(self) -> Message:
        try:
            return Refitted(self._desk.refit())
        except WorkerRefusalError as error:
            return Refitted(None, Failed(error.message, error.hint))
        except SameskuError:
            return Refitted(None)  # it is started again by itself

    @on(Refitted)
    def _done(self, message: Refitted) -> None:
        self._busy = False
        if message.trouble is not None and message.trouble != self._told:
            tell(self.app, message.trouble)
        self._told = message.trouble
        if message.rescored is not None:
            self._desk.apply_refit(message.rescored)
            self.post_message(Learnt())
        if self._again:
            self._again = False
            self.due()

    def on_unmount(self) -> None:
        """Nobody who leaves waits for the engine."""
        self._desk.stop_workers()
