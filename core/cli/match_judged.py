"""`samesku match --judge`: two stages, and what each of them settled."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from core.cli.basis import basis_of, remark
from core.cli.context import Context
from core.cli.judge_options import bands_named, end_if_interrupted, judge_in_use, told_if_interrupted
from core.jobs.progress import Reporter
from core.judge.budget import Budget
from core.text.safe import safe
from labels.wording import counted

if TYPE_CHECKING:
    from core.judge.stages import Stage, TwoStages
    from core.match.table import PairRow


def judged_match(context: Context, pairs: Path | None, k: int, out: Path, bands: str | None, budget: Budget) -> None:
    """Candidates, or the pairs of a file, with the judge's word where the matcher is in one of the bands."""
    from core.dataset.splits import splits_of  # noqa: PLC0415
    from core.judge.stages import JudgedRow, two_stages  # noqa: PLC0415
    from core.match.columns import columns_of  # noqa: PLC0415
    from core.match.table import check_file, state_of, write_table  # noqa: PLC0415
    from core.search.indexed_products import IndexState  # noqa: PLC0415

    check_file(out)
    chosen, workspace = bands_named(bands), context.workspace.require()
    basis: dict[str, Any] = {}
    with (
        told_if_interrupted(context, f"Ended; {out} was not written."),
        judge_in_use(context) as judge,
        context.reporter() as reporter,
    ):
        truth = splits_of(workspace, context.settings).truth
        # The pairs of a file are scored as they are now.
        state = state_of(workspace) if pairs is None else IndexState()
        rows = _rows(context, pairs, k, reporter, basis)
        found = two_stages(workspace, rows, judge, chosen, truth, budget, reporter)
        reporter.result(_facts(found))
    end_if_interrupted(context, found.judged, out)
    columns = columns_of(workspace, context.settings, state)
    rows = columns.rows(zip(found.pairs, found.rows, strict=True), JudgedRow)
    count = write_table((row for _, row in rows), out, columns.shape(JudgedRow))
    context.out.print(f"{count:,} {'candidates' if pairs is None else 'pairs'} in {out}")
    _tell(context, found)
    context.answer({"rows": count, "file": str(out), **basis, "out_of_date": state.as_dict(), **_facts(found)})
    remark(context, basis)
    for sentence in state.sentences():
        context.err.print(sentence, markup=False)


def _rows(
    context: Context, pairs: Path | None, k: int, reporter: Reporter, basis: dict[str, Any]
) -> "Iterator[PairRow]":
    """The matcher's word, when it is asked for: what it takes is the first stage's cost. Fills in what it rests on."""
    from core.match.table import matched_pairs, scored, standing_of  # noqa: PLC0415

    if pairs is None:
        yield from matched_pairs(context.workspace, context.settings, k)
        basis.update(basis_of(standing_of(context.workspace)))
    else:
        rows, matcher = scored(context.workspace, context.settings, pairs, reporter)
        basis.update(basis_of(matcher))
        yield from rows


def _tell(context: Context, found: "TwoStages") -> None:
    from core.judge.report import worth  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for heading in ("settled by", "answer", "pairs", "labelled", "precision", "95 % interval"):
        table.add_column(heading, justify="left" if heading in {"settled by", "answer"} else "right")
    for stage in found.stages:
        for answer, count in stage.pairs.items():
            known = stage.precision[answer]
            shown = (
                (f"{known.right / known.labels:.3f}", f"{known.low:.3f} to {known.high:.3f}")
                if known.labels
                else ("unknown", "")
            )
            table.add_row(safe(stage.name), answer.replace("_", " "), f"{count:,}", f"{known.labels:,}", *shown)
    table.add_row("nobody", "", f"{found.open:,}")
    context.out.print(table)
    for stage in found.stages:
        context.out.print(safe(f"{stage.name}: {_cost(stage)}"))
    context.out.print(found.judged.words)
    context.out.print(worth(context.workspace, found.judged.judge))


def _cost(stage: "Stage") -> str:
    tokens = f", {counted(stage.tokens, 'token')}" if stage.tokens else ""
    return f"{counted(stage.asked, 'pair')} in {stage.seconds:,.1f} s{tokens}"


def _facts(found: "TwoStages") -> dict[str, object]:
    run = found.judged
    return {
        "stages": [asdict(stage) for stage in found.stages],
        "open": found.open,
        "known": run.known, "asked": run.asked, "left": run.left, "end": run.end.value,
    }  # fmt: skip
