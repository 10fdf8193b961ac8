"""What was measured of the machine: figures with their intervals, the bands, the calibration, and their course."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from core.text.safe import safe
from labels.errors import SameskuError
from tui.actions import EVALUATION, bindings
from tui.background import in_background
from tui.common.full_page import TwoSidedScreen
from tui.common.lists import Lines
from tui.evaluation.text import calibration_lines, figure_lines
from tui.ports import Desk, Measured
from tui.theme import MUTED

_NOTHING = (
    "Nothing was evaluated yet. Press e to measure the encoder in use and the matcher on the validation set, from "
    "which nothing learns: how well known matches are found, how well pairs are told apart, and whether a probability "
    "keeps its word. It takes a minute or a few, beside your work."
)


@dataclass
class Read(Message):
    """The evaluations were read; None where they cannot be, and why not."""

    measured: Measured | None
    trouble: str = ""


class EvaluationScreen(TwoSidedScreen):
    """Figures on the left, calibration and course on the right."""

    BINDINGS = bindings(EVALUATION)
    HEADLINE = "Evaluation"
    SIDES = ("Figures", "Calibration")
    ACTS = EVALUATION

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._measured: Measured | None = None
        self._shown = 0

    def sides(self) -> Iterable[Widget]:
        """Lines on both sides."""
        yield Lines(id="figures")
        yield Lines(id="calibration")

    def on_mount(self) -> None:
        """Read beside the keyboard."""
        super().on_mount()
        in_background(self, "evaluations", self._read)

    def _read(self) -> Message:
        try:
            return Read(self._desk.evaluations.read())
        except SameskuError as error:
            return Read(None, f"{error.message} {error.hint}".strip())

    @on(Read)
    def _show(self, message: Read) -> None:
        self._measured = message.measured
        found = message.measured
        if found is None:
            self._tell([message.trouble])
        elif found.kept.evaluations:
            self._draw()
        else:
            self._tell([_NOTHING, *found.kept.damaged])

    def _tell(self, sentences: list[str]) -> None:
        self.query_one("#figures", Lines).show(
            lambda width: [line for text in sentences for line in Content.styled(safe(text), MUTED).wrap(width)]
        )

    def _draw(self) -> None:
        found = self._measured
        if found is None or not found.kept.evaluations:
            return
        shown, model = found.kept.evaluations[self._shown], self._desk.model
        self.query_one("#figures", Lines).show(lambda width: figure_lines(shown, found, model, width))
        self.query_one("#calibration", Lines).show(lambda width: calibration_lines(shown, found, width))

    # -- keys ----------------------------------------------------------------------------------------------

    @property
    def lines(self) -> Lines:
        """The side that keys go to."""
        return self.query_one("#calibration" if self.on_the_right else "#figures", Lines)

    def action_scroll_lines(self, step: int) -> None:
        """Scroll by a few lines."""
        self.lines.scroll_relative(y=4 * step, animate=False)

    def action_other(self, step: int) -> None:
        """To an earlier evaluation, or a later one."""
        count = len(self._measured.kept.evaluations) if self._measured else 0
        if not 0 <= self._shown + step < count:
            self.say("There is no earlier evaluation." if step > 0 else "This is the latest evaluation.")
            return
        self._shown += step
        self._draw()

    def action_evaluate(self) -> None:
        """Measure anew, as a job."""
        self.dismiss(("evaluate",))
