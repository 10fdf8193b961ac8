"""`samesku retrain`: fine-tune the encoder on the labels."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.context import Context, context_of
from core.cli.rebuild import rebuilds_damage
from core.cli.recipe_tables import explanation_table, recipe_keys_table, recipes_table
from core.cli.sweep import SweepRequest, explain_sweep, run_sweep, start_sweep
from core.cli.tables import comparison
from core.errors import CoreError, SettingsError
from core.jobs.board import Jobs
from core.permissions import is_lead, require_lead
from core.settings import RENAMED, RetrainSettings, Settings
from core.splits.evaluation_size import evaluation_size
from core.splits.split import splits_of
from core.toml_file import read_toml
from core.training.base_encoder import check_local_base
from core.training.explain import explain_retrain
from core.training.recipes.dotted import flat
from core.training.recipes.keys import recipe_keys
from core.training.recipes.recipe import Recipe
from core.training.recipes.sources import (
    DEFAULT,
    SHIPPED,
    YAML_SUFFIXES,
    is_recipe_file,
    parse_override,
    recipe_key,
    resolve_recipe,
    shipped_recipes,
)
from core.training.run import retrain as run
from core.training.sweep.space import read_space
from core.training.trackers import Tracker, require_tracker
from labels.exchange.files import unknown_ending, unreadable_message
from labels.wording import counted, evaluation_set

#: Settings that decide on a promotion.
_GATE = ("promote", "gate", "gate_metric", "min_gain", "min_queries")

#: Trials of a sweep.
_TRIALS = 20

#: Printed below the options of `samesku retrain --help`, a paragraph per line.
EPILOG = "\n\n".join(
    [
        "Keys of a recipe, for --set and YAML files:",
        *(f"{key.name}: {key.allowed}. {key.help}" for key in recipe_keys()),
    ]
)


@rebuilds_damage
def retrain(
    ctx: typer.Context,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A shipped recipe (see --list-recipes), a YAML file, e.g. recipe.yaml, or a TOML file with keys of the"
            " section retrain. A name or a YAML file replaces the recipe keys of the settings.",
            show_default=False,
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Override a recipe key or a setting, e.g. lora.rank=32; repeatable."
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print what would be trained on what, with cost, and do nothing.")
    ] = False,
    list_recipes: Annotated[
        bool, typer.Option("--list-recipes", help="Print the shipped recipes and the keys of a recipe.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Run as a background job.")] = False,
    is_sweep: Annotated[
        bool,
        typer.Option(
            "--sweep",
            help="Search for the best recipe instead of promoting anything: train a trial for each of some values of"
            " SPACE, scored on training queries that are held out.",
        ),
    ] = False,
    space: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SPACE]",
            help="With --sweep: a YAML file with recipe keys, and a list of choices or a range for each;"
            " default: the shipped space.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            show_default=False,
            help=f"With --sweep: trials in all, those of an earlier run of it included (default: {_TRIALS}).",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="With --sweep: write the best recipe to this file, e.g. best.yaml.", show_default=False),
    ] = None,
    report_to: Annotated[
        Tracker | None,
        typer.Option(
            help="Send the curves of the training to an experiment tracker. tensorboard and mlflow write files to the"
            " workspace unless their environment variables say otherwise.",
            show_default="none",
        ),
    ] = None,
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

    Example: samesku retrain --recipe quality --set lora.rank=64 --explain

    Several GPUs: --set processes=2, or started by accelerate launch or torchrun.

    Example: samesku retrain --sweep space.yaml --trials 30 --out best.yaml --detach

    Example: samesku retrain --report-to tensorboard
    """
    context = context_of(ctx)
    _check_sweep_options(is_sweep=is_sweep, space=space, trials=trials, out=out)
    if list_recipes:
        _list_recipes(context)
        return
    workspace = context.workspace.require()
    request = read_request(recipe, assignments or [])
    _set_processes(context, request)
    settings = context.settings_with(request.settings)
    resolved = resolve_recipe(settings.retrain, request.recipe, request.overrides)
    _require_own_gate(context, settings)
    if is_sweep:
        _sweep(context, request, settings, SweepRequest(space, trials or _TRIALS, out), explain=explain, detach=detach)
        return
    lead = not settings.people.leads or is_lead(settings, context.annotator)
    if explain:
        _explain(context, settings, resolved, lead=lead)
        return
    check_local_base(workspace, settings, resolved)
    if report_to is not None:
        require_tracker(report_to)
    _warn_of_too_few_queries(context, settings)
    if detach:
        options = [*request.job_options(), *(["--report-to", report_to.value] if report_to else [])]
        job = Jobs(workspace.jobs, context.annotator).start(workspace.home, ["retrain", *options])
        context.out.print(f"Job {job} is running. Watch it: samesku jobs tail {job}")
        context.answer({"job": job})
        return
    with context.exclusive("retrain"), context.reporter() as reporter:
        result = run(workspace, settings, reporter, lead=lead, recipe=resolved, tracker=report_to)
    _print_result(context, result)
    context.answer(result)


