"""The models screen: the encoders of the workspace, their metrics, and comparisons query by query."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import on
from textual.message import Message
from textual.widget import Widget

from core.evaluation.comparison import Comparison
from core.evaluation.model_overview import Overview
from core.text.safe import safe
from labels.errors import SameskuError
from tui.background import in_background
from tui.common.dialogs import ConfirmDialog
from tui.common.full_page import TwoSidedScreen
from tui.common.words import duration
from tui.key_bindings import MODELS, bindings
from tui.models.comparison import ComparisonPane
from tui.models.encoders import EncodersPane
from tui.services.desk import Desk

_FOR_LEADS = "Only leads promote an encoder or roll back."
_CONSEQUENCE = "A job indexes the catalogue with it and re-ranks the queue, while everybody goes on. It can be undone."
_EXPORT = (
    "A job writes a folder for sentence-transformers to reports/ of the workspace, and verifies it. ONNX or the adapter"
    " alone: `samesku models export ID --format onnx`."
)
_NO_OTHER = "Retrain (ctrl+p) makes another encoder from the labels, compares it with the champion, and keeps both."


@dataclass
class OverviewRead(Message):
    """The encoders were read; without an overview, `trouble` says why."""

    overview: Overview | None
    trouble: str = ""


@dataclass
class ComparisonRead(Message):
    """The comparison of two encoders was read; None where there is none, and `trouble` where it is damaged."""

    pair: tuple[str, str]
    comparison: Comparison | None
    trouble: str = ""


class ModelsScreen(TwoSidedScreen):
    """Encoders on the left, the comparison of the highlighted one on the right."""

    BINDINGS = bindings(MODELS)
    HEADLINE = "Models"
    SIDES = ("Encoders", "Query by query")
    ACTS = MODELS

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._overview: Overview | None = None

    def sides(self) -> Iterable[Widget]:
        """Encoders and comparison."""
        yield EncodersPane(id="encoders")
        yield ComparisonPane(id="compared", named=self._desk.facts.lead)

    def reload(self) -> None:
        """Read the encoders in the background."""
        in_background(self, "encoders", self._read_overview)

    @property
    def encoders(self) -> EncodersPane:
        """The left side."""
        return self.query_one(EncodersPane)

    @property
    def comparison(self) -> ComparisonPane:
        """The right side."""
        return self.query_one(ComparisonPane)

    @property
    def pair(self) -> tuple[str, str] | None:
        """The two encoders that are compared where the highlighted one is shown; None where there is only one."""
        current = self.encoders.current
        return self._overview.pair(current.id) if self._overview and current else None

    # -- reading -------------------------------------------------------------------------------------------

    def _read_overview(self) -> Message:
        try:
            return OverviewRead(self._desk.encoder_overview())
        except SameskuError as error:
            return OverviewRead(None, f"{error.message} {error.hint}".strip())

    @on(OverviewRead)
    def _show_encoders(self, message: OverviewRead) -> None:
        self._overview = message.overview
        if message.overview is None:
            self.encoders.show_error(message.trouble)
        else:
            self.encoders.show(message.overview)
            self._request_comparison()

    def _request_comparison(self) -> None:
        pair = self.pair
        if pair is None:
            self.comparison.show_text("There is nothing to compare yet", _NO_OTHER)
        else:
            in_background(self, "compare", lambda: self._read_comparison(pair))

    def _read_comparison(self, pair: tuple[str, str]) -> Message:
        try:
            return ComparisonRead(pair, self._desk.encoder_comparison(*pair))
        except SameskuError as error:
            return ComparisonRead(pair, None, f"{error.message} {error.hint}".strip())

    @on(ComparisonRead)
    def _show_comparison(self, message: ComparisonRead) -> None:
        if message.comparison is not None:
            self.comparison.show(message.comparison)
        else:
            takes_s = self._overview.comparison_seconds if self._overview else None
            text = message.trouble or f"These two have not been compared yet. {_comparison_cost(takes_s)}"
            self.comparison.show_text(" → ".join(message.pair), f"{text} c compares them.")

    # -- keys ----------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """Highlight a neighbouring encoder, or scroll the queries."""
        if self.on_the_right:
            self.query_one("#moved").scroll_relative(y=step, animate=False)
        elif self.encoders.move(step):
            self._request_comparison()

    def action_page(self, step: int) -> None:
        """Scroll the queries or the facts by a page."""
        pane = self.query_one("#moved" if self.on_the_right else "#encoder-facts")
        pane.scroll_relative(y=step * max(1, pane.size.height - 2), animate=False)

    def action_ranking(self) -> None:
        """Compare by the next ranking."""
        self.comparison.next_ranking()

    def action_filter(self) -> None:
        """List the next outcome only, or all queries again."""
        self.comparison.next_filter()

    # -- jobs ----------------------------------------------------------------------------------------------

    def action_compare(self) -> None:
        """Compare the pair, as a job."""
        if self.pair is None:
            self.say("There is no other encoder to compare with.")
        else:
            self.start_job("models", "compare", *self.pair)

    def action_promote(self) -> None:
        """Make the highlighted encoder the champion, once confirmed."""
        current = self.encoders.current
        if not self._desk.facts.lead:
            self.say(_FOR_LEADS)
        elif current is None or current.is_champion:
            self.say("This encoder is the champion already.")
        elif current.rejection:
            question = f"{safe(current.rejection)} Promote {current.id} all the same? That is recorded."
            self._confirm(question, "Promote", ("models", "promote", current.id, "--force"))
        else:
            self._confirm(f"Promote {current.id} to champion?", "Promote", ("models", "promote", current.id))

    def action_rollback(self) -> None:
        """Make the previous champion the champion again, once confirmed."""
        before = self._overview.before if self._overview else None
        if not self._desk.facts.lead:
            self.say(_FOR_LEADS)
        elif before is None:
            self.say("There is no earlier champion to roll back to.")
        else:
            self._confirm(f"Roll back to {before}?", "Roll back", ("models", "rollback"))

    def action_export(self) -> None:
        """Export the highlighted encoder to the reports of the workspace, as a job, once confirmed."""
        current = self.encoders.current
        if current is None:
            self.say("There is no encoder to export yet.")
        else:
            self._confirm(f"Export {current.id}?", "Export", ("models", "export", current.id), _EXPORT)

    def _confirm(self, question: str, yes: str, job: tuple[str, ...], consequence: str = _CONSEQUENCE) -> None:
        def start(confirmed: bool | None) -> None:
            if confirmed:
                self.start_job(*job)

        self.app.push_screen(ConfirmDialog(f"{question} {consequence}", yes=yes, no="Leave it"), start)


def _comparison_cost(takes_s: float | None) -> str:
    """How long a comparison takes, in a sentence."""
    about = "about a minute" if takes_s is None else f"about {duration(takes_s)}, as the last one did"
    return (
        f"It takes {about}, in the background; as long as the first index run if one of them has not encoded the "
        "catalogue yet."
    )
