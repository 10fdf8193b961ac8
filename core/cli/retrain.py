"""`samesku retrain`: labels in, a better encoder out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.context import Context, context_of
from core.cli.rebuild import rebuilds_damage
from core.cli.tables import comparison
from core.errors import SettingsError
from core.jobs.board import Jobs
from core.permissions import is_lead, require_lead
from core.toml_file import read_toml
from core.training.run import retrain as run
from labels.exchange.files import unreadable_message
from labels.wording import counted


@rebuilds_damage
def retrain(
    ctx: typer.Context,
    recipe: Annotated[
        Path | None, typer.Option(help="TOML with the keys of the section retrain.", show_default=False)
    ] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting (repeat).")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Run as a job that outlives this terminal.")] = False,
) -> None:
    """Train on the labels, compare with the champion, promote if better beyond chance, index again.

    Where the team has leads, a model that somebody else trained waits for one of them: samesku models promote ID.

    Example: samesku retrain --set epochs=2 --detach
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    values = [f"retrain.{line}" if "." not in line.partition("=")[0] else line for line in assignments or []]
    values = [*_from_recipe(recipe), *values]
    settings = context.settings_with(values)
    # Anybody may start a retrain: what it puts in use is decided by figures and by the team's settings, not by whoever
    # started it. To decide otherwise is to promote, which is for leads.
    if settings.retrain.promote != context.settings.retrain.promote:
        require_lead(context.settings, context.annotator, "Only leads change what a retrain may put in use.")
    if detach:
        chosen = [part for value in values for part in ("--set", value)]
        job = Jobs(workspace.jobs, context.annotator).start(workspace.home, ["retrain", *chosen])
        context.out.print(f"Job {job} runs. Watch it: samesku jobs tail {job}")
        context.answer({"job": job})
        return

    with context.exclusive("retrain"), context.reporter() as reporter:
        lead = not settings.people.leads or is_lead(settings, context.annotator)
        result = run(workspace, settings, reporter, lead=lead)
    _tell(context, result)
    context.answer(result)


def _from_recipe(recipe: Path | None) -> list[str]:
    if recipe is None:
        return []
    try:
        values = read_toml(recipe, "It holds lines such as epochs = 4")
    except FileNotFoundError as error:
        raise SettingsError(*unreadable_message(recipe, error)) from error
    return [f"retrain.{key}={value}" for key, value in values.items()]


def _tell(context: Context, result: dict[str, Any]) -> None:
    context.out.print(comparison(result))
    context.out.print(
        f"{result['decision']} Judged on {counted(result['queries'], 'query', 'queries')} ({result['set']})."
    )
