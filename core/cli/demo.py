"""`samesku demo`: create the demo workspace, then open the desk, or run label, retrain and evaluate unattended."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.cli.tables import before_and_after
from core.demo import REHEARSER, SHORT_RETRAIN, answer_from_gold, build_demo, is_gold
from core.evaluation.run import evaluate_workspace
from core.interpreter import module_command
from core.jobs.progress import Reporter
from core.matching.bands import Band
from core.matching.pair_rows import MatchRow, PairRow, matched_pairs
from core.matching.run import bring_up_to_date
from core.retrieval.encoder_registry import Registry
from core.settings import Settings, load_settings
from core.text.safe import safe
from core.training.run import retrain
from labels.model import Pair, ProductRef, Stream
from labels.store import LabelStore
from labels.wording import counted

#: Number of printed queries, and of candidates each.
_MAX_QUERIES, _MAX_CANDIDATES = 5, 3
#: Predicted label of the bands that have one.
_BAND_LABELS = {Band.HIGH: "match", Band.LOW: "no match"}


def demo(
    ctx: typer.Context,
    sources: Annotated[
        int, typer.Option(min=2, max=3, help="Number of retailers; the third is for `samesku cluster`.")
    ] = 2,
) -> None:
    """Create the demo workspace and open the desk; without a terminal, run label, retrain and evaluate unattended.

    The unattended run answers queries from the known matches, retrains, evaluates before and after, and prints matches.

    Example: samesku demo

    Example: samesku --home three demo --sources 3
    """
    context = context_of(ctx)
    context.workspace.create()
    with context.exclusive("demo"), context.reporter() as reporter:
        settings = build_demo(context.workspace, reporter, sources=sources)
    if sys.stdin.isatty() and sys.stdout.isatty() and not context.json:
        # Replaces this process, which has loaded the model libraries for the index; the desk runs without them.
        annotator = ["--as", context.annotator_name] if context.annotator_name else []
        home = ["--home", str(context.workspace.home)]
        os.execv(sys.executable, module_command("tui", *home, *annotator, "review"))  # noqa: S606 - our own program
    with context.exclusive("demo"), context.reporter() as reporter:
        result = run_unattended(context, reporter)
    print_result(context, settings, result)
    context.answer(result)


def run_unattended(context: Context, reporter: Reporter) -> dict[str, object]:
    """Replay a labelling session on the demo workspace, retrain with a short recipe, and evaluate before and after.

    Returns:
        the result of the retrain; `answered`, the number of answered queries; `before` and `after`, the evaluations on
        the validation set, whose labels are not trained on.
    """
    workspace = context.workspace
    settings = load_settings(workspace.settings, SHORT_RETRAIN)
    before = evaluate_workspace(workspace, settings, Registry(workspace, settings).champion(), reporter)
    answered = answer_from_gold(workspace, settings, Stream.TRIAGE, REHEARSER)
    reporter.message(f"{counted(answered, 'query was', 'queries were')} answered from the known matches.")
    result = retrain(workspace, settings, reporter)
    # Fits the matcher to the new labels, which a retrain without a promotion does not do.
    bring_up_to_date(workspace, settings, Registry(workspace, settings).champion(), reporter)
    after = evaluate_workspace(workspace, settings, Registry(workspace, settings).champion(), reporter)
    return {"answered": answered, **result, "before": before, "after": after}


def print_result(context: Context, settings: Settings, result: dict[str, Any]) -> None:
    """Print the metrics before and after, some candidates with their bands, and the next commands."""
    context.out.print(before_and_after(result["before"], result["after"]))
    context.out.print(
        f"Evaluated on {counted(result['after']['queries'], 'validation query', 'validation queries')} with a"
        " known match, which are not trained on. "
        "dense: encoder only · hybrid: dense and lexical · matcher: order of `match` and the desk"
    )
    context.out.print(str(result["decision"]))
    if settings.retrain.gate == "dense":
        context.out.print(
            "In this workspace the encoder's ranking decides on a promotion (retrain.gate is dense), so that one can be"
            " seen; by default the matcher's does, which is nearly always right here already.",
            soft_wrap=True,
        )
    _print_candidates(context, settings)
    _print_next_commands(context)


def _print_candidates(context: Context, settings: Settings) -> None:
    """Print the best candidates of some validation queries, and the precision of each band on all of them."""
    workspace = context.workspace
    with LabelStore(workspace.labels) as store:
        validation = store.validation_queries()
    rows = [each for each in matched_pairs(workspace, settings, settings.search.k) if each[0].query in validation]
    by_query: dict[ProductRef, list[PairRow]] = {}
    for each in rows:
        by_query.setdefault(each[0].query, []).append(each)
    context.out.print("\nCandidates of queries that the matcher was not trained on, compared with the known matches:")
    with CatalogStore(workspace.catalog) as catalog:
        for query, listed in list(by_query.items())[:_MAX_QUERIES]:
            product = catalog.get(query)
            context.out.print(safe(product.title if product else query.id))
            for pair, row in listed[:_MAX_CANDIDATES]:
                product = catalog.get(pair.candidate)
                title = safe(product.title if product else row.candidate_id)
                context.out.print(f"  {_verdict(pair, row)}  {title}", soft_wrap=True)
    for line in _band_precision(rows):
        context.out.print(line)


def _verdict(pair: Pair, row: MatchRow) -> str:
    """Probability, band, and whether the predicted label is right, in columns."""
    chance = "" if row.probability is None else f"{row.probability:.0%}"
    if row.band in _BAND_LABELS:
        answer = f"{_BAND_LABELS[Band(row.band)]}: {'right' if is_gold(pair) is (row.band == Band.HIGH) else 'wrong'}"
    else:
        answer = f"for people: {'a match' if is_gold(pair) else 'no match'}"
    return f"{chance:>4}  {row.band:<6}  {answer:<20}"


def _band_precision(rows: Sequence[PairRow]) -> Iterator[str]:
    """A line per band with its precision on these candidates."""
    queries = len({pair.query for pair, _ in rows})
    yield f"\nOver all {counted(len(rows), 'candidate')} of these {counted(queries, 'query', 'queries')}:"
    for band, answer in _BAND_LABELS.items():
        right = [is_gold(pair) is (band is Band.HIGH) for pair, row in rows if row.band == band]
        yield f"  {band} ({answer}): {sum(right):,} of {len(right):,} right"
    yield f"  all else: {sum(row.band not in _BAND_LABELS for _, row in rows):,} for people"


def _print_next_commands(context: Context) -> None:
    """Print the commands to continue with."""
    program = sys.argv[0] if Path(sys.argv[0]).name == "samesku" else "samesku"
    here = f"{program} --home {context.workspace.home}"
    context.out.print("\nWhat to do next:")
    for command, what in (
        (f"{here} review", "label at the desk, in a terminal"),
        (f"{here} evaluate", "all metrics with 95 % intervals"),
        (f"{here} match --out matches.csv", "the candidates of every query, with probability and band"),
    ):
        context.out.print(f"  {command}\n      {what}")
    own = f"{program} --home DIR"
    context.out.print("With catalogues of your own:")
    for command in (
        f"{own} import products QUERIES.csv --source NAME --role query",
        f"{own} import products CATALOG.csv --source NAME --role catalog",
        f"{own} index",
        f"{own} review",
    ):
        context.out.print(f"  {command}")
