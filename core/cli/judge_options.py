"""Options and helpers shared by the verbs that use the judge."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from core.cli.context import Context
from core.errors import CoreError
from core.jobs.board import Jobs
from core.judge.factory import make_judge
from core.judge.interface import StoredVerdictsJudge
from core.judge.run import JudgingResult, StopReason
from core.matching.bands import Band, band_names

#: Help text of a file of pairs.
PAIRS_FILE = (
    "Pairs: a CSV with the columns query_id and candidate_id, or no header and these two first; e.g. pairs.csv."
)
#: Help text of a file of labelled pairs.
LABELS_FILE = (
    "Labelled pairs: a CSV with the columns query_id, candidate_id and label (1 for a match, else 0), or ltable_id,"
    " rtable_id and label, as `samesku labels export` writes them."
)
BandsOption = Annotated[
    str | None,
    typer.Option("--judge-band", metavar="BANDS", help="Bands to ask about, e.g. high,medium.", show_default="medium"),
]
PairsOption = Annotated[
    int | None,
    typer.Option(min=0, help="Maximum number of pairs to ask the judge about, e.g. 500.", show_default=False),
]
MinutesOption = Annotated[float | None, typer.Option(min=0, help="Time limit in minutes, e.g. 30.", show_default=False)]
InputOption = Annotated[
    Path | None,
    typer.Option("--input", help=f"Use these pairs instead of the candidates. {PAIRS_FILE}", show_default=False),
]
DetachOption = Annotated[bool, typer.Option("--detach", help="Run as a background job.")]

#: The bands by their names in tables.
_BAND_NAMES = {name: band for band in Band for name in band_names(band)}
_BANDS_HINT = "The bands are high, medium and low, also as prior:high or cosine:high; several with commas: medium,low"
#: Exit code after ctrl+c: 128 + SIGINT.
INTERRUPTED = 130


def parse_bands(names: str | None) -> list[Band]:
    """Parse bands such as `medium,low` or, as tables have them before any labels, `prior:high`; None is medium.

    Raises:
        CoreError: a name is unknown, or there is none.
    """
    given = [name.strip() for name in (Band.MEDIUM if names is None else names).split(",") if name.strip()]
    found = [_BAND_NAMES.get(name.lower()) for name in given]
    for name, band in zip(given, found, strict=True):
        if band is None:
            raise CoreError(f"There is no band {name}.", _BANDS_HINT)
    if not found:
        raise CoreError("No band is named.", _BANDS_HINT)
    return [band for band in found if band is not None]


@contextmanager
def judge_in_use(context: Context, *names: str) -> Iterator[StoredVerdictsJudge]:
    """The judge of the settings, or the named ones, calibrated on its verdicts on labelled pairs; closes it."""
    workspace = context.workspace.require()
    judge = make_judge(workspace, context.settings, *names)
    try:
        judge.calibrate(workspace, context.settings)
        yield judge
    finally:
        judge.close()


def end_if_interrupted(context: Context, judged: JudgingResult, unwritten: Path | None = None) -> None:
    """Exit if the run was interrupted by ctrl+c, printing what is kept and which file was not written.

    Raises:
        typer.Exit: it was interrupted.
    """
    if judged.stop_reason is StopReason.INTERRUPTED:
        context.err.print(judged.summary, *([f"{unwritten} was not written."] if unwritten else []), markup=False)
        raise typer.Exit(INTERRUPTED)


@contextmanager
def reports_interrupt(context: Context, message: str) -> Iterator[None]:
    """Print a message and exit on ctrl+c.

    Raises:
        typer.Exit: ctrl+c was pressed.
    """
    try:
        yield
    except KeyboardInterrupt:
        context.err.print(message, markup=False)
        raise typer.Exit(INTERRUPTED) from None


def start_detached(context: Context, verb: list[str], options: Mapping[str, str | float | Path | bool | None]) -> None:
    """Start a verb as a background job; options without a value are omitted."""
    workspace = context.workspace.require()
    arguments: list[str] = []
    for name, value in options.items():
        if value is True:
            arguments.append(name)
        elif value is not None and value is not False:
            # Absolute, since a job runs in another folder.
            arguments += [name, str(value.absolute() if isinstance(value, Path) else value)]
    job = Jobs(workspace.jobs, context.annotator).start(workspace.home, [*verb, *arguments])
    context.out.print(f"Job {job} is running. Watch it: samesku jobs tail {job}")
    context.answer({"job": job})