def _require_own_gate(context: Context, settings: Settings) -> None:
    """Require a lead where the settings of this run have another gate than those of the team.

    Anyone may start a retrain, since metrics and the settings of the team decide on the promotion. Changing these
    settings for one run amounts to a promotion, which is reserved for leads.
    """
    for key in _GATE:
        if getattr(settings.retrain, key) != getattr(context.settings.retrain, key):
            require_lead(context.settings, context.annotator, f"Only leads change retrain.{key}.")


def _explain(context: Context, settings: Settings, recipe: Recipe, *, lead: bool) -> None:
    """Print what a retrain would do."""
    workspace = context.workspace
    explanation = explain_retrain(workspace, settings, Jobs(workspace.jobs, context.annotator), recipe, lead=lead)
    context.out.print(explanation_table(explanation))
    for note in explanation.notes:
        context.out.print(note)
    context.answer(explanation.record())


def _check_sweep_options(*, is_sweep: bool, space: Path | None, trials: int | None, out: Path | None) -> None:
    """Refuse the options of a sweep without one."""
    if is_sweep:
        if out is not None and out.suffix.lower() not in YAML_SUFFIXES:
            raise CoreError(*unknown_ending(out, (".yaml", ".yml")))
        return
    for name, value in (("--trials", trials), ("--out", out)):
        if value is not None:
            raise typer.BadParameter(f"{name} belongs to --sweep.")
    if space is not None:
        raise typer.BadParameter(f"{space}: a space belongs to --sweep; a recipe is given with --recipe.")


def _sweep(
    context: Context, request: "Request", settings: Settings, wanted: SweepRequest, *, explain: bool, detach: bool
) -> None:
    recipe = resolve_recipe(settings.retrain, request.recipe, request.overrides)
    space = read_space(wanted.space, recipe, request.overrides)
    if explain:
        explain_sweep(context, recipe, space, wanted)
    elif detach:
        start_sweep(context, space, wanted, request.job_options())
    else:
        run_sweep(context, settings, recipe, space, wanted)


def _warn_of_too_few_queries(context: Context, settings: Settings) -> None:
    """Tell before the work if there are too few evaluation queries for a promotion."""
    size = evaluation_size(context.workspace, settings, splits_of(context.workspace, settings))
    if size.queries and size.missing:
        context.err.print(f"The new encoder will be compared, but not promoted. {size.sentence}", markup=False)


