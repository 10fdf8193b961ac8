"""The evaluation screen: metrics with intervals, bands, calibration, and how they changed over time."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from core.text.safe import safe
from labels.errors import SameskuError
from tui.background import in_background
from tui.common.full_page import TwoSidedScreen
from tui.common.lists import Lines
from tui.evaluation.text import calibration_lines, figure_lines
from tui.key_bindings import EVALUATION, bindings
from tui.ports import EvaluationResults
from tui.services.desk import Desk
from tui.theme import MUTED

_NO_EVALUATION = (
    "Nothing was evaluated yet. Press e to measure the champion and the matcher on the validation set, which is never "
    "trained on: retrieval of known matches, pair classification, and whether probabilities are calibrated. It takes a "
    "minute or a few, beside your work."
)


@dataclass
class EvaluationsRead(Message):
    """The evaluations were read; without results, `trouble` says why."""

    results: EvaluationResults | None
    trouble: str = ""


class EvaluationScreen(TwoSidedScreen):
    """Metrics of an evaluation on the left, calibration and earlier evaluations on the right."""

    BINDINGS = bindings(EVALUATION)
    HEADLINE = "Evaluation"
    SIDES = ("Metrics", "Calibration")
    ACTS = EVALUATION

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._results: EvaluationResults | None = None
        self._shown = 0

    def sides(self) -> Iterable[Widget]:
        """Lines on both sides."""
        yield Lines(id="figures")
        yield Lines(id="calibration")

    def reload(self) -> None:
        """Read the evaluations in the background."""
        in_background(self, "evaluations", self._read)

    def _read(self) -> Message:
        try:
            return EvaluationsRead(self._desk.evaluation_results())
        except SameskuError as error:
            return EvaluationsRead(None, f"{error.message} {error.hint}".strip())

    @on(EvaluationsRead)
    def _show(self, message: EvaluationsRead) -> None:
        results = self._results = message.results
        self._shown = 0
        if results is None:
            self._show_sentences([message.trouble])
        elif results.saved.evaluations:
            self._draw()
        else:
            self._show_sentences([_NO_EVALUATION, *results.saved.damaged])

    def _show_sentences(self, sentences: list[str]) -> None:
        self.query_one("#figures", Lines).show(
            lambda width: [line for text in sentences for line in Content.styled(safe(text), MUTED).wrap(width)]
        )

    def _draw(self) -> None:
        results = self._results
        if results is None or not results.saved.evaluations:
            return
        shown, model = results.saved.evaluations[self._shown], self._desk.model
        self.query_one("#figures", Lines).show(lambda width: figure_lines(shown, results, model, width))
        self.query_one("#calibration", Lines).show(lambda width: calibration_lines(shown, results, width))

    # -- keys ----------------------------------------------------------------------------------------------

    @property
    def lines(self) -> Lines:
        """The side with the focus."""
        return self.query_one("#calibration" if self.on_the_right else "#figures", Lines)

    def action_scroll_lines(self, step: int) -> None:
        """Scroll by a few lines."""
        self.lines.scroll_relative(y=4 * step, animate=False)

    def action_other(self, step: int) -> None:
        """Show an earlier evaluation, or a later one."""
        count = len(self._results.saved.evaluations) if self._results else 0
        if not 0 <= self._shown + step < count:
            self.say("There is no earlier evaluation." if step > 0 else "This is the latest evaluation.")
            return
        self._shown += step
        self._draw()

    def action_evaluate(self) -> None:
        """Run a new evaluation as a job, and show it here."""
        self.start_job("evaluate")
