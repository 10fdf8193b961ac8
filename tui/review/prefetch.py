"""Prepares the query that comes next, while the one on the screen is read."""

from textual.timer import Timer
from textual.widget import Widget

from tui.background import failures_shown
from tui.ports import Review
from tui.review.query_view import QueryView

#: After the last key; a key that comes meanwhile puts it off.
_PAUSE_S = 0.1


class Prefetch(Widget):
    """Shows nothing. What it prepares is used if that query comes, and forgotten if another one does."""

    DEFAULT_CSS = "Prefetch { display: none; }"

    def __init__(self, review: Review) -> None:
        super().__init__()
        self._review = review
        self._timer: Timer | None = None

    def due(self) -> None:
        """Something else is on the screen, or the queue has another order."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE_S, self._prepare)

    def _prepare(self) -> None:
        with failures_shown(self.app):
            item = self._review.ahead()
            if item is not None:
                self.screen.query_one(QueryView).prepare(item)
