"""`samesku labels agreement` and `samesku labels people`: inter-annotator agreement, and statistics per annotator."""

from collections.abc import Mapping
from contextlib import closing
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.cli.import_ import BENCHMARK
from core.cli.rebuild import rebuilds_damage
from core.evaluation.agreement import DOMINANT, AgreementFigures, AgreementReport, agreement_report
from core.evaluation.annotators import AnnotatorStats, annotator_stats
from core.permissions import is_lead
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.stats.agreement import Estimate
from core.stats.wilson import Precision
from core.text.safe import safe
from labels.activity import ActivityCount, actions_by_annotator
from labels.annotations import Annotation, human_annotations
from labels.first_answers import first_answers
from labels.model import ProductRef
from labels.reader import LabelReader
from labels.wording import counted

#: Rows of categories on a terminal; `--json` has all.
_MAX_CATEGORIES = 10
#: Widths in characters of a column with one name and with two, so that the tables fit 80 columns.
_NAME_WIDTH = 20
_PAIR_WIDTH = 16
#: Mark of kappa and alpha if one class dominates.
_DOMINATED = "*"


@rebuilds_damage
def agreement(
    ctx: typer.Context,
    implied: Annotated[
        bool, typer.Option("--implied", help="Include decisions implied by accepting another candidate.")
    ] = False,
) -> None:
    """Inter-annotator agreement: observed agreement, Cohen's kappa, Krippendorff's alpha, Gwet's AC1.

    It is computed on pairs that several people decided, from each person's first
    answer. Abstentions, adjudications, the machine and the labels of a benchmark
    are excluded. Intervals are 95 %: Wilson for the observed agreement, bootstrap
    over queries for the others. If one class dominates, kappa and alpha are low
    even when agreement is high, and are marked *; AC1 is not affected. If there are
    leads (people.leads), everyone else sees only comparisons with themselves.

    Example: samesku labels agreement --json
    """
    context = context_of(ctx)
    annotations = _annotations(context)
    matcher = _matcher_summary(context)
    categories, first = _categories(context, annotations), _first_answers(context)
    found = agreement_report(annotations, categories, matcher, implied=implied, first=first)
    lead = _may_see(context)
    shown = {names: each for names, each in found.couples.items() if lead or context.annotator in names}
    note = "" if len(shown) == len(found.couples) else _note(context)
    _print_agreement(context, found, shown, implied=implied)
    if matcher is None:
        context.out.print("Bands are not known before `samesku index`.")
    elif not matcher.calibrated:
        context.out.print("No bands: the matcher is uncalibrated until there are labelled matches and non-matches.")
    _print_note(context, note)
    couples = [{"annotators": list(names), **each.as_dict()} for names, each in shown.items()]
    context.answer({**found.as_dict(), "couples": couples, "implied": implied, "note": note})


def people(ctx: typer.Context) -> None:
    """Statistics per annotator: decisions, abstentions, speed, accuracy, and accuracy by hour of the session.

    Rows are sorted by name; this is no ranking. Accuracy is measured on adjudicated
    pairs, which are the contested ones, so that it underestimates the accuracy on
    all pairs. If there are leads (people.leads), others see only their own row.

    Example: samesku labels people --as ada
    """
    context = context_of(ctx)
    lead = _may_see(context)
    found = annotator_stats(_annotations(context), _actions(context), _first_answers(context))
    shown = [each for each in found if lead or each.name == context.annotator]
    note = "" if lead else _note(context)
    if shown:
        _print_people(context, shown)
    elif note:
        context.out.print(f"There are no decisions by {safe(context.annotator)} yet.")
    else:
        context.out.print("There are no decisions yet.")
    _print_note(context, note)
    context.answer({"people": [each.as_dict() for each in shown], "note": note})


# -- data ----------------------------------------------------------------------------------------------------


def _annotations(context: Context) -> list[Annotation]:
    """Current decisions of people, without the labels of a benchmark."""
    with LabelReader(context.workspace.require().labels) as reader:
        return [each for each in human_annotations(reader) if each.annotator != BENCHMARK]


def _first_answers(context: Context) -> list[Annotation]:
    """First answers of people, without the labels of a benchmark."""
    with LabelReader(context.workspace.require().labels) as reader:
        return [each for each in first_answers(reader) if each.annotator != BENCHMARK]


def _actions(context: Context) -> dict[str, ActivityCount]:
    with LabelReader(context.workspace.require().labels) as reader:
        return actions_by_annotator(reader)


def _categories(context: Context, annotations: list[Annotation]) -> Mapping[ProductRef, str]:
    with CatalogStore(context.workspace.catalog) as catalog:
        found = catalog.get_many(each.pair.query for each in annotations)
    return {ref: product.category for ref, product in found.items()}


def _matcher_summary(context: Context) -> MatcherSummary | None:
    with closing(CandidateStore(context.workspace.derived)) as store:
        return store.matcher_summary


# -- permissions ---------------------------------------------------------------------------------------------


def _may_see(context: Context) -> bool:
    """Whether the caller may see the figures of others: a lead, or anyone if there are no leads."""
    return is_lead(context.settings, context.annotator)


def _note(context: Context) -> str:
    return f"Figures of other people are for leads ({', '.join(context.settings.people.leads)}) to see."


