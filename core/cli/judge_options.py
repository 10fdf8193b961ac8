"""What the verbs that ask the judge have in common."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.context import Context
from core.errors import CoreError
from core.jobs.board import Jobs
from core.judge.factory import make_judge
from core.judge.run import End
from core.matching.bands import Band

if TYPE_CHECKING:
    from core.judge.interface import StoredVerdictsJudge
    from core.judge.run import JudgingResult


#: A file of pairs.
PAIRS_FILE = "A CSV with the columns query_id and candidate_id, or without a header these two first."
#: One of labelled pairs.
LABELS_FILE = (
    "Labelled pairs: a CSV with the columns query_id, candidate_id and label (1 for a match, else 0), or ltable_id,"
    " rtable_id and label, as `samesku labels export` writes them."
)


BandsOption = Annotated[
    str | None,
    typer.Option("--judge-band", metavar="BANDS", help="high, medium, low, by commas.", show_default="medium"),
]
PairsOption = Annotated[
    int | None, typer.Option(min=0, help="Ask the judge about so many pairs at most.", show_default=False)
]
MinutesOption = Annotated[
    float | None, typer.Option(min=0, help="Ask for so many minutes at most.", show_default=False)
]
InputOption = Annotated[
    Path | None,
    typer.Option("--input", help=f"These pairs in place of candidates. {PAIRS_FILE}", show_default=False),
]
DetachOption = Annotated[bool, typer.Option("--detach", help="Run as a job that outlives this terminal.")]

#: How a program ends that ctrl+c has ended.
_INTERRUPTED = 130


def parse_bands(names: str | None) -> list[Band]:
    """`medium,low` as bands; medium where none is named.

    Raises:
        CoreError: one of them is none.
    """
    found = [name.strip() for name in (Band.MEDIUM if names is None else names).split(",") if name.strip()]
    for name in found:
        if name not in set(Band):
            raise CoreError(f"There is no band {name}.", "Name some of high, medium and low, as in medium,low")
    if not found:
        raise CoreError("No band is named.", "Name some of high, medium and low, as in medium,low")
    return [Band(name) for name in found]


@contextmanager
def judge_in_use(context: Context, *names: str) -> "Iterator[StoredVerdictsJudge]":
    """The judge that the settings ask for, or those that are named, calibrated on what it has said of labels so far."""
    workspace = context.workspace.require()
    judge = make_judge(workspace, context.settings, *names)
    try:
        judge.calibrate(workspace, context.settings)
        yield judge
    finally:
        judge.close()


def end_if_interrupted(context: Context, judged: "JudgingResult", unwritten: Path | None = None) -> None:
    """After ctrl+c say what is kept, and which file there is not, and end.

    Raises:
        typer.Exit: it was.
    """
    if judged.end is End.INTERRUPTED:
        context.err.print(judged.words, *([f"{unwritten} was not written."] if unwritten else []), markup=False)
        raise typer.Exit(_INTERRUPTED)


@contextmanager
def reports_interrupt(context: Context, words: str) -> Iterator[None]:
    """After ctrl+c say in a sentence what is kept, and end.

    Raises:
        typer.Exit: that was pressed.
    """
    try:
        yield
    except KeyboardInterrupt:
        context.err.print(words, markup=False)
        raise typer.Exit(_INTERRUPTED) from None


def start_detached(context: Context, verb: list[str], options: Mapping[str, str | float | Path | bool | None]) -> None:
    """Start the same as a job; options without a value are left out."""
    workspace = context.workspace.require()
    given: list[str] = []
    for name, value in options.items():
        if value is True:
            given.append(name)
        elif value is not None and value is not False:
            # A job runs in another folder.
            given += [name, str(value.absolute() if isinstance(value, Path) else value)]
    job = Jobs(workspace.jobs, context.annotator).start(workspace.home, [*verb, *given])
    context.out.print(f"Job {job} runs. Watch it: samesku jobs tail {job}")
    context.answer({"job": job})
