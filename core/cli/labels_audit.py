"""`samesku labels audit` and `samesku labels contradictions`: audit of the matcher, and conflicts among labels."""

from collections import Counter
from typing import Annotated

import typer

from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.cli.rebuild import rebuilds_damage
from core.evaluation.audit import AuditReport, ShareEstimate, audit_report, draw_audit
from core.permissions import require_lead
from core.queue.disputes import find_contradictions
from core.splits.current_labels import current_conflicts
from core.text.safe import safe
from labels.model import Decision
from labels.store import LabelStore
from labels.wording import counted

#: Decisions as phrases after the name of the annotator.
_DECISION_PHRASES = {Decision.MATCH: "says match", Decision.NO_MATCH: "says no match", Decision.UNSURE: "is unsure"}


@rebuilds_damage
def audit(
    ctx: typer.Context,
    draw: Annotated[
        int | None,
        typer.Option(min=1, help="Draw about this many queries for the audit stream, e.g. 200.", show_default=False),
    ] = None,
    of: Annotated[
        int | None, typer.Option(min=1, help="Number of an earlier draw, e.g. 1.", show_default=False)
    ] = None,
) -> None:
    """Estimate the precision of the bands and the recall of the matcher from a random sample that people check.

    --draw draws the sample, and `samesku review --stream audit` shows it. Without --draw, print the estimates with 95 %
    intervals.

    Example: samesku labels audit --draw 200
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    if draw is not None:
        require_lead(context.settings, context.annotator, "Only leads draw audits.")
        _draw(context, draw)
        return
    _print_report(context, audit_report(workspace, of))


def _draw(context: Context, count: int) -> None:
    number, drawn = draw_audit(context.workspace, context.settings, count)
    strata = Counter(stratum.name for stratum in drawn.values())
    parts = ", ".join(f"{size:,} {name}" for name, size in sorted(strata.items()))
    queries = counted(len(drawn), "query", "queries")
    context.out.print(f"Draw {number}: {queries}, by band of the best candidate: {parts}.")
    if len(drawn) < count:
        context.out.print("There are no more unanswered queries.")
    context.out.print("Answer them with: samesku review --stream audit")
    context.answer({"draw": number, "drawn": len(drawn), "strata": dict(strata)})


def _print_report(context: Context, report: AuditReport) -> None:
    context.out.print(
        f"Draw {report.draw}: {report.answered:,} of {counted(report.drawn, 'query is', 'queries are')} answered."
    )
    if report.draws > 1:
        context.out.print(
            f"All {counted(report.draws, 'draw')}: {report.all_answered:,} of {report.all_drawn:,}"
            " (progress of the audit stream)."
        )
    context.out.print(f"precision of band high (match)    {_with_interval(report.precision['high'])}")
    context.out.print(f"precision of band low (no match)  {_with_interval(report.precision['low'])}")
    context.out.print(f"recall of matches                 {_with_interval(report.recall)}")
    if report.matches is not None:
        context.out.print(f"matches in the population         about {report.matches:,.0f}")
        context.out.print(
            f"  among the candidates            about {report.listed or 0:,.0f};"
            f" their probabilities add up to {report.expected or 0:,.0f}"
        )
    context.answer(report.as_dict())


def _with_interval(estimate: ShareEstimate) -> str:
    if estimate.value is None:
        return "unknown: no answers yet"
    return f"{estimate.value:.3f}  (95 % interval {estimate.low:.3f} to {estimate.high:.3f})"


def contradictions(ctx: typer.Context) -> None:
    """List labels to adjudicate: pairs that people disagree about, and labels that contradict each other.

    Contradictions are: A = B and B = C, but A ≠ C; one GTIN labelled as different products; one candidate matched to
    two queries of a source without duplicates. The adjudication stream shows all of them: samesku review --stream
    adjudication

    Example: samesku labels contradictions
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    with LabelStore(workspace.labels) as store, CatalogStore(workspace.catalog) as catalog:
        found = find_contradictions(store, catalog, context.settings)
        disagreements = [
            (label.pair, [d for d in store.decisions(label.pair.query) if d.pair == label.pair])
            for label in current_conflicts(store, catalog, context.settings.labels.rule)
        ]
    for pair, decisions in disagreements:
        votes = ", ".join(f"{d.annotator} {_DECISION_PHRASES[d.decision]}" for d in decisions)
        context.out.print(
            safe(f"{pair.query.source} {pair.query.id} and {pair.candidate.source} {pair.candidate.id}: {votes}")
        )
    for each in found:
        context.out.print(safe(each.words))
    context.out.print(f"{counted(len(disagreements), 'disagreement')}, {counted(len(found), 'contradiction')}.")
    queries = {pair.query for pair, _ in disagreements} | {pair.query for each in found for pair in each.pairs}
    if queries:
        count = counted(len(queries), "query", "queries")
        context.out.print(f"They are in the adjudication stream, in {count}.")
    context.answer(
        {
            "disagreements": [
                {"pair": [*pair.query, *pair.candidate], "said": {d.annotator: d.decision for d in decisions}}
                for pair, decisions in disagreements
            ],
            "contradictions": [
                {"pairs": [[*pair.query, *pair.candidate] for pair in each.pairs], "words": each.words}
                for each in found
            ],
        }
    )