def _print_note(context: Context, note: str) -> None:
    if note:
        context.out.print(safe(note))


# -- output --------------------------------------------------------------------------------------------------


def _print_agreement(
    context: Context, found: AgreementReport, couples: dict[tuple[str, str], AgreementFigures], *, implied: bool
) -> None:
    overall = found.overall
    context.out.print(
        f"{counted(overall.pairs, 'pair')} of {counted(overall.queries, 'query', 'queries')}"
        f" {'was' if overall.pairs == 1 else 'were'} decided by two or more of"
        f" {counted(len(found.annotators), 'person', 'people')}."
        if overall.pairs
        else "No pair was decided by two people yet. The setting labels.overlap assigns some queries to two."
    )
    if found.implied_pairs:
        verb = "included" if implied else "excluded; --implied includes them"
        pairs = counted(found.implied_pairs, "pair")
        context.out.print(f"Decisions implied by accepting another candidate: {pairs} {verb}.")
    if found.decisions:
        share = f"{found.unsure / found.decisions:.1%}"
        decisions = counted(found.decisions, "explicit decision")
        context.out.print(f"Abstentions (unsure): {found.unsure:,} of {decisions} ({share}), excluded.")
    if not overall.pairs:
        return
    context.out.print(_figures("", {"all": overall, **{", ".join(names): each for names, each in couples.items()}}))
    if len(found.categories) > 1:
        some = dict(list(found.categories.items())[:_MAX_CATEGORIES])
        context.out.print(_figures("by category", {name or "(none)": each for name, each in some.items()}))
        if omitted := len(found.categories) - len(some):
            context.out.print(f"{counted(omitted, 'more category', 'more categories')} with --json.")
    if found.bands:
        context.out.print(_figures("by band when decided", found.bands))
    context.out.print(
        "agreement: unanimous answers · κ: Cohen · α: Krippendorff · AC1: Gwet; 1 is perfect, 0 is chance."
    )
    if any(each.dominant for each in _all(found, couples)):
        context.out.print(
            f"{_DOMINATED} one class has at least {DOMINANT:.0%} of the answers. κ and α are then small"
            "\n  even with high agreement: use AC1."
        )


def _all(found: AgreementReport, couples: Mapping[tuple[str, str], AgreementFigures]) -> list[AgreementFigures]:
    return [found.overall, *couples.values(), *found.categories.values(), *found.bands.values()]


def _figures(title: str, rows: Mapping[str, AgreementFigures]) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    table.add_column("", max_width=_PAIR_WIDTH, overflow="fold")
    for heading in ("pairs", "agreement", "κ", "α", "AC1"):
        table.add_column(heading, justify="right")
    for name, each in rows.items():
        mark = _DOMINATED if each.dominant else " "
        ac1 = "–" if each.ac1.value is None else f"{round(each.ac1.value, 2) + 0:.2f}"
        cells = (_share(each.agreement), _estimate(each.kappa) + mark, _estimate(each.alpha) + mark, ac1)
        table.add_row(Text(safe(name)), f"{each.pairs:,}", *cells)
    return table


def _print_people(context: Context, shown: list[AnnotatorStats]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("", max_width=_NAME_WIDTH, overflow="fold")
    for heading in ("decisions", "explicit", "unsure", "accuracy", "of", "look", "per hour"):
        table.add_column(heading, justify="right")
    for each in shown:
        table.add_row(
            Text(safe(each.name)), f"{each.decisions:,}", _percent(each.explicit, each.decisions),
            _percent(each.unsure, each.explicit), _share(each.truth), f"{each.truth.labels:,}",
            "–" if each.look_ms is None else f"{each.look_ms / 1000:.1f} s",
            "–" if each.per_hour is None else f"{each.per_hour:,.0f}",
        )  # fmt: skip
    context.out.print(table)
    if any(each.by_hour for each in shown):
        context.out.print(_by_hour(shown))
        context.out.print("by hour: against the adjudication, otherwise against the majority of the others.")
    context.out.print("accuracy: on adjudicated pairs · look: p50 · per hour: explicit decisions.")


def _by_hour(shown: list[AnnotatorStats]) -> Table:
    table = Table(title="by hour of the session", title_justify="left", box=None, pad_edge=False)
    table.add_column("", max_width=_NAME_WIDTH, overflow="fold")
    for heading in ("hour", "checked", "accuracy"):
        table.add_column(heading, justify="right")
    for each in shown:
        for hour, found in each.by_hour.items():
            table.add_row(Text(safe(each.name)), f"{hour}", f"{found.labels:,}", _share(found))
    return table


def _percent(count: int, total: int) -> str:
    return f"{count / total:.0%}" if total else "–"


def _share(found: Precision) -> str:
    """A share and its interval, such as `0.91 0.85…0.95`."""
    return _range(found.right / found.labels, found.low, found.high) if found.labels else "–"


def _estimate(found: Estimate) -> str:
    """An estimate and its interval, or why it is undefined."""
    return found.undefined if found.value is None else _range(found.value, found.low, found.high)


def _range(value: float, low: float | None, high: float | None) -> str:
    # + 0 turns a rounded -0.00 into 0.00.
    ends = "–" if low is None or high is None else f"{round(low, 2) + 0:.2f}…{round(high, 2) + 0:.2f}"
    return f"{round(value, 2) + 0:.2f} {ends}"
