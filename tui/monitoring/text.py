"""The text of the monitor screen: bands by day, distributions against the reference, what has moved, categories."""

from collections import Counter
from collections.abc import Sequence

from textual.content import Content

from core.matching.audit import ANSWERS
from core.matching.bands import Band
from core.monitoring.history import VALIDATION, Findings, History
from core.monitoring.snapshot import QUERY_MEASURES, Group, Measure, Shift, Snapshot
from core.text.safe import safe
from labels.wording import counted
from tui.common.figures import measured
from tui.common.text import NAMES, Column, in_columns
from tui.common.words import BAND_SIGNS, UNKNOWN, share
from tui.theme import BANDS, CAREFUL, GOOD, MUTED, STRONG

#: Days in the table, and cells of a bar at most, at least, and before it.
_DAYS, _BAR, _MIN_BAR, _GAP = 10, 40, 10, 2
#: Bins of a measure that are one line of its distribution.
_BINS_PER_LINE = 2
#: Cells of a name in the table of what has moved at most, and of a category at least.
_NAME, _MIN_NAME = 22, 10
#: Figures beside a category.
_HEADINGS = ("queries", "high", "unmatched", "judge ≠", "audit", "answers")

# -- distributions -----------------------------------------------------------------------------------------


def distribution_lines(history: History, width: int) -> list[Content]:
    """The left side: shares of the bands by day, then similarities and probabilities now and in the reference."""
    latest, reference = history.days[-1], history.reference
    lines = [*_about(latest, reference, width), Content.empty(), *_bands(history.days[-_DAYS:], width)]
    for measure in QUERY_MEASURES:
        lines += [Content.empty(), *_distribution(measure, latest, reference or latest, width)]
    return [line.truncate(width, ellipsis=True) for line in lines]


def _about(latest: Snapshot, reference: Snapshot | None, width: int) -> list[Content]:
    since = "" if reference is None else f"; the reference is of {reference.day}"
    about = Content.assemble((latest.day, STRONG), f", {safe(latest.encoder)}", (since, MUTED))
    return list(about.wrap(width))


def _bands(days: Sequence[Snapshot], width: int) -> list[Content]:
    """A row for each day: the share of queries by the band of their best candidate, as figures and as a bar.

    Where a bar has no room beside it, the column of answers is left out: the other side has them by category.
    """
    columns = (NAMES, *(Column(band.value) for band in Band), Column("unmatched"), Column("answers"))
    rows: list[list[str | Content]] = []
    shares = []
    for day in days:
        bands: Counter[str] = Counter()
        for group in day.groups:
            bands.update(group.bands)
        queries = bands.total()
        without = sum(group.no_match for group in day.groups)
        shares.append([bands[band.value] / queries if queries else 0.0 for band in Band])
        figures = [share(bands[band.value], queries) for band in Band]
        rows.append([Content.styled(day.day, MUTED), *figures, share(without, queries), f"{day.answers:,}"])
    head = Content.styled("Queries by band of the best candidate", STRONG)
    table = in_columns(columns, rows)
    if width - _table_width(table) < _GAP + _MIN_BAR:
        table = in_columns(columns[:-1], [row[:-1] for row in rows])
    edge = _table_width(table) + _GAP
    cells = min(_BAR, width - edge)
    if cells < _MIN_BAR:
        return [head, *table]
    bars = [Content.empty(), *(_bar(each, cells) for each in shares)]
    return [head, *(line.pad_right(edge - line.cell_length) + bar for line, bar in zip(table, bars, strict=True))]


def _table_width(table: Sequence[Content]) -> int:
    return max(line.cell_length for line in table)


#: The cells of each band in a bar; they differ without colour.
_CELLS = {Band.HIGH: "█", Band.MEDIUM: "▒", Band.LOW: "░"}


def _bar(shares: Sequence[float], cells: int) -> Content:
    ends = [0, *(round(cells * sum(shares[: place + 1])) for place in range(len(shares)))]
    parts = zip(Band, ends, ends[1:], strict=False)
    return Content.assemble(*((_CELLS[band] * (end - start), BANDS[band]) for band, start, end in parts))


def _distribution(measure: Measure, latest: Snapshot, reference: Snapshot, width: int) -> list[Content]:
    """A histogram of the present, with the shares of the reference beside it."""
    now, before = (_counts(measure, snapshot) for snapshot in (latest, reference))
    head = Content.assemble((measure.title.capitalize(), STRONG), (f"  {counted(sum(now), 'query', 'queries')}", MUTED))
    used = [place for place, pair in enumerate(zip(now, before, strict=True)) if any(pair)]
    if not used:
        return [head, Content.styled("Nothing was scored.", MUTED)]
    places = range(used[0], used[-1] + 1)
    largest = max(now) or 1
    rows: list[list[str | Content]] = [
        [
            _edges(measure, place),
            share(now[place], sum(now)),
            _muted(share(before[place], sum(before))),
        ]
        for place in places
    ]
    table = in_columns((Column(), Column("now"), Column("reference")), rows)
    cells = max(4, min(_BAR, width - table[0].cell_length - _GAP))
    bars = ["", *("━" * (max(1, round(cells * now[place] / largest)) if now[place] else 0) for place in places)]
    return [head, *(Content.assemble(line, "  ", (bar, "$primary")) for line, bar in zip(table, bars, strict=True))]


