"""The retrain dialog: the labels to train and evaluate on, recipe, expected duration, and what follows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Static

from core.queue.refit_result import ExpectedGain
from core.text.safe import safe
from core.training.prospect import UNKNOWN_PROSPECT
from labels.wording import counted, evaluation_set
from tui.background import in_background, tell
from tui.common.dialogs import ScrollingDialog
from tui.common.words import duration, moment_of
from tui.jobs.text import progress_summary
from tui.key_bindings import RETRAIN, Act, bindings
from tui.messages import Failed
from tui.services.desk import Desk
from tui.theme import CAREFUL, KEY, MUTED, STRONG

if TYPE_CHECKING:
    from core.training.plan import RetrainPlan

#: Columns of the names on the left.
_NAME = 12


def plan_text(plan: "RetrainPlan", epochs: int, gain: ExpectedGain | None, width: int) -> Content:
    """What a retrain would do, in named rows.

    Args:
        plan: the plan.
        epochs: the epochs asked for.
        gain: what labelling on is expected to gain instead; None where unknown.
        width: columns to fill.
    """
    rows = [("training", _training_labels(plan))]
    if plan.unsure or plan.conflicts or plan.withheld:
        rows.append(("left out", _left_out(plan)))
    rows.append(("evaluation", _evaluation_queries(plan)))
    if plan.possible:
        prospect = plan.prospect.sentence if plan.prospect else UNKNOWN_PROSPECT
        rows.append(("prospect", Content.styled(prospect, MUTED if plan.prospect is None else "")))
        rows += [("epochs", _epochs(plan, epochs)), ("recipe", _recipe(plan)), ("duration", _duration(plan, epochs))]
        rows.append(("then", _then(plan)))
    if gain is not None and gain.queries:
        rows.append(("instead", Content.styled(_expected_gain(gain), MUTED)))
    return Content("\n").join([line for name, text in rows for line in _row(name, text, width)])


def _row(name: str, text: Content, width: int) -> list[Content]:
    first, *rest = text.wrap(max(20, width - _NAME))
    return [
        Content.styled(name.ljust(_NAME), MUTED) + first,
        *(Content(" " * _NAME) + line for line in rest),
    ]


def _training_labels(plan: "RetrainPlan") -> Content:
    if plan.examples < 2:
        text = f"{counted(plan.examples, 'match', 'matches')}: too few. Accept some candidates first."
        return Content.styled(text, CAREFUL)
    weak = f"; {counted(plan.weak_matches, 'weak match', 'weak matches')}" if plan.weak_matches else ""
    return Content.assemble(
        (counted(plan.matches, "match", "matches"), STRONG), " and ",
        (counted(plan.non_matches, "non-match", "non-matches"), STRONG),
        f" of {counted(plan.queries, 'query', 'queries')}{weak}",
    )  # fmt: skip


def _left_out(plan: "RetrainPlan") -> Content:
    parts = []
    if plan.unsure:
        parts.append(Content(f"{plan.unsure:,} unsure"))
    if plan.conflicts:
        parts.append(Content.styled(f"{plan.conflicts:,} conflicting, to be settled (stream: adjudication)", CAREFUL))
    if plan.withheld:
        parts.append(Content(f"{plan.withheld:,} connected with the evaluation set"))
    return Content(", ").join(parts)


def _evaluation_queries(plan: "RetrainPlan") -> Content:
    if not plan.eval_queries:
        return Content.styled("nothing: no query to evaluate on has a known match", CAREFUL)
    what = f"of {safe(evaluation_set(plan.judged_on))}, never trained on" if plan.manual else "held out from training"
    more = plan.min_queries - plan.eval_queries
    few = f"; {more:,} more with a match until a better model can be promoted" if plan.too_few_queries else ""
    return Content.assemble((counted(plan.eval_queries, "query", "queries"), STRONG), f" {what}", (few, CAREFUL))


def _epochs(plan: "RetrainPlan", wanted: int) -> Content:
    epochs = plan.epochs(wanted)
    few = f"; {wanted} {'is' if wanted == 1 else 'are'} too few" if epochs > wanted else ""
    return Content.assemble(
        ("↓ ", KEY), (f"{epochs}", STRONG), (" ↑", KEY),
        f"  {counted(plan.steps(wanted), 'step')}",
        (few, MUTED),
    )  # fmt: skip


_METHODS = {"lora": "LoRA of rank {rank}", "qlora": "4-bit LoRA of rank {rank}", "full": "all weights"}


def _recipe(plan: "RetrainPlan") -> Content:
    recipe = plan.recipe
    return Content(
        f"{counted(min(recipe.batch_size, plan.examples), 'match', 'matches')} per step, "
        f"each with {counted(recipe.hard_negatives, 'hard negative')}; "
        f"{_METHODS[recipe.method].format(rank=recipe.lora.rank)}, learning rate {recipe.rate:g}"
    )


def _duration(plan: "RetrainPlan", epochs: int) -> Content:
    seconds = plan.seconds(epochs)
    if seconds is None:
        return Content("unknown: nothing has been measured in this workspace yet")
    time = Content.styled(f"about {duration(seconds)}", STRONG)
    if plan.last_retrain is None:
        return time + Content(", estimated from the last index run; updated once it runs")
    took = plan.last_retrain.took_s or 0.0
    return time + Content(
        f", estimated from the retrain of {moment_of(plan.last_retrain.started_at)}, which took {duration(took)}"
    )


def _then(plan: "RetrainPlan") -> Content:
    outcome = (
        "The new model is kept, and is not used until somebody promotes it."
        if plan.manual_promotion or plan.too_few_queries
        else "If the new model is significantly better, it becomes the champion: the catalogue is indexed again and the"
        " queue re-ranked."
    )
    return Content(f"{outcome} Meanwhile you can keep labelling, or close the terminal.")


def _expected_gain(gain: ExpectedGain) -> str:
    return (
        f"keep labelling: of the {counted(gain.queries, 'query', 'queries')} left, the matcher would answer about"
        f" {gain.wrong:,.0f} wrongly; the next 50 labels would correct about {gain.gain:,.0f} of those."
    )


#: More epochs cannot be chosen, unless the recipe's minimum of steps takes more.
_MAX_EPOCHS = 100


@dataclass
class PlanRead(Message):
    """The plan of a retrain was made."""

    plan: "RetrainPlan"


#: The keys without which a plan has no epochs to choose, and those of a plan that fits the screen.
_EPOCH_KEYS, _SCROLL_KEYS = {"more_epochs", "fewer_epochs"}, {"plan_down", "plan_up"}


class RetrainDialog(ScrollingDialog[list[str]]):
    """Answers with the arguments of the retrain job; with none, to show the retrain that runs already."""

    BINDINGS = bindings(RETRAIN)
    HEADLINE = "Retrain"
    PANE = "#plan"
    FRAME_LINES = 8  # two more for the buttons
    # A retrain started by mistake does no harm: it can be ended, and a worse model is never promoted.
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
        """Make the plan in the background: it reads all labels."""
        super().on_mount()
        in_background(self, "plan", lambda: PlanRead(self._desk.retrain_plan()))

    @on(PlanRead)
    def _show(self, message: PlanRead) -> None:
        plan = self._plan = message.plan
        self._epochs = plan.recipe.epochs
        start = self.query_one("#start", Button)
        start.display = plan.possible or plan.running is not None
        if plan.running is not None:
            start.label = "Show it"
        if not start.display:
            self.query_one("#cancel").focus()
        self._draw()
        self.offer_keys()

    def acts(self, *, scrolls: bool) -> tuple[Act, ...]:
        """The keys that do something now; Enter is named as the focused button."""
        button = self.focused
        named = str(button.label).lower() if isinstance(button, Button) and button.display else ""
        without = (set() if self._has_epochs else _EPOCH_KEYS) | (set() if scrolls else _SCROLL_KEYS)
        acts = (replace(act, label=named) if act.id == "retrain_start" else act for act in RETRAIN)
        return tuple(act for act in acts if act.id not in without)

    @property
    def _has_epochs(self) -> bool:
        """Whether there is a number of epochs to choose."""
        return self._plan is not None and self._plan.possible and self._plan.running is None

    @on(DescendantFocus)
    def _focused(self) -> None:
        self.offer_keys()

    def _draw(self) -> None:
        plan, text = self._plan, self.query_one("#plan-text", Static)
        if plan is None:
            return
        if plan.running is not None:
            who = f", started by {safe(plan.running.by)}" if plan.running.by else ""
            text.update(Content(f"A retrain is already running{who}: ") + progress_summary(plan.running) + Content("."))
        else:
            width = self.query_one("#plan").scrollable_content_region.width
            text.update(plan_text(plan, self._epochs, self._desk.expected_gain, width))

    def on_resize(self) -> None:
        """Draw the plan for the new width."""
        super().on_resize()
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
            override = ["--set", f"retrain.epochs={self._epochs}"] if self._epochs != plan.recipe.epochs else []
            self.dismiss(["retrain", *override])

    def action_epochs(self, step: int) -> None:
        """More epochs, or fewer, but no fewer than the recipe's minimum of steps takes."""
        plan = self._plan
        if plan is not None and self._has_epochs:
            minimum = plan.epochs(1)
            self._epochs = max(minimum, min(plan.epochs(self._epochs) + step, max(minimum, _MAX_EPOCHS)))
            self._draw()

    def action_start(self) -> None:
        """Press the focused button, as Enter does; for a click on the key bar."""
        focused = self.focused
        if isinstance(focused, Button):
            focused.press()
