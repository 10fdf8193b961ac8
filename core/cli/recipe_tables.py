"""Tables of training recipes, and of what a retrain would do."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from core.cli.progress import time_text
from core.text.safe import safe
from core.training.explain import Explanation
from core.training.prospect import UNKNOWN_PROSPECT
from core.training.recipes.dotted import flat
from core.training.recipes.keys import RecipeKey
from labels.wording import counted


def recipes_table(recipes: Sequence[tuple[str, str]]) -> Table:
    """The shipped recipes: name and description."""
    table = Table(title="Recipes", title_justify="left", box=None, pad_edge=False)
    table.add_column("recipe", no_wrap=True)
    table.add_column("description", overflow="fold")
    for name, description in recipes:
        table.add_row(name, description)
    return table


def recipe_keys_table(keys: Sequence[RecipeKey]) -> Table:
    """The keys of a recipe: allowed values, default and meaning."""
    table = Table(title="\nKeys", title_justify="left", box=None, pad_edge=False)
    table.add_column("key", no_wrap=True)
    for heading in ("value", "default", "meaning"):
        table.add_column(heading, overflow="fold")
    for key in keys:
        table.add_row(key.name, key.allowed, value_text(key.default), key.help)
    return table


def explanation_table(explanation: Explanation) -> Table:
    """What a retrain would do, in named rows."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("name", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name, value in _rows(explanation):
        table.add_row(name, safe(value))
    return table


def _rows(explanation: Explanation) -> Iterator[tuple[str, str]]:
    plan, recipe = explanation.plan, explanation.recipe
    epochs, matches = recipe.epochs, counted(plan.matches, "match", "matches")
    hard = counted(recipe.hard_negatives, "hard negative")
    yield "base", explanation.base
    yield (
        "training",
        f"{matches} and {counted(plan.non_matches, 'non-match', 'non-matches')}"
        f" of {counted(plan.queries, 'query', 'queries')};"
        f" {hard} to each match" + ("" if plan.matches > 1 else "; too few to train on"),
    )
    yield (
        "left out",
        f"{plan.unsure:,} unsure, {plan.conflicts:,} conflicting, {plan.withheld:,} connected with the evaluation set",
    )
    yield "evaluation", f"{counted(plan.eval_queries, 'query', 'queries')} ({plan.judged_on})"
    yield "prospect", plan.prospect.sentence if plan.prospect else UNKNOWN_PROSPECT
    for key, value in flat(recipe.record()).items():
        if key not in {"base", "description"}:
            yield key, value_text(value)
    if plan.matches > 1:
        yield "run", f"{counted(plan.epochs(epochs), 'epoch')}, {counted(plan.steps(epochs), 'step')}"
    yield "trainable parameters", _parameters(explanation)
    memory = explanation.memory_bytes
    yield "memory", "unknown" if memory is None else f"up to {memory / 2**30:.1f} GiB, estimated"
    seconds = plan.seconds(epochs)
    yield "duration", "unknown: nothing has been measured yet" if seconds is None else f"about {time_text(seconds)}"


def _parameters(explanation: Explanation) -> str:
    if explanation.parameters is None or explanation.trainable is None:
        return "unknown"
    share = explanation.trainable / max(1, explanation.parameters)
    return f"{explanation.trainable:,} of {explanation.parameters:,} ({share:.1%})"


def value_text(value: object) -> str:
    """A value as a recipe has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(str, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'
