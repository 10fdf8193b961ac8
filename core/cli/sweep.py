"""`samesku retrain --sweep`: the search for the best recipe."""

from dataclasses import dataclass
from pathlib import Path

from core.cli.context import Context
from core.cli.sweep_tables import plot_trials, space_table, trials_table
from core.jobs.board import Jobs
from core.settings import Settings
from core.text.safe import safe
from core.training.recipes.recipe import Recipe
from core.training.sweep.files import write_space
from core.training.sweep.run import Sweep, sweep
from core.training.sweep.space import SearchSpace
from core.training.sweep.study import require_optuna
from core.training.trainer_hooks import METRIC
from labels.wording import counted


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """The options of a sweep.

    Attributes:
        space: the YAML file; None for the shipped space.
        trials: in all.
        out: receives the best recipe; None for the sweep's own folder.
    """

    space: Path | None
    trials: int
    out: Path | None

    def job_options(self, copy: Path | None) -> list[str]:
        """The options of a job that does the same, from any folder.

        Args:
            copy: of the space; None for the shipped one.
        """
        options = ["--sweep", *([str(copy)] if copy else []), "--trials", str(self.trials)]
        return [*options, *(["--out", str(self.out.absolute())] if self.out else [])]


def run_sweep(context: Context, settings: Settings, recipe: Recipe, space: SearchSpace, request: SweepRequest) -> None:
    """Run a sweep in this process, and print its result.

    Raises:
        SameskuError: as `core.training.sweep.run.sweep`, or other work on encoders is running.
    """
    with context.exclusive("retrain", "--sweep"), context.reporter() as reporter:
        found = sweep(context.workspace, settings, reporter, recipe, space, trials=request.trials, out=request.out)
    _print_sweep(context, found)
    context.answer(found.record())


def start_sweep(context: Context, space: SearchSpace, request: SweepRequest, options: list[str]) -> None:
    """Start a sweep as a background job.

    Args:
        context: of the call.
        space: of the sweep.
        request: the options of the sweep.
        options: those of the recipe and the settings.
    """
    require_optuna()
    workspace = context.workspace
    copy = write_space(workspace, space) if request.space is not None else None
    arguments = ["retrain", *request.job_options(copy), *options]
    job = Jobs(workspace.jobs, context.annotator).start(workspace.home, arguments)
    context.out.print(f"Job {job} is running. Watch it: samesku jobs tail {job}")
    context.answer({"job": job})


def explain_sweep(context: Context, recipe: Recipe, space: SearchSpace, request: SweepRequest) -> None:
    """Print the space of a sweep and its trials, and do nothing."""
    context.out.print(space_table(space))
    first = "The first trial is the recipe itself." if space.params_of(recipe) else "The space leaves the recipe out."
    context.out.print(
        f"{counted(request.trials, 'trial')}, scored by {METRIC} on training queries held out of training. {first}"
    )
    context.answer({"space": space.record(), "trials": request.trials})


def _print_sweep(context: Context, found: Sweep) -> None:
    context.out.print(trials_table(found))
    if len([result for result in found.results if result.score is not None]) > 1:
        context.out.print(plot_trials(found, width=min(context.out.width, 100), height=16))
    if found.best is None or found.file is None:
        context.out.print("No trial was trained to its end, so there is no best recipe.")
        return
    context.out.print(
        f"Best: trial {found.best.number + 1}, {METRIC} {found.best.score or 0:.4f} on"
        f" {counted(found.queries, 'training query', 'training queries')} held out. A retrain compares it with the"
        f" champion on the evaluation set:"
        f" samesku retrain --recipe {safe(str(found.file))}"
    )
