"""The monitor screen: how bands, similarities and probabilities are distributed, and what has moved."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from core.monitoring.history import History
from core.text.safe import safe
from labels.errors import SameskuError
from tui.background import in_background
from tui.common.full_page import TwoSidedScreen
from tui.common.lists import Lines
from tui.key_bindings import MONITOR, bindings
from tui.monitoring.text import distribution_lines, drift_lines
from tui.theme import MUTED

_NOTHING_MEASURED = (
    "Nothing was measured yet. Press m: the present state of catalogues and matches becomes the reference, and later "
    "runs, best after each index run, say what has moved since. It takes seconds, beside your work."
)


@dataclass
class HistoryRead(Message):
    """The history was read; without one, `trouble` says why, or is empty before the first run."""

    history: History | None
    trouble: str = ""


class MonitorScreen(TwoSidedScreen):
    """Bands and distributions on the left; on the right what has moved, and the figures of each category."""

    BINDINGS = bindings(MONITOR)
    HEADLINE = "Monitor"
    SIDES = ("Distributions", "Drift")
    ACTS = MONITOR

    def sides(self) -> Iterable[Widget]:
        """Lines on both sides."""
        yield Lines(id="distributions")
        yield Lines(id="drift")

    def reload(self) -> None:
        """Read the saved result in the background."""
        in_background(self, "monitoring", self._read)

    def _read(self) -> Message:
        try:
            return HistoryRead(self._desk.monitoring())
        except SameskuError as error:
            return HistoryRead(None, f"{error.message} {error.hint}".strip())

    @on(HistoryRead)
    def _show(self, message: HistoryRead) -> None:
        history = message.history
        if history is None or not history.days:
            text = safe(message.trouble or _NOTHING_MEASURED)
            self.query_one("#distributions", Lines).show(lambda width: list(Content.styled(text, MUTED).wrap(width)))
            return
        self.query_one("#distributions", Lines).show(lambda width: distribution_lines(history, width))
        self.query_one("#drift", Lines).show(lambda width: drift_lines(history, width))

    # -- keys ----------------------------------------------------------------------------------------------

    def action_scroll_lines(self, step: int) -> None:
        """Scroll by a few lines."""
        side = self.query_one("#drift" if self.on_the_right else "#distributions", Lines)
        side.scroll_relative(y=4 * step, animate=False)

    def action_measure(self) -> None:
        """Measure again as a job, and show its result here."""
        self.start_job("monitor")
