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

from core.queue.refit_result import ExpectedGain
from core.text.safe import safe
from labels.wording import counted
from tui.actions import RETRAIN, bindings
from tui.background import in_background, tell
from tui.common.dialogs import Dialog
from tui.common.words import duration, moment_of
from tui.jobs.text import progress_summary
from tui.messages import Failed
from tui.services.desk import Desk
from tui.theme import CAREFUL, KEY, MUTED, STRONG

if TYPE_CHECKING:
    from core.training.plan import RetrainPlan


#: Columns of the names on the left.
_NAMES = 12


def plan_text(plan: "RetrainPlan", epochs: int, outlook: ExpectedGain | None, width: int) -> Content:
    """All that there is to know before one says yes.

    Args:
        plan: what would be done.
        epochs: how many were asked for.
        outlook: what is to be gained by labelling on instead; None where nobody can tell.
        width: columns to fill.
    """
    rows = [("learns from", _learns_from(plan))]
    if plan.unsure or plan.conflicts:
        rows.append(("left out", _left_out(plan)))
    rows.append(("judged on", _judged_on(plan)))
    if plan.possible:
        rows += [("epochs", _epochs(plan, epochs)), ("recipe", _recipe(plan)), ("takes", _takes(plan, epochs))]
        rows.append(("then", _then(plan)))
    if outlook is not None and outlook.queries:
        rows.append(("instead", Content.styled(_outlook(outlook), MUTED)))
    return Content("\n").join([line for name, text in rows for line in _row(name, text, width)])


def _row(name: str, text: Content, width: int) -> list[Content]:
    first, *rest = text.wrap(max(20, width - _NAMES))
    return [
        Content.styled(name.ljust(_NAMES), MUTED) + first,
        *(Content(" " * _NAMES) + line for line in rest),
    ]


def _learns_from(plan: "RetrainPlan") -> Content:
    if plan.matches < 2:
        text = f"{counted(plan.matches, 'match', 'matches')}: too few. Accept some candidates first."
        return Content.styled(text, CAREFUL)
    return Content.assemble(
        (counted(plan.matches, "match", "matches"), STRONG), " and ",
        (counted(plan.rejections, "rejection", "rejections"), STRONG),
        f" of {counted(plan.queries, 'query', 'queries')}",
    )  # fmt: skip


def _left_out(plan: "RetrainPlan") -> Content:
    parts = []
    if plan.unsure:
        parts.append(Content(f"{plan.unsure:,} unsure"))
    if plan.conflicts:
        parts.append(Content.styled(f"{plan.conflicts:,} conflicting, to be settled (stream: adjudication)", CAREFUL))
    return Content(", ").join(parts)


def _judged_on(plan: "RetrainPlan") -> Content:
    if not plan.eval_queries:
        return Content.styled("nothing: no query to judge on has a known match.", CAREFUL)
    what = f"of {safe(plan.judged_on)}, which nothing learns from" if plan.manual else "held out of what it learns from"
    few = f"; fewer than {plan.recipe.min_queries:,}, so that the model in use stays" if plan.too_few else ""
    return Content.assemble((counted(plan.eval_queries, "query", "queries"), STRONG), f" {what}", (few, CAREFUL))


def _epochs(plan: "RetrainPlan", wanted: int) -> Content:
    epochs = plan.epochs(wanted)
    few = f"; {wanted} {'is' if wanted == 1 else 'are'} too few" if epochs > wanted else ""
    return Content.assemble(
        ("↓ ", KEY), (f"{epochs}", STRONG), (" ↑", KEY),
        f"  {'time' if epochs == 1 else 'times'} over the matches: {counted(plan.steps(wanted), 'step', 'steps')}",
        (few, MUTED),
    )  # fmt: skip


def _recipe(plan: "RetrainPlan") -> Content:
    recipe = plan.recipe
    return Content(
        f"{counted(min(recipe.batch_size, plan.matches), 'match', 'matches')} a step, "
        f"each with {counted(recipe.hard_negatives, 'hard negative', 'hard negatives')}; "
        f"LoRA of rank {recipe.rank}, learning rate {recipe.learning_rate:g}"
    )


def _takes(plan: "RetrainPlan", epochs: int) -> Content:
    seconds = plan.seconds(epochs)
    if seconds is None:
        return Content("Nobody knows yet: nothing has been measured in this workspace.")
    time = Content.styled(f"about {duration(seconds)}", STRONG)
    if plan.precedent is None:
        return time + Content(", a guess from how long the index took; once it runs, from its own pace")
    took = plan.precedent.took_s or 0.0
    return time + Content(
        f", going by the retrain of {moment_of(plan.precedent.started_at)}, which took {duration(took)}"
    )


def _then(plan: "RetrainPlan") -> Content:
    outcome = (
        "The new model is kept, and not used until a lead says so."
        if plan.waits or plan.too_few
        else "If the new model is better beyond chance it is put in use, all is indexed again, and the queue is"
        " ordered anew."
    )
    return Content(f"{outcome} You can go on meanwhile, and close the terminal.")


def _outlook(outlook: ExpectedGain) -> str:
    return (
        f"label on: of {counted(outlook.queries, 'query', 'queries')} left the matcher alone would get about"
        f" {outlook.wrong:,.0f} wrong; "
        f"the next 50 answers set about {outlook.gain:,.0f} of these right."
    )


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
        in_background(self, "plan", lambda: Planned(self._desk.retrain_plan()))

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
            text.update(Content(f"A retrain runs already{who}: ") + progress_summary(plan.running) + Content("."))
        else:
            width = self.query_one("#plan").scrollable_content_region.width
            text.update(plan_text(plan, self._epochs, self._desk.expected_gain, width))

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
