"""A retrain before it starts, in words: what from, how, how long, and what then."""

from typing import TYPE_CHECKING

from textual.content import Content

from core.queue.rescored import Outlook
from core.text.safe import safe
from labels.wording import counted
from tui.style import CAREFUL, KEY, MUTED, STRONG
from tui.words import duration, moment_of

if TYPE_CHECKING:
    from core.train.plan import RetrainPlan

#: Columns of the names on the left.
_NAMES = 12


def plan_text(plan: "RetrainPlan", epochs: int, outlook: Outlook | None, width: int) -> Content:
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
    if not plan.judged:
        return Content.styled("nothing: no query to judge on has a known match.", CAREFUL)
    what = f"of {safe(plan.judged_on)}, which nothing learns from" if plan.manual else "held out of what it learns from"
    few = f"; fewer than {plan.recipe.min_queries:,}, so that the model in use stays" if plan.too_few else ""
    return Content.assemble((counted(plan.judged, "query", "queries"), STRONG), f" {what}", (few, CAREFUL))


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


def _outlook(outlook: Outlook) -> str:
    return (
        f"label on: of {counted(outlook.queries, 'query', 'queries')} left the matcher alone would get about"
        f" {outlook.wrong:,.0f} wrong; "
        f"the next 50 answers set about {outlook.gain:,.0f} of these right."
    )
