"""`samesku monitor`: whether catalogues and matches are still distributed as they were."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.cli.match_remarks import print_index_state
from core.cli.rebuild import rebuilds_damage
from core.evaluation.audit import draw_audit
from core.matching.audit import ANSWERS
from core.matching.pair_rows import read_index_state
from core.monitoring.counting import count_workspace
from core.monitoring.history import VALIDATION, Findings, History, load_history
from core.monitoring.prometheus import prometheus_text
from core.monitoring.shift import find_shifts
from core.monitoring.snapshot import OTHERS, Shift, Snapshot
from core.permissions import require_lead
from core.text.safe import safe
from labels.exchange.files import output_text, require_writable
from labels.model import ProductRef
from labels.wording import counted

#: Days in the table.
_DAYS = 14
#: Exit code of --check where something has moved.
_MOVED_CODE = 3
#: Categories in the table.
_GROUPS = 12


class Against(StrEnum):
    """What the present state is compared with."""

    REFERENCE = "reference"
    VALIDATION = VALIDATION


@rebuilds_damage
def monitor(
    ctx: typer.Context,
    accept: Annotated[
        bool, typer.Option("--accept", help="Make the present state the reference of later runs; for leads.")
    ] = False,
    audit: Annotated[
        int | None,
        typer.Option(
            min=1, show_default=False, help="Draw about this many queries of what has moved for the audit stream."
        ),
    ] = None,
    prometheus: Annotated[
        Path | None,
        typer.Option(
            show_default=False,
            help="Write the figures in the text format of Prometheus, e.g. /var/lib/node_exporter/samesku.prom.",
        ),
    ] = None,
    against: Annotated[
        Against,
        typer.Option(help="Compare with the reference, or queries with those of the validation set."),
    ] = Against.REFERENCE,
    check: Annotated[bool, typer.Option("--check", help=f"Exit with {_MOVED_CODE} if something has moved.")] = False,
) -> None:
    """Compare listings, candidates and probabilities with a reference, by source and category.

    The first run makes the reference; later ones, best after each index run, say what has moved since: prices, titles,
    similarities, probabilities, bands, the mix of categories. A shift is reported if the population stability index is
    0.2 or more and a two-sample test is significant. Each run is kept as the snapshot of its day.

    With --against validation, similarities, probabilities, bands, prices and titles of the queries are compared with
    those of the validation set, which models are evaluated on: a shift means that its figures may not hold.

    Example: samesku monitor

    Example: samesku monitor --audit 100

    Example: samesku monitor --against validation

    Example: samesku monitor --check --prometheus /var/lib/node_exporter/samesku.prom
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    if accept and against is Against.VALIDATION:
        raise typer.BadParameter("--accept makes a reference; leave --against out.")
    if accept or audit is not None:
        require_lead(context.settings, context.annotator, "Only leads change the reference, and draw audits.")
    if prometheus is not None:
        require_writable(prometheus)
    history, message = load_history(workspace.monitoring)
    if message:
        context.err.print(message, markup=False)
    snapshot, history = _look(context, history, against, accept=accept)
    assert history.reference is not None  # noqa: S101 - a run has set both
    assert history.findings is not None  # noqa: S101
    shifts = history.findings.shifts
    if prometheus is not None:
        with output_text(prometheus) as out:
            out.write(prometheus_text(snapshot, shifts))
    context.out.print(_days_table(history.days[-_DAYS:]))
    _print_groups(context, snapshot)
    for band, (value, low, high) in snapshot.precision.items():
        context.out.print(f"Audited precision of band {band}: {value:.3f} (95 % interval {low:.3f} to {high:.3f}).")
    _print_shifts(context, history, snapshot)
    drawn = _draw(context, shifts, snapshot, audit) if audit is not None else None
    print_index_state(context, read_index_state(workspace))
    context.answer({
        "day": snapshot.day, "reference": history.reference.day, "against": against.value,
        "shifts": [asdict(each) for each in shifts], "snapshot": asdict(snapshot), "drawn": drawn,
    })  # fmt: skip
    # A reference that was lost has found nothing, which must not look as if nothing had moved.
    if check and (shifts or message):
        raise typer.Exit(_MOVED_CODE)


def _look(context: Context, history: History, against: Against, *, accept: bool) -> tuple[Snapshot, History]:
    """Count the present state and compare it. Returns the snapshot, and the history with it, which is on disk."""
    with context.reporter() as reporter:
        reporter.stage("count listings and candidates")
        is_reference = accept or history.reference is None
        counts = count_workspace(
            context.workspace, context.settings, datetime.now(UTC).date().isoformat(),
            vocabulary=None if is_reference else history.vocabulary,
            groups=() if is_reference or history.reference is None else history.reference.groups,
            validation=against is Against.VALIDATION,
        )  # fmt: skip
        snapshot = counts.snapshot
        if is_reference:
            history = history.with_reference(snapshot, counts.words)
        assert history.reference is not None  # noqa: S101 - set above
        if counts.validation is None:
            findings = Findings(history.reference.day, find_shifts(history.reference, snapshot))
        else:
            findings = Findings(VALIDATION, find_shifts(*counts.validation, sizes=False))
        history = replace(history.with_day(snapshot), findings=findings)
        history.save(context.workspace.monitoring)
        reporter.result({"since": findings.since, "shifts": [asdict(each) for each in findings.shifts]})
    return snapshot, history


