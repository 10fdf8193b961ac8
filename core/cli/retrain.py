"""`samesku retrain`: fine-tune the encoder on the labels."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.context import Context, context_of
from core.cli.rebuild import rebuilds_damage
from core.cli.tables import comparison
from core.errors import SettingsError
from core.jobs.board import Jobs
from core.permissions import is_lead, require_lead
from core.settings import Settings
from core.splits.split import splits_of
from core.toml_file import read_toml
from core.training.run import retrain as run
from labels.exchange.files import unreadable_message
from labels.wording import counted, evaluation_set

#: Settings that decide on a promotion.
_GATE = ("promote", "gate", "gate_metric", "min_gain", "min_queries")


@rebuilds_damage
def retrain(
    ctx: typer.Context,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="TOML file with keys of the section retrain, e.g. recipe.toml with the line epochs = 4.",
            show_default=False,
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, e.g. epochs=2; repeatable."),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Run as a background job.")] = False,
) -> None:
    """Fine-tune the encoder on the labels, and promote it if it is significantly better than the champion.

    The challenger is compared with the champion on the validation set, or on held-out labels if there is none. With
    fewer queries than retrain.min_queries (50) it is never promoted, which is printed at the start. After a promotion
    the catalogue is indexed again. If the team has leads and a non-lead started the retrain, a better model is used
    only after a lead promotes it: samesku models promote ID.

    Weak labels of samesku dataset bootstrap train too if weak_labels is fill or always. The log has the counts of the
    training data by source, and the hash that identifies them.

    Example: samesku retrain --set epochs=2 --detach

    Example: samesku retrain --set weak_labels=fill --set negative_mix=explicit=2,same_brand=1,mined=2
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    values = [f"retrain.{line}" if "." not in line.partition("=")[0] else line for line in assignments or []]
    values = [*_from_recipe(recipe), *values]
    settings = context.settings_with(values)
    # Anyone may start a retrain, since metrics and the settings of the team decide on the promotion. Changing these
    # settings for one run amounts to a promotion, which is reserved for leads.
    for key in _GATE:
        if getattr(settings.retrain, key) != getattr(context.settings.retrain, key):
            require_lead(context.settings, context.annotator, f"Only leads change retrain.{key}.")
    _warn_of_too_few_queries(context, settings)
    if detach:
        options = [part for value in values for part in ("--set", value)]
        job = Jobs(workspace.jobs, context.annotator).start(workspace.home, ["retrain", *options])
        context.out.print(f"Job {job} is running. Watch it: samesku jobs tail {job}")
        context.answer({"job": job})
        return
    with context.exclusive("retrain"), context.reporter() as reporter:
        lead = not settings.people.leads or is_lead(settings, context.annotator)
        result = run(workspace, settings, reporter, lead=lead)
    _print_result(context, result)
    context.answer(result)


def _warn_of_too_few_queries(context: Context, settings: Settings) -> None:
    """Tell before the work if there are too few evaluation queries for a promotion."""
    splits = splits_of(context.workspace, settings)
    queries, needed = len(splits.eval_queries), settings.retrain.min_queries
    if not 0 < queries < needed:
        return
    kind = "validation" if splits.manual else "held-out"
    context.err.print(
        f"The new encoder will be compared with the champion, but not promoted: only"
        f" {counted(queries, f'{kind} query has', f'{kind} queries have')} a known match, and retrain.min_queries is"
        f" {needed:,}. To get there, answer more validation queries: samesku review --stream validation",
        markup=False,
    )


def _from_recipe(recipe: Path | None) -> list[str]:
    if recipe is None:
        return []
    try:
        values = read_toml(recipe, "It holds lines such as epochs = 4")
    except FileNotFoundError as error:
        raise SettingsError(*unreadable_message(recipe, error)) from error
    tables = {key: json.dumps(value) for key, value in values.items() if isinstance(value, dict | list)}
    return [f"retrain.{key}={tables.get(key, value)}" for key, value in values.items()]


def _print_result(context: Context, result: dict[str, Any]) -> None:
    context.out.print(comparison(result))
    context.out.print(
        f"{result['decision']} Evaluated on {counted(result['queries'], 'query', 'queries')}"
        f" ({evaluation_set(result['set'])})."
    )
