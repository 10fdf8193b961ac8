"""`samesku demo`: the demo workspace, then the desk; without a terminal, label, retrain and compare unattended."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from core.catalog.demo import demo_catalogue
from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.cli.tables import before_and_after
from core.demo import REHEARSER, answer_from_gold, build_demo
from core.evaluation.run import evaluate_own
from core.interpreter import module_command
from core.jobs.progress import Reporter
from core.matching.bands import Band
from core.matching.pair_rows import matched_pairs
from core.matching.run import bring_up_to_date
from core.retrieval.registry import Registry
from core.settings import Settings, load_settings
from core.text.safe import safe
from core.training.recipe import QUICK
from core.training.run import retrain
from labels.model import Pair, ProductRef, Stream
from labels.store import LabelStore
from labels.wording import counted

if TYPE_CHECKING:
    from core.matching.pair_rows import MatchRow, PairRow

#: Queries whose candidates are printed, and how many of each.
_QUERIES, _CANDIDATES = 5, 3
#: What each band answers that can be right or wrong.
_ANSWERS = {Band.HIGH: "match", Band.LOW: "no match"}


def demo(ctx: typer.Context) -> None:
    """Create the demo workspace and open the desk; without a terminal, run the whole loop unattended.

    The loop: label as a labeller would, retrain, compare the models, show matches.

    Example: samesku demo
    """
    context = context_of(ctx)
    context.workspace.create()
    with context.exclusive("demo"), context.reporter() as reporter:
        settings = build_demo(context.workspace, reporter)
    if sys.stdin.isatty() and sys.stdout.isatty() and not context.json:
        # A process of its own in the place of this one: making the index loaded the model libraries, and the desk
        # holds none.
        who = ["--as", context.annotator_name] if context.annotator_name else []
        here = ["--home", str(context.workspace.home)]
        os.execv(sys.executable, module_command("tui", *here, *who, "review"))  # noqa: S606 - our own program
    with context.exclusive("demo"), context.reporter() as reporter:
        result = run_unattended(context, reporter)
    tell(context, settings, result)
    context.answer(result)


def run_unattended(context: Context, reporter: Reporter) -> dict[str, object]:
    """Replay a labelling session on the demo workspace, retrain quickly, and measure before and after.

    Returns:
        what the retrain reported; under `answered` how many queries the session answered; under `before` and `after`
        what `evaluate` says of the validation set, whose labels train nothing.
    """
    workspace = context.workspace
    settings = load_settings(workspace.settings, QUICK)
    before = evaluate_own(workspace, settings, Registry(workspace, settings).champion(), reporter)
    answered = answer_from_gold(workspace, settings, Stream.TRIAGE, REHEARSER)
    reporter.message(f"{counted(answered, 'query was', 'queries were')} answered as a labeller would answer them.")
    result = retrain(workspace, settings, reporter)
    # A retrain that promotes nothing has not looked at the new labels.
    _bring_up_to_date(context, settings, reporter)
    after = evaluate_own(workspace, settings, Registry(workspace, settings).champion(), reporter)
    return {"answered": answered, **result, "before": before, "after": after}


def _bring_up_to_date(context: Context, settings: Settings, reporter: Reporter) -> None:

    champion = Registry(context.workspace, settings).champion()
    bring_up_to_date(context.workspace, settings, champion, reporter)


def tell(context: Context, settings: Settings, result: dict[str, Any]) -> None:
    """Print the figures before and after, some candidates with what the matcher says of them, and what to do next."""
    context.out.print(before_and_after(result["before"], result["after"]))
    context.out.print(
        f"Measured on {counted(result['after']['queries'], 'validation query', 'validation queries')} with a"
        " known match, whose labels train nothing. "
        "dense: the encoder alone · hybrid: encoder and shared words · matcher: what `match` and the desk show"
    )
    context.out.print(str(result["decision"]))
    _tell_candidates(context, settings)
    _tell_next(context)


def _tell_candidates(context: Context, settings: Settings) -> None:
    """Some validation queries with what the matcher says of their best candidates, and how right it is on all."""
    workspace = context.workspace
    with LabelStore(workspace.labels) as store:
        drawn = store.validation_queries()
    rows = [each for each in matched_pairs(workspace, settings, settings.search.k) if each[0].query in drawn]
    by_query: dict[ProductRef, list[PairRow]] = {}
    for each in rows:
        by_query.setdefault(each[0].query, []).append(each)
    context.out.print(
        "\nWhat the matcher says of queries that it did not learn from, and what the demo's own answers say of that:"
    )
    with CatalogStore(workspace.catalog) as catalog:
        for query, listed in list(by_query.items())[:_QUERIES]:
            asked = catalog.get(query)
            context.out.print(safe(asked.title if asked else query.id))
            for pair, row in listed[:_CANDIDATES]:
                product = catalog.get(pair.candidate)
                title = safe(product.title if product else row.candidate_id)
                context.out.print(f"  {_verdict(pair, row)}  {title}", soft_wrap=True)
    for line in _tally(rows):
        context.out.print(line)


def _verdict(pair: Pair, row: "MatchRow") -> str:
    """What the matcher says of a pair, and whether the demo's own answers agree, in columns."""
    chance = "" if row.probability is None else f"{row.probability:.0%}"
    if row.band in _ANSWERS:
        answer = f"{_ANSWERS[Band(row.band)]}: {'right' if _is_match(pair) is (row.band == Band.HIGH) else 'wrong'}"
    else:
        answer = f"for people: {'a match' if _is_match(pair) else 'no match'}"
    return f"{chance:>4}  {row.band:<6}  {answer:<20}"


def _is_match(pair: Pair) -> bool:

    return (pair.query.id, pair.candidate.id) in demo_catalogue().gold


def _tally(rows: "Sequence[PairRow]") -> Iterator[str]:
    """How often each firm band is right over all of these candidates, a line for each."""
    queries = len({pair.query for pair, _ in rows})
    yield f"\nOver all {counted(len(rows), 'candidate')} of these {counted(queries, 'query', 'queries')}:"
    for band, answer in _ANSWERS.items():
        right = [_is_match(pair) is (band is Band.HIGH) for pair, row in rows if row.band == band]
        yield f"  {band} ({answer}): {sum(right):,} of {len(right):,} right"
    yield f"  all else: {sum(row.band not in _ANSWERS for _, row in rows):,} for people"


def _tell_next(context: Context) -> None:
    """The commands that go on from here."""
    program = sys.argv[0] if Path(sys.argv[0]).name == "samesku" else "samesku"
    here = f"{program} --home {context.workspace.home}"
    context.out.print("\nWhat to do next:")
    for command, what in (
        (f"{here} review", "label at the desk, in a terminal"),
        (f"{here} evaluate", "every figure with its 95 % interval"),
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
