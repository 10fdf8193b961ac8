"""`samesku judge`: second opinions on pairs by a cross-encoder or a language model."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.cli import judge_evaluation, judge_labelling, judge_training
from core.cli.context import Context, context_of
from core.cli.judge_listwise import choose
from core.cli.judge_options import (
    BandsOption,
    DetachOption,
    InputOption,
    MinutesOption,
    PairsOption,
    end_if_interrupted,
    judge_in_use,
    parse_bands,
    start_detached,
)
from core.cli.rebuild import rebuilds_damage
from core.errors import CoreError
from core.judge.cache import VerdictCache
from core.judge.calibrated_judge import calibration_pairs
from core.judge.calibration import Calibration
from core.judge.cascade import least_certain_first
from core.judge.interface import StoredVerdictsJudge
from core.judge.pair_context import pair_contexts
from core.judge.run import Budget, JudgingResult, judge_pairs
from core.matching.bands import default_band
from core.matching.pair_file import read_named_pairs
from core.matching.pair_rows import matched_pairs
from core.retrieval.corpus import Corpus
from core.text.safe import safe
from labels.model import Pair
from labels.wording import counted

app = typer.Typer(
    help="The judge, a second opinion: prepare, train, test, compare, run, label, choose, spent.", no_args_is_help=True
)
app.command("choose")(choose)
app.command("label")(judge_labelling.label)
judge_training.register(app)
judge_evaluation.register(app)


@app.command("run")
@rebuilds_damage
def run(
    ctx: typer.Context,
    bands: BandsOption = None,
    pairs: InputOption = None,
    labelled: Annotated[
        bool, typer.Option("--labelled", help="Ask about the labelled pairs to calibrate the judge on.")
    ] = False,
    max_pairs: PairsOption = None,
    max_minutes: MinutesOption = None,
    detach: DetachOption = False,
) -> None:
    """Ask the judge ahead of time, and store its verdicts. No pair is asked about twice.

    Without --input and --labelled, it is asked about the candidates in the bands of --judge-band. An interrupted run
    continues where it stopped.

    Example: samesku judge run --judge-band medium --max-minutes 30 --detach
    """
    context = context_of(ctx)
    if pairs is not None and labelled:
        raise typer.BadParameter("--input and --labelled cannot be combined.")
    if bands is not None and (pairs is not None or labelled):
        raise typer.BadParameter("--judge-band selects candidates: omit it with --input and --labelled.")
    parse_bands(bands)
    if detach:
        options = {
            "--judge-band": bands, "--input": pairs, "--labelled": labelled, "--max-pairs": max_pairs,
            "--max-minutes": max_minutes,
        }  # fmt: skip
        with judge_in_use(context):
            start_detached(context, ["judge", "run"], options)
        return
    workspace = context.workspace.require()
    with judge_in_use(context) as judge, context.reporter() as reporter:
        selected = _selected_pairs(context, judge, bands, pairs, labelled=labelled)
        judged = judge_pairs(
            pair_contexts(workspace, selected), judge, Budget(max_pairs, max_minutes), reporter, total=len(selected)
        )
        calibrations = judge.calibrate(workspace, context.settings)
        reporter.result(_facts(judged))
    end_if_interrupted(context, judged)
    _print_result(context, judged, calibrations)


def _selected_pairs(
    context: Context, judge: StoredVerdictsJudge, bands: str | None, pairs: Path | None, *, labelled: bool
) -> Sequence[Pair]:
    """The pairs of the file, the labelled pairs, or the candidates in the bands."""
    workspace, settings = context.workspace, context.settings
    if pairs is not None:
        return read_named_pairs(Corpus.read(workspace), pairs)
    if labelled:
        found = calibration_pairs(workspace, settings, judge)
        if not found:
            raise CoreError("There are no labelled pairs that it was not trained on.", "Label some in the desk first.")
        return found
    chosen = parse_bands(bands)
    return least_certain_first(
        each for each in matched_pairs(workspace, settings, settings.search.k) if default_band(each[1].band) in chosen
    )


def _print_result(context: Context, judged: JudgingResult, calibrations: list[Calibration]) -> None:
    answers = [verdict.answer for verdict in judged.verdicts.values()]
    context.out.print(safe(f"{judged.judge}: {judged.summary}"))
    counts = {answer or "no verdict": answers.count(answer) for answer in dict.fromkeys(answers)}
    if counts:
        context.out.print(", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) + ".")
    for fitted in calibrations:
        context.out.print(safe(f"{fitted.judge} is calibrated on {counted(fitted.labels, 'labelled pair')}."))
    context.answer({**_facts(judged), "answers": counts, "calibrated_on": {c.judge: c.labels for c in calibrations}})


def _facts(judged: JudgingResult) -> dict[str, object]:
    return {
        "judge": judged.judge, "known": judged.cached, "asked": judged.asked, "left": judged.remaining,
        "end": judged.stop_reason.value, "seconds": round(judged.seconds, 3), "tokens_in": judged.tokens_in,
        "tokens_out": judged.tokens_out,
    }  # fmt: skip


@app.command("spent")
@rebuilds_damage
def spent(ctx: typer.Context) -> None:
    """Print the cost of each judge so far: stored verdicts, tokens, seconds.

    Example: samesku judge spent --json
    """
    context = context_of(ctx)
    cache = VerdictCache(context.workspace.require().derived)
    try:
        found = cache.costs()
    finally:
        cache.close()
    for each in found:
        verdicts = f"{each.matches:,} match, {each.no_matches:,} no match, {each.no_verdict:,} without a verdict"
        context.out.print(safe(each.judge))
        context.out.print(
            f"    {counted(each.pairs, 'pair')}: {verdicts}; {counted(each.tokens_in, 'token')} read,"
            f" {each.tokens_out:,} written"
        )
        context.out.print(
            f"    {each.seconds:,.1f} s in total, p50 {each.p50:.3f} s, p99 {each.p99:.3f} s;"
            f" last used {safe(each.last)}"
        )
    if not found:
        context.out.print("No judge was asked yet; `samesku judge run` asks the configured one.")
    context.answer({"judges": [asdict(each) for each in found]})
