"""`samesku labels agreement` and `samesku labels people`: how far annotators agree, and how each of them works."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.cli.import_ import BENCHMARK
from core.cli.rebuild import rebuilds_damage
from core.evaluation.agreement import DOMINANT, agreement_report
from core.evaluation.annotators import people as everybody
from core.permissions import is_lead
from core.retrieval.candidates import CandidateStore
from core.text.safe import safe
from labels.activity import actions_by_annotator
from labels.annotations import human_annotations
from labels.first_answers import first_answers
from labels.reader import LabelReader
from labels.wording import counted

if TYPE_CHECKING:
    from core.evaluation.agreement import Figures, Report
    from core.evaluation.annotators import Person
    from core.retrieval.candidates import MatcherSummary
    from core.stats.agreement import Estimate
    from core.stats.wilson import Precision
    from labels.activity import ActivityCount
    from labels.annotations import Annotation
    from labels.model import ProductRef

#: Rows of categories on a terminal; `--json` has them all.
_CATEGORIES = 10
#: Characters of a name and of two, so that a table fits 80.
_NAME = 20
_COUPLE = 16
#: Behind kappa and alpha where one class dominates.
_DOMINATED = "*"


@rebuilds_damage
def agreement(
    ctx: typer.Context,
    implied: Annotated[
        bool, typer.Option("--implied", help="Count what follows from accepting another candidate too.")
    ] = False,
) -> None:
    """How far people agree on pairs that several decided: share, Cohen's kappa, Krippendorff's alpha, Gwet's AC1.

    Each person's first answer counts, not what they changed it to later.
    Abstentions, adjudications, the machine and the benchmark's own labels
    are left out. Intervals are of 95 %: Wilson's for the share, by drawing
    queries again for the others. Where one class dominates, kappa and alpha
    are small however well people agree, and marked; AC1 is not. Where leads
    are named (people.leads), others do not see how two other people agree.

    Example: samesku labels agreement --json
    """
    context = context_of(ctx)
    said = _said(context)
    standing = _standing(context)
    first = _first(context)
    found = agreement_report(said, _categories(context, said), standing, implied=implied, first=first)
    shown = {names: each for names, each in found.couples.items() if context.annotator in names or _may_see(context)}
    note = "" if len(shown) == len(found.couples) else _note(context)
    _tell_agreement(context, found, shown, implied=implied)
    if standing is None:
        context.out.print("Bands are not known before `samesku index`.")
    elif not standing.calibrated:
        context.out.print("No bands: the matcher is uncalibrated until people have labelled matches and non-matches.")
    _tell_note(context, note)
    couples = [{"annotators": list(names), **each.as_dict()} for names, each in shown.items()]
    context.answer({**found.as_dict(), "couples": couples, "implied": implied, "note": note})


def people(ctx: typer.Context) -> None:
    """How each annotator works: how much, how surely, how fast, how often borne out, and whether that fades.

    Information, not a ranking: rows are by name. What comes to adjudication
    is contested: of two people who contradict each other, one is wrong every
    time. Where leads are named (people.leads), others see their own row only.

    Example: samesku labels people --as ada
    """
    context = context_of(ctx)
    found = everybody(_said(context), _acts(context), _first(context))
    shown = [each for each in found if _may_see(context) or each.name == context.annotator]
    note = "" if _may_see(context) else _note(context)
    if shown:
        _tell_people(context, shown)
    else:
        nothing = f"{safe(context.annotator)} has decided nothing yet." if note else "Nobody has decided anything yet."
        context.out.print(nothing)
    _tell_note(context, note)
    context.answer({"people": [each.as_dict() for each in shown], "note": note})


# -- what it is made of --------------------------------------------------------------------------------------


def _said(context: Context) -> "list[Annotation]":
    """What people say; labels that came with a benchmark are nobody's at work here."""
    with LabelReader(context.workspace.require().labels) as reader:
        return [each for each in human_annotations(reader) if each.annotator != BENCHMARK]


def _first(context: Context) -> "list[Annotation]":
    """The same in their first answers."""
    with LabelReader(context.workspace.require().labels) as reader:
        return [each for each in first_answers(reader) if each.annotator != BENCHMARK]


def _acts(context: Context) -> "dict[str, ActivityCount]":

    with LabelReader(context.workspace.require().labels) as reader:
        return actions_by_annotator(reader)


def _categories(context: Context, said: "list[Annotation]") -> "Mapping[ProductRef, str]":

    with CatalogStore(context.workspace.catalog) as catalog:
        found = catalog.get_many(each.pair.query for each in said)
    return {ref: product.category for ref, product in found.items()}


def _standing(context: Context) -> "MatcherSummary | None":

    store = CandidateStore(context.workspace.derived)
    try:
        return store.standing
    finally:
        store.close()


# -- who may see it ------------------------------------------------------------------------------------------


def _may_see(context: Context) -> bool:
    """Whether the caller may see other people's figures: a lead, and everybody where none is named."""
    return is_lead(context.settings, context.annotator)