def _set_processes(context: Context, request: "Request") -> None:
    """Train in as many processes as a launcher has started, unless the command line says otherwise."""
    if "processes" in request.overrides:
        return
    if context.launch.processes > 1:
        _assign(request, "processes", str(context.launch.processes))
    elif context.launch.is_single:
        context.err.print(
            "accelerate launch has started one process only, as it does without a GPU. To train in several, add"
            " --set processes=2.",
            markup=False,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for.

    Attributes:
        recipe: name or YAML file that replaces the recipe of the settings; None to keep it.
        assignments: all assignments as `key=value`, with full names of settings.
        settings: those of them that `Context.settings_with` takes.
        overrides: those of the recipe, by dotted key.
    """

    recipe: str | None = None
    assignments: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    overrides: dict[str, object] = field(default_factory=dict)

    def job_options(self) -> list[str]:
        """The options of a job that does the same, also if it is resumed after the recipe file was changed."""
        named: list[str] = []
        assignments = self.assignments
        if self.recipe is not None and is_recipe_file(self.recipe):
            own, default = (
                flat(resolve_recipe(RetrainSettings(), name).model_dump(mode="json")) for name in (self.recipe, DEFAULT)
            )
            changed = [f"{key}={json.dumps(value)}" for key, value in own.items() if value != default[key]]
            named, assignments = ["--recipe", DEFAULT], [*changed, *assignments]
        elif self.recipe is not None:
            named = ["--recipe", self.recipe]
        return [*named, *(part for value in assignments for part in ("--set", value))]


def read_request(recipe: str | None, assignments: Sequence[str]) -> Request:
    """Read `--recipe` and the `--set` options; the values of a TOML file count as assignments before those.

    Raises:
        CoreError: an assignment has no =.
        SettingsError: the TOML file cannot be read, or a key is unknown.
    """
    is_toml = recipe is not None and _is_toml(recipe)
    request = Request(None if is_toml else recipe)
    for assignment in [*(_toml_assignments(Path(recipe or "")) if is_toml else ()), *assignments]:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise CoreError(f"--set {assignment}: there is no =.", "For example --set epochs=2")
        _assign(request, key.strip(), value)
    return request


def _is_toml(recipe: str) -> bool:
    """Whether a recipe is a TOML file, which may have any ending but those of YAML."""
    path = Path(recipe)
    is_path = os.sep in recipe or path.suffix != "" or path.is_file()
    return is_path and recipe not in SHIPPED and path.suffix.lower() not in YAML_SUFFIXES


def _assign(request: Request, key: str, value: str) -> None:
    """Add an assignment to the recipe, to the settings, or to both."""
    section, _, rest = key.partition(".")
    name = rest if section == "retrain" else key
    former = RENAMED.get(f"retrain.{name}")
    is_setting = name in RetrainSettings.model_fields or former is not None
    full = f"retrain.{name}" if is_setting or section == "retrain" else key
    request.assignments.append(f"{full}={value}")
    target = recipe_key(name)
    if section in Settings.model_fields and section != "retrain":
        target = None
    elif target is None and not is_setting and section != "retrain":
        target = name  # unknown, which the recipe reports with the nearest right name
    if target is not None:
        request.overrides[target] = parse_override(target, value)
    # The seed also draws the held-out queries, and a former name is reported.
    if target is None or name == "seed" or former is not None:
        request.settings.append(f"{full}={value}")


def _toml_assignments(path: Path) -> list[str]:
    try:
        values = read_toml(path, "It holds lines such as epochs = 4")
    except FileNotFoundError as error:
        raise SettingsError(*unreadable_message(path, error)) from error
    # A setting may be a table itself, which is kept whole.
    own = {key: value for key, value in values.items() if key in RetrainSettings.model_fields}
    recipe = {key: value for key, value in values.items() if key not in own}
    return [
        f"retrain.{key}={value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in {**own, **flat(recipe)}.items()
    ]


def _list_recipes(context: Context) -> None:
    shipped = shipped_recipes()
    context.out.print(recipes_table([(each.name, each.recipe.description) for each in shipped]))
    context.out.print(recipe_keys_table(recipe_keys()))
    context.answer(
        {
            "recipes": {each.name: each.recipe.record() for each in shipped},
            "keys": [
                {"name": key.name, "allowed": key.allowed, "default": key.default, "help": key.help}
                for key in recipe_keys()
            ],
        }
    )


def _print_result(context: Context, result: dict[str, Any]) -> None:
    context.out.print(comparison(result))
    if f1 := result.get("pairs", {}).get("f1"):
        context.out.print(
            f"F1 of pairs by the matcher: {_figure(f1['before'])} before, {_figure(f1['after'])} after; change"
            f" {f1['by']:+.3f}" + (f" ({f1['interval'][0]:+.3f} to {f1['interval'][1]:+.3f})" if f1["interval"] else "")
        )
    context.out.print(
        f"{result['decision']} Evaluated on {counted(result['queries'], 'query', 'queries')}"
        f" ({evaluation_set(result['set'])})."
    )


def _figure(figure: dict[str, Any]) -> str:
    interval = figure["interval"]
    return f"{figure['value']:.3f}" + (f" ({interval[0]:.3f}–{interval[1]:.3f})" if interval else "")