def _edges(measure: Measure, place: int) -> str:
    """Both ends of the bins of a line; both measures end at 1, which has a bin of its own if it is inclusive."""
    ends = [f"{min(1.0, measure.value((place + step) * _BINS_PER_LINE)):.1f}" for step in (0, 1)]
    return "–".join(dict.fromkeys(ends)).replace("-", "−")


def _muted(text: str) -> Content:
    return Content.styled(text, MUTED)


def _counts(measure: Measure, snapshot: Snapshot) -> list[int]:
    """The counts of all groups, two bins in each line."""
    bins = [sum(column) for column in zip(*(group.histogram(measure) for group in snapshot.groups), strict=True)]
    return [sum(bins[place : place + _BINS_PER_LINE]) for place in range(0, len(bins), _BINS_PER_LINE)]


# -- drift -------------------------------------------------------------------------------------------------


def drift_lines(history: History, width: int) -> list[Content]:
    """The right side: what has moved by the last run, audited precision, and the figures of each category."""
    latest = history.days[-1]
    lines = [*_findings(history, width), Content.empty(), *_categories(latest, width)]
    if latest.precision:
        lines += [Content.empty(), Content.styled("Audited precision", STRONG)]
        lines += [
            Content.assemble((f"{BAND_SIGNS[Band(band)]} {band:<8}", BANDS[Band(band)]), measured(value, (low, high)))
            for band, (value, low, high) in latest.precision.items()
        ]
    return [line.truncate(width, ellipsis=True) for line in lines]


def _findings(history: History, width: int) -> list[Content]:
    found = history.findings
    if found is None or (found.since == history.days[-1].day and not found.shifts):
        return [
            Content.styled("The present state is the reference", STRONG),
            *Content.styled("Press m after the next import and index run.", MUTED).wrap(width),
        ]
    since = "against the validation set" if found.since == VALIDATION else f"since {found.since}"
    if not found.shifts:
        return [Content.styled(f"✓ Nothing has moved {since}", f"{STRONG} {GOOD}")]
    return [
        Content.styled(f"▲ {counted(len(found.shifts), 'distribution has', 'distributions have')} moved {since}",
                       f"{STRONG} {CAREFUL}"),
        *_shift_table(found),
        Content.empty(),
        *Content.styled("To check the matches there: samesku monitor --audit 100", MUTED).wrap(width),
        *Content.styled("If the change is intended: samesku monitor --accept", MUTED).wrap(width),
    ]  # fmt: skip


def _shift_table(found: Findings) -> list[Content]:
    columns = (Column(right=False, most=_NAME), NAMES, Column("before"), Column("now"), Column("PSI"))
    rows: list[list[str | Content]] = [
        [_place(each), each.title, _muted(_middle(each.before)), _middle(each.after), f"{each.psi:.2f}"]
        for each in found.shifts
    ]
    return in_columns(columns, rows)


def _place(shift: Shift) -> str:
    return safe(shift.source) if shift.is_of_source else f"{safe(shift.source)} {safe(shift.category) or '(none)'}"


def _middle(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


def _categories(latest: Snapshot, width: int) -> list[Content]:
    """The figures of each category of queries, the largest first."""
    groups = sorted((group for group in latest.groups if group.queries), key=lambda group: -group.queries)
    if not groups:
        return [Content.styled("No query was scored yet.", MUTED)]
    several = len({group.source for group in groups}) > 1
    rows = [_category(group, several=several) for group in groups]
    # Without a judge or an audit, their columns leave their room to the names.
    shown = [place for place in range(1, len(_HEADINGS) + 1) if any(row[place] != UNKNOWN for row in rows)]
    headings = [_HEADINGS[place - 1] for place in shown]
    figures = sum(
        _GAP + max(len(heading), *(len(row[place]) for row in rows))
        for heading, place in zip(headings, shown, strict=True)
    )
    columns = (Column(right=False, most=max(_MIN_NAME, width - figures)), *map(Column, headings))
    return [
        Content.styled("By category" if not several else "By source and category", STRONG),
        *in_columns(columns, [[row[0], *(row[place] for place in shown)] for row in rows]),
    ]


def _category(group: Group, *, several: bool) -> list[str]:
    judged, contradicted = group.verdicts
    audited = [group.audited.get(band.value, (0, 0)) for band in ANSWERS]
    pairs, right = (sum(column) for column in zip(*audited, strict=True))
    name = safe(group.category) or "(none)"
    return [
        f"{safe(group.source)} {name}" if several else name, f"{group.queries:,}",
        share(group.bands[Band.HIGH.value], group.queries), share(group.no_match, group.queries),
        share(contradicted, judged), f"{right:,}/{pairs:,}" if pairs else UNKNOWN, f"{group.answers:,}",
    ]  # fmt: skip