def _days_table(days: Sequence[Snapshot]) -> Table:
    table = Table("day", "listings", "queries", "high", "medium", "low", "unmatched", "judge disagrees", "answers")
    for column in table.columns[1:]:
        column.justify = "right"
    for each in days:
        bands: Counter[str] = Counter()
        for group in each.groups:
            bands.update(group.bands)
        queries = bands.total()
        judged, contradicted = (sum(group.verdicts[i] for group in each.groups) for i in (0, 1))
        without = sum(group.no_match for group in each.groups)
        shares = [_share(bands[name], queries) for name in ("high", "medium", "low")]
        table.add_row(
            each.day, f"{sum(group.listings for group in each.groups):,}", f"{queries:,}", *shares,
            _share(without, queries), _share(contradicted, judged), f"{each.answers:,}",
        )  # fmt: skip
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _print_groups(context: Context, snapshot: Snapshot) -> None:
    """Bands, disagreement, audited precision and answers of the queries, by source and category."""
    groups = sorted((each for each in snapshot.groups if each.queries), key=lambda each: -each.queries)
    if len(groups) < 2:
        return
    table = Table(
        "source",
        "category",
        "queries",
        "high",
        "unmatched",
        "judge disagrees",
        "audited high",
        "audited low",
        "answers",
    )
    for column in table.columns[2:]:
        column.justify = "right"
    for each in groups[:_GROUPS]:
        judged, contradicted = each.verdicts
        audited = [each.audited.get(band.value, (0, 0)) for band in ANSWERS]
        table.add_row(
            Text(safe(each.source)), Text(safe(each.category or "(none)")), f"{each.queries:,}",
            _share(each.bands["high"], each.queries), _share(each.no_match, each.queries),
            _share(contradicted, judged), *(_part(right, pairs) for pairs, right in audited), f"{each.answers:,}",
        )  # fmt: skip
    context.out.print(table)
    if len(groups) > _GROUPS:
        context.out.print(f"… and {counted(len(groups) - _GROUPS, 'smaller category', 'smaller categories')}: --json.")


def _part(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" if whole else "–"


def _print_shifts(context: Context, history: History, snapshot: Snapshot) -> None:
    reference, findings = history.reference, history.findings
    assert reference is not None  # noqa: S101 - a run has set both
    assert findings is not None  # noqa: S101
    shifts = findings.shifts
    since = "against the validation set" if findings.since == VALIDATION else f"since {findings.since}"
    if reference is snapshot and findings.since != VALIDATION:
        context.out.print("The present state is the reference. Run it again after the next import and index run.")
        return
    if findings.since != VALIDATION and reference.encoder != snapshot.encoder:
        context.out.print(
            f"The encoder has changed since the reference ({safe(reference.encoder)}): similarities may differ for that"
            " reason alone. To compare with the present state from now on: samesku monitor --accept",
            soft_wrap=True,
        )
    if not shifts:
        context.out.print(f"Nothing has moved {since}.")
        return
    places = counted(len(shifts), "distribution has", "distributions have")
    context.out.print(f"Look here: {places} moved {since}.")
    table = Table("source", "category", "measure", "before", "now", "PSI", "listings")
    for column in table.columns[3:]:
        column.justify = "right"
    for each in shifts:
        category = "" if each.is_of_source else each.category or "(none)"
        table.add_row(
            Text(safe(each.source)), Text(safe(category)), each.title, _median(each.before),
            _median(each.after), f"{each.psi:.2f}", f"{each.listings:,}",
        )  # fmt: skip
    context.out.print(table)
    context.out.print(
        "To check the matches there: samesku monitor --audit 100. If the change is intended: samesku monitor --accept",
        soft_wrap=True,
    )


def _median(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


def _draw(context: Context, shifts: Sequence[Shift], snapshot: Snapshot, count: int) -> int:
    """Draw queries of the groups that have moved, and of sources whose mix of categories has. Returns how many."""
    moved = {(each.source, None if each.is_of_source else each.category) for each in shifts}
    queries = _queries_of(context, moved, snapshot)
    if not queries:
        where = "What has moved has no queries" if shifts else "Nothing has moved"
        context.out.print(
            f"{where}, so that nothing is drawn. For a sample of all queries: samesku labels audit --draw 200",
            soft_wrap=True,
        )
        return 0
    number, drawn = draw_audit(context.workspace, context.settings, count, among=queries)
    context.out.print(
        f"Draw {number}: {counted(len(drawn), 'query', 'queries')} of what has moved."
        " Answer them with: samesku review --stream audit"
    )
    return len(drawn)


def _queries_of(context: Context, moved: set[tuple[str, str | None]], snapshot: Snapshot) -> set[ProductRef]:
    named = {(group.source, group.category) for group in snapshot.groups}
    with CatalogStore(context.workspace.catalog) as catalog:
        queries = list(catalog.iter(role="query"))
    found = set()
    for each in queries:
        category = each.category if (each.source, each.category) in named else OTHERS
        if (each.source, category) in moved or (each.source, None) in moved:
            found.add(each.ref)
    return found
