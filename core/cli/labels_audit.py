"""`samesku labels audit` and `samesku labels contradictions`: can the machine be trusted, and do the labels agree?"""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from core.catalog.store import CatalogStore
from core.cli.context import context_of
from core.cli.rebuild import rebuilds_damage
from core.evaluation.audit import audit_report, draw_audit
from core.permissions import require_lead
from core.queue.disputes import contradicted
from core.splits.current_labels import current_conflicts
from core.text.safe import safe
from labels.model import Decision
from labels.store import LabelStore
from labels.wording import counted

if TYPE_CHECKING:
    from core.evaluation.audit import ShareEstimate


def register(app: typer.Typer) -> None:
    """Put these verbs under `samesku labels`."""
    app.command("audit")(audit)
    app.command("contradictions")(contradictions)


@rebuilds_damage
def audit(
    ctx: typer.Context,
    draw: Annotated[
        int | None, typer.Option(min=1, help="Draw about so many queries for the audit stream.", show_default=False)
    ] = None,
    of: Annotated[int | None, typer.Option(min=1, help="The number of an earlier draw.", show_default=False)] = None,
) -> None:
    """How right the machine is, and how many matches it misses, by a random sample that people have checked.

    Answer the sample with `samesku review --stream audit`; every figure comes with its 95 % interval.

    Example: samesku labels audit --draw 200
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    if draw is not None:
        require_lead(context.settings, context.annotator, "Only leads draw audits.")
        number, drawn = draw_audit(workspace, context.settings, draw)
        strata = Counter(stratum.name for stratum in drawn.values())
        parts = ", ".join(f"{count:,} {name}" for name, count in sorted(strata.items()))
        context.out.print(
            f"Draw {number}: {counted(len(drawn), 'query', 'queries')}, by their best candidate's band {parts}."
        )
        if len(drawn) < draw:
            context.out.print("There are no more that nobody has answered.")
        context.out.print("Answer them with: samesku review --stream audit")
        context.answer({"draw": number, "drawn": len(drawn), "strata": dict(strata)})
        return
    report = audit_report(workspace, of)
    context.out.print(
        f"Draw {report.draw}: {report.answered:,} of {counted(report.drawn, 'query is', 'queries are')} answered."
    )
    if report.draws > 1:
        context.out.print(
            f"All {counted(report.draws, 'draw')}: {report.all_answered:,} of {report.all_drawn:,},"
            " as the audit stream counts."
        )
    context.out.print(f"band high (match) is right     {_told(report.precision['high'])}")
    context.out.print(f"band low (no match) is right   {_told(report.precision['low'])}")
    context.out.print(f"matches that the machine finds {_told(report.recall)}")
    if report.matches is not None:
        context.out.print(f"matches in what was drawn from about {report.matches:,.0f}")
    context.answer(report.as_dict())


def _told(estimate: "ShareEstimate") -> str:
    if estimate.value is None:
        return "unknown: nothing of it was answered"
    return f"{estimate.value:.3f}  (95 % interval {estimate.low:.3f} to {estimate.high:.3f})"


def contradictions(ctx: typer.Context) -> None:
    """What needs a ruling: pairs that people disagree about, and labels that cannot all be true.

    A = B and B = C, but A ≠ C; one GTIN, called different products; one candidate for two queries of a source that
    lists nothing twice. The adjudication stream puts all of it up: samesku review --stream adjudication

    Example: samesku labels contradictions
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    with LabelStore(workspace.labels) as store, CatalogStore(workspace.catalog) as catalog:
        found = contradicted(store, catalog, context.settings)
        disagreements = [
            (label.pair, [d for d in store.decisions(label.pair.query) if d.pair == label.pair])
            for label in current_conflicts(store, catalog, context.settings.labels.rule)
        ]
    for pair, decisions in disagreements:
        said = ", ".join(f"{d.annotator} {_SAID[d.decision]}" for d in decisions)
        context.out.print(
            safe(f"{pair.query.source} {pair.query.id} and {pair.candidate.source} {pair.candidate.id}: {said}")
        )
    for each in found:
        context.out.print(safe(each.words))
    context.out.print(f"{counted(len(disagreements), 'disagreement')}, {counted(len(found), 'contradiction')}.")
    queries = {pair.query for pair, _ in disagreements} | {pair.query for each in found for pair in each.pairs}
    if queries:
        many = counted(len(queries), "query", "queries")
        context.out.print(f"The adjudication stream has them in {many}.")
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


_SAID = {Decision.MATCH: "says match", Decision.NO_MATCH: "says no match", Decision.UNSURE: "is unsure"}
