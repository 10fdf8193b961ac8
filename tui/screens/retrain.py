"""Before a retrain: what it would learn from, how, how long it may take, and what happens then."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Static

from core.text.safe import safe
from tui.actions import bindings
from tui.messages import Failed
from tui.page_actions import RETRAIN
from tui.ports.desk import Desk
from tui.screens.dialog import Dialog
from tui.style import MUTED
from tui.widgets.job_text import how_far
from tui.widgets.retrain_text import plan_text
from tui.workers import in_background, tell

if TYPE_CHECKING:
    from core.train.plan import RetrainPlan

_MOST_EPOCHS = 100


@dataclass
class Planned(Message):
    """It is known what a retrain would do."""

    plan: "RetrainPlan"


class RetrainDialog(Dialog[list[str]]):
    """Answers with the command line of the retrain; with an empty one, to see the retrain that runs already."""

    BINDINGS = bindings(RETRAIN)
    HEADLINE = "Retrain"
    ACTS = RETRAIN
    # Nothing is lost by a retrain that is not wanted: it can be ended, and a worse model is never put in use.
    AUTO_FOCUS = "#start"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._plan: RetrainPlan | None = None
        self._epochs = 0

    def body(self) -> Iterable[Widget]:
        """Plan and buttons."""
        counting = Content.styled("Counting the labels …", MUTED)
        with VerticalScroll(id="plan", can_focus=False):
            yield Static(counting, id="plan-text", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Start", id="start", variant="primary", compact=True)
            yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """Plan beside the keyboard: there may be many labels."""
        in_background(self, "plan", lambda: Planned(self._desk.retraining.plan()))

    @on(Planned)
    def _show(self, message: Planned) -> None:
        plan = self._plan = message.plan
        self._epochs = plan.recipe.epochs
        start = self.query_one("#start", Button)
        start.display = plan.possible or plan.running is not None
        if plan.running is not None:
            start.label = "Show it"
        if not start.display:
            self.query_one("#cancel").focus()
        self._draw()

    def _draw(self) -> None:
        plan, text = self._plan, self.query_one("#plan-text", Static)
        if plan is None:
            return
        if plan.running is not None:
            who = f", started by {safe(plan.running.by)}" if plan.running.by else ""
            text.update(Content(f"A retrain runs already{who}: ") + how_far(plan.running) + Content("."))
        else:
            width = self.query_one("#plan").scrollable_content_region.width
            text.update(plan_text(plan, self._epochs, self._desk.outlook, width))

    def on_resize(self) -> None:
        """The lines are made for the width."""
        self.call_after_refresh(self._draw)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        tell(self.app, message)
        self.dismiss(None)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        plan = self._plan
        if event.button.id == "cancel":
            self.dismiss(None)
        elif plan is not None and plan.running is not None:
            self.dismiss([])
        elif plan is not None:
            chosen = ["--set", f"retrain.epochs={self._epochs}"] if self._epochs != plan.recipe.epochs else []
            self.dismiss(["retrain", *chosen])

    def action_epochs(self, step: int) -> None:
        """More epochs, or fewer; from those that there will be, for few matches take more than were asked for."""
        plan = self._plan
        if plan is not None and plan.possible and plan.running is None:
            least = plan.epochs(1)
            self._epochs = max(least, min(plan.epochs(self._epochs) + step, max(least, _MOST_EPOCHS)))
            self._draw()

    def action_start(self) -> None:
        """What Enter does, by a click on the key bar."""
        focused = self.focused
        if isinstance(focused, Button):
            focused.press()