def _note(context: Context) -> str:
    return f"Figures of other people are for leads ({', '.join(context.settings.people.leads)}) to see."


def _tell_note(context: Context, note: str) -> None:
    if note:
        context.out.print(safe(note))


# -- on a terminal -------------------------------------------------------------------------------------------


def _tell_agreement(
    context: Context, found: "Report", couples: "dict[tuple[str, str], Figures]", *, implied: bool
) -> None:

    overall = found.overall
    context.out.print(
        f"{counted(overall.pairs, 'pair')} of {counted(overall.queries, 'query', 'queries')}"
        f" {'was' if overall.pairs == 1 else 'were'} decided by two or more of"
        f" {counted(len(found.annotators), 'person', 'people')}."
        if overall.pairs
        else "No pair was decided by two people yet. `labels.overlap` gives some queries to two on purpose."
    )
    if found.implied_pairs:
        are = ("pair is", "pairs are") if implied else ("pair would be", "pairs would be")
        how = "" if implied else " with --implied"
        context.out.print(f"{counted(found.implied_pairs, *are)} in it{how}: decided by accepting another candidate.")
    if found.decisions:
        share = f"{found.unsure / found.decisions:.1%}"
        decisions = counted(found.decisions, "explicit decision")
        context.out.print(f"Unsure: {found.unsure:,} of {decisions} ({share}), left out.")
    if not overall.pairs:
        return
    context.out.print(_figures("", {"all": overall, **{", ".join(names): each for names, each in couples.items()}}))
    if len(found.categories) > 1:
        some = dict(list(found.categories.items())[:_CATEGORIES])
        context.out.print(_figures("by category", {name or "(none)": each for name, each in some.items()}))
        if left := len(found.categories) - len(some):
            context.out.print(f"and {counted(left, 'more category', 'more categories')}; --json has them all.")
    if found.bands:
        context.out.print(_figures("by band when decided", found.bands))
    context.out.print(
        "agree: all say the same · κ: Cohen's · α: Krippendorff's · AC1: Gwet's; 1 is perfect, 0 is chance."
    )
    if any(each.dominant for each in _all(found, couples)):
        context.out.print(
            f"{_DOMINATED} one class has {DOMINANT:.0%} of the answers or more. κ and α are small then,"
            "\n  however well people agree: go by AC1."
        )


def _all(found: "Report", couples: "Mapping[tuple[str, str], Figures]") -> "list[Figures]":
    return [found.overall, *couples.values(), *found.categories.values(), *found.bands.values()]


def _figures(title: str, rows: "Mapping[str, Figures]") -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    table.add_column("", max_width=_COUPLE, overflow="fold")
    for heading in ("pairs", "agree", "κ", "α", "AC1"):
        table.add_column(heading, justify="right")
    for name, each in rows.items():
        mark = _DOMINATED if each.dominant else " "
        ac1 = "–" if each.ac1.value is None else f"{round(each.ac1.value, 2) + 0:.2f}"
        cells = (_share(each.agreement), _estimate(each.kappa) + mark, _estimate(each.alpha) + mark, ac1)
        table.add_row(Text(safe(name)), f"{each.pairs:,}", *cells)
    return table


def _tell_people(context: Context, shown: "list[Person]") -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("", max_width=_NAME, overflow="fold")
    for heading in ("decisions", "explicit", "unsure", "as adjudicated", "of", "look", "an hour"):
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
        context.out.print("agree: with the adjudication, else with most of the others who decided the pair.")
    context.out.print("look: half of all looks were shorter · an hour: explicit decisions per hour of work.")


def _by_hour(shown: "list[Person]") -> Table:
    table = Table(title="by hour since the sitting began", title_justify="left", box=None, pad_edge=False)
    table.add_column("", max_width=_NAME, overflow="fold")
    for heading in ("hour", "checked", "agree"):
        table.add_column(heading, justify="right")
    for each in shown:
        for hour, found in each.by_hour.items():
            table.add_row(Text(safe(each.name)), f"{hour}", f"{found.labels:,}", _share(found))
    return table


def _percent(some: int, all_: int) -> str:
    return f"{some / all_:.0%}" if all_ else "–"


def _share(found: "Precision") -> str:
    """The share and its interval, such as `0.91 0.85…0.95`."""
    return _range(found.right / found.labels, found.low, found.high) if found.labels else "–"


def _estimate(found: "Estimate") -> str:
    """The figure and its interval, as far as they are known, or why there is none."""
    return found.undefined if found.value is None else _range(found.value, found.low, found.high)


def _range(value: float, low: float | None, high: float | None) -> str:
    # Zero is added since a figure just below zero would be rounded to -0.00.
    ends = "–" if low is None or high is None else f"{round(low, 2) + 0:.2f}…{round(high, 2) + 0:.2f}"
    return f"{round(value, 2) + 0:.2f} {ends}"
