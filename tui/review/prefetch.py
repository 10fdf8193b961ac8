"""Prepares the next query while the current one is read."""

from contextlib import suppress

from textual.css.query import NoMatches
from textual.timer import Timer
from textual.widget import Widget

from core.queue.session import ReviewSession
from tui.background import failures_shown
from tui.review.query_view import QueryView

#: Seconds after the last key; each key restarts the delay.
_DELAY_S = 0.1


class Prefetch(Widget):
    """An invisible widget. The prepared rows are used if that query is shown next, and discarded otherwise."""

    DEFAULT_CSS = "Prefetch { display: none; }"

    def __init__(self, review: ReviewSession) -> None:
        super().__init__()
        self._review = review
        self._timer: Timer | None = None

    def schedule(self) -> None:
        """Prepare after a delay, because the query on the screen or the queue's order has changed."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_DELAY_S, self._prepare)

    def _prepare(self) -> None:
        # While the desk closes, its widgets go one after the other.
        with failures_shown(self.app), suppress(NoMatches):
            item = self._review.peek()
            if item is not None:
                self.screen.query_one(QueryView).prepare(item)
