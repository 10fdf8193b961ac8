"""The encoders of the workspace, and all that is known of the highlighted one."""

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.registry.overview import Listed, Overview
from core.text.safe import safe
from tui.style import CAREFUL, MUTED
from tui.widgets.encoder_text import encoder_facts, encoder_list
from tui.widgets.heading import Heading
from tui.widgets.lines import Lines


class EncodersPane(Vertical):
    """A list of two lines each, and facts that scroll."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._overview: Overview | None = None
        self._highlighted = 0

    def compose(self) -> ComposeResult:
        """List, name, facts."""
        with VerticalScroll(id="encoder-list", can_focus=False):
            yield Static(id="encoder-lines", markup=False)
        yield Heading(id="encoder-name")
        yield Lines(id="encoder-facts")

    @property
    def current(self) -> Listed | None:
        """The highlighted encoder; the champion at first."""
        encoders = self._overview.encoders if self._overview else ()
        return encoders[self._highlighted] if encoders else None

    def show(self, overview: Overview) -> None:
        """Show encoders."""
        self._overview = overview
        self._draw()

    def complain(self, text: str) -> None:
        """Say why there is nothing to show."""
        self.query_one("#encoder-lines", Static).update(Content.styled(safe(text), CAREFUL))

    def move(self, step: int) -> bool:
        """To a neighbour; False where there is none."""
        count = len(self._overview.encoders) if self._overview else 0
        to = max(0, min(self._highlighted + step, count - 1))
        moved, self._highlighted = to != self._highlighted, to
        if moved:
            self._draw()
        return moved

    def _draw(self) -> None:
        overview, current = self._overview, self.current
        if overview is None:
            return
        pane = self.query_one("#encoder-list")
        width = max(10, pane.scrollable_content_region.width)
        self.query_one("#encoder-lines", Static).update(encoder_list(overview, current, width))
        pane.scroll_to(y=max(0, 2 * self._highlighted - 2), animate=False)
        name = safe(current.id) if current else "No encoder yet"
        self.query_one("#encoder-name", Heading).show((1, Content.styled(name, MUTED)))
        self.query_one("#encoder-facts", Lines).show(lambda width: encoder_facts(current, overview, width))

    def on_resize(self) -> None:
        """The list is made for the width."""
        self.call_after_refresh(self._draw)
