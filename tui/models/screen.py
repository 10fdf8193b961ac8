"""The encoders of the workspace: which is in use, how good each is, and what another one makes of each query."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from core.evaluation.comparison import Comparison
from core.evaluation.model_overview import Listed, Overview
from core.text.safe import safe
from labels.errors import SameskuError
from tui.actions import MODELS, bindings
from tui.background import in_background
from tui.common.dialogs import ConfirmDialog
from tui.common.full_page import TwoSidedScreen
from tui.common.lists import Lines
from tui.common.text import Heading
from tui.common.words import duration
from tui.models.text import ComparedPane, encoder_facts, encoder_list
from tui.services.desk import Desk
from tui.theme import CAREFUL, MUTED


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


_FOR_LEADS = "Only leads put another encoder in use."
_CONSEQUENCE = (
    "The catalogue is indexed by it and the queue is ranked anew, as a job, while everybody goes on. It can be undone."
)
_ALONE = "Retrain (ctrl+p) makes another encoder from the labels, compares it with the one in use, and keeps both."


@dataclass
class Looked(Message):
    """The encoders were read; None where nobody can tell which is in use, and why not."""

    overview: Overview | None
    trouble: str = ""


@dataclass
class Compared(Message):
    """What is known of two encoders; None where they were not compared, or it cannot be read, and why not."""

    pair: tuple[str, str]
    comparison: Comparison | None
    trouble: str = ""


class ModelsScreen(TwoSidedScreen):
    """Encoders on the left, what the highlighted one changes on the right."""

    BINDINGS = bindings(MODELS)
    HEADLINE = "Models"
    SIDES = ("Encoders", "Query by query")
    ACTS = MODELS

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._overview: Overview | None = None

    def sides(self) -> Iterable[Widget]:
        """Encoders and comparison."""
        yield EncodersPane(id="encoders")
        yield ComparedPane(id="compared", named=self._desk.facts.lead)

    def on_mount(self) -> None:
        """Read beside the keyboard."""
        super().on_mount()
        in_background(self, "encoders", self._look)

    def _look(self) -> Message:
        try:
            return Looked(self._desk.encoder_overview())
        except SameskuError as error:
            return Looked(None, f"{error.message} {error.hint}".strip())

    @on(Looked)
    def _show_encoders(self, message: Looked) -> None:
        self._overview = message.overview
        if message.overview is None:
            self.encoders.complain(message.trouble)
        else:
            self.encoders.show(message.overview)
            self._seek_comparison()

    @property
    def encoders(self) -> EncodersPane:
        """The left side."""
        return self.query_one(EncodersPane)

    @property
    def compared(self) -> ComparedPane:
        """The right side."""
        return self.query_one(ComparedPane)

    @property
    def pair(self) -> tuple[str, str] | None:
        """What is compared where the highlighted encoder is looked at."""
        current = self.encoders.current
        return self._overview.pair(current.id) if self._overview and current else None

    def _seek_comparison(self) -> None:
        pair = self.pair
        if pair is None:
            self.compared.say("There is nothing to compare yet", _ALONE)
        else:
            in_background(self, "compare", lambda: self._read(pair))

    def _read(self, pair: tuple[str, str]) -> Message:
        try:
            return Compared(pair, self._desk.encoder_comparison(*pair))
        except SameskuError as error:
            return Compared(pair, None, f"{error.message} {error.hint}".strip())

    @on(Compared)
    def _show_comparison(self, message: Compared) -> None:
        if message.comparison is not None:
            self.compared.show(message.comparison)
        else:
            takes_s = self._overview.comparing_takes_s if self._overview else None
            text = message.trouble or f"These two have not been compared yet. {_cost(takes_s)}"
            self.compared.say(" → ".join(message.pair), f"{text} c compares them.")

    # -- keys ----------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """To a neighbouring encoder, or along the queries."""
        if self.on_the_right:
            self.query_one("#moved").scroll_relative(y=step, animate=False)
        elif self.encoders.move(step):
            self._seek_comparison()

    def action_page(self, step: int) -> None:
        """A page of what is long."""
        pane = self.query_one("#moved" if self.on_the_right else "#encoder-facts")
        pane.scroll_relative(y=step * max(1, pane.size.height - 2), animate=False)

    def action_ranking(self) -> None:
        """By another ranking."""
        self.compared.next_ranking()

    def action_filter(self) -> None:
        """Only some of the queries."""
        self.compared.next_outcome()

    # -- jobs ----------------------------------------------------------------------------------------------

    def action_compare(self) -> None:
        """Compare, as a job."""
        if self.pair is None:
            self.say("There is no other encoder to compare with.")
        else:
            self.dismiss(("models", "compare", *self.pair))

    def action_promote(self) -> None:
        """Put the highlighted encoder in use, once confirmed."""
        current = self.encoders.current
        if not self._desk.facts.lead:
            self.say(_FOR_LEADS)
        elif current is None or current.in_use:
            self.say("This encoder is in use already.")
        else:
            self._ask(f"Put {current.id} in use?", "Put in use", ("models", "promote", current.id))

    def action_rollback(self) -> None:
        """Go back to the encoder before, once confirmed."""
        before = self._overview.before if self._overview else None
        if not self._desk.facts.lead:
            self.say(_FOR_LEADS)
        elif before is None:
            self.say("There is nothing to go back to.")
        else:
            self._ask(f"Go back to {before}?", "Go back", ("models", "rollback"))

    def _ask(self, question: str, yes: str, job: tuple[str, ...]) -> None:
        def then(sure: bool | None) -> None:
            if sure:
                self.dismiss(job)

        self.app.push_screen(ConfirmDialog(f"{question} {_CONSEQUENCE}", yes=yes, no="Leave it"), then)


def _cost(takes_s: float | None) -> str:
    """What a comparison costs, before anybody asks for one."""
    known = "about a minute" if takes_s is None else f"about {duration(takes_s)}, as the last one did"
    return (
        f"It takes {known}, beside your work; where one of them has not read the catalogue before, as long as the "
        "first index run."
    )
