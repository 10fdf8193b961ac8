"""How far people agree, as `labels agreement --json` tells it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.content import Content

from core.match.bands import percent
from core.text.safe import safe
from labels.model import Decision
from labels.wording import counted
from tui.style import MUTED, STRONG
from tui.widgets.columns import NAMES, Column, in_columns
from tui.words import DECISION_WORDS, UNKNOWN, share

#: Names have the cells that the figures leave.
_LEAST_NAME = 12
_ESTIMATES = ("agreement", "Cohen's κ", "Krippendorff α")
_COLUMNS = (Column("pairs"), *(Column(f" {name}", right=False) for name in _ESTIMATES))
#: Before kappa and alpha where one class dominates the answers.
_DOMINATED = "*"
#: Rows of categories; the command line tells them all.
_CATEGORIES = 30

Report = Mapping[str, Any]


def agreement_told(report: Report, width: int) -> Content:
    """What the figures are of, then the figures: over all, of every two, by category, by band."""
    if not report["overall"]["pairs"]:
        return _nothing(report)
    categories = report["categories"][:_CATEGORIES] if len(report["categories"]) > 1 else []
    parts = (report["overall"], *report["couples"], *categories, *report["bands"])
    heading, *figures = in_columns(_COLUMNS, [_figures(part) for part in parts])
    room = max(_LEAST_NAME, width - 2 - max(line.cell_length for line in (heading, *figures)))
    groups = {
        "": ["all"],
        "Of every two": [_couple(each["annotators"], room) for each in report["couples"]],
        "By category, most pairs first": [safe(each["category"]) or "(none)" for each in categories],
        "By band when decided": [safe(each["band"]) for each in report["bands"]],
    }
    names = ["", *(name for found in groups.values() for name in found)]
    name = Column(right=False, most=room)
    heading, *table = in_columns((name, NAMES), [[*row] for row in zip(names, (heading, *figures), strict=True)])
    lines = [*_of_what(report), Content.empty(), heading]
    for title, found in groups.items():
        if title and found:
            lines += [Content.empty(), Content.styled(title, f"{STRONG} $text-primary")]
        lines += table[: len(found)]
        table = table[len(found) :]
    lines += _dominated(list(zip(names[1:], parts, strict=True)), room)
    return Content("\n").join([*lines, Content.empty(), *_legend(report)])


def _couple(names: Sequence[str], room: int) -> str:
    """Both names; where there is no room for them, as much of each as of the other."""
    one, other = (Content(safe(name)) for name in names)
    left = room - len(" and ")
    least = left // 2
    one = one.truncate(max(least, left - other.cell_length), ellipsis=True)
    return f"{one.plain} and {other.truncate(left - one.cell_length, ellipsis=True).plain}"


def _of_what(report: Report) -> list[Content]:
    overall = report["overall"]
    counts = Content.assemble(
        *_count(overall["pairs"], "pair"), (" of ", MUTED), *_count(overall["queries"], "query", "queries"),
        (", each decided by two or more of ", MUTED), *_count(len(report["annotators"]), "person", "people"),
    )  # fmt: skip
    return [counts, *_left_out(report)]


def _count(number: int, one: str, many: str = "") -> Iterator[tuple[str, str]]:
    """The number, and what it counts in a fainter style."""
    figure, _, noun = counted(number, one, many).partition(" ")
    yield figure, STRONG
    yield f" {noun}", MUTED


def _left_out(report: Report) -> list[Content]:
    unsure = report["unsure"]["decisions"]
    lines = []
    if unsure:
        part = f"{unsure:,} of {counted(report['decisions'], 'decision')} ({share(unsure, report['decisions'])})"
        lines.append(Content.styled(f"Unsure, left out: {part}", MUTED))
    if report["implied_pairs"]:
        are = "are in it" if report["implied"] else "are left out"
        words = f"{counted(report['implied_pairs'], 'pair')} decided by accepting another candidate {are}"
        lines.append(Content.styled(words, MUTED))
    return lines


def _figures(part: Report) -> list[str | Content]:
    agreement = part["agreement"]
    raw = _range(agreement["share"], agreement["low"], agreement["high"])
    return [f"{part['pairs']:,}", raw, *(_estimate(part[name], part["dominant"]) for name in ("kappa", "alpha"))]


def _estimate(found: Mapping[str, Any], dominant: str) -> Content:
    """The figure and its interval, or why there is none."""
    if found["value"] is None:
        return Content.styled(f" {safe(found['undefined'])}", MUTED)
    return _range(found["value"], found["low"], found["high"], mark=_DOMINATED if dominant else "")


def _dominated(named: Sequence[tuple[str, Report]], room: int) -> list[Content]:
    """AC1 where one class dominates, which kappa and alpha are small for however well people agree."""
    found = [(name, part) for name, part in named if part["dominant"]]
    if not found:
        return []
    rows = [(name, _estimate(part["ac1"], ""), _class_told(part)) for name, part in found]
    title = f"{_DOMINATED} One class dominates: κ and α are small then, however well people agree"
    columns = (Column(right=False, most=room), Column(" Gwet's AC1", right=False), NAMES)
    return [Content.empty(), Content.styled(title, f"{STRONG} $text-primary"), *in_columns(columns, rows)]


def _class_told(part: Report) -> Content:
    matches = part["matches"]
    larger = Decision.MATCH if matches > 1 - matches else Decision.NO_MATCH
    return Content.styled(f"{percent(max(matches, 1 - matches))} {DECISION_WORDS[larger]}", MUTED)


def _range(value: float | None, low: float | None, high: float | None, mark: str = "") -> Content:
    """A figure and its 95 % interval, where there is one."""
    if value is None:
        return Content.styled(f" {UNKNOWN}", MUTED)
    ends = "" if low is None or high is None else f" {_rounded(low)}–{_rounded(high)}"
    return Content.assemble(((mark + _rounded(value)).rjust(5), STRONG), (ends, MUTED))


def _rounded(value: float) -> str:
    # Zero is added since a figure just below zero would be rounded to -0.00.
    return f"{round(value, 2) + 0:.2f}".replace("-", "−")


def _nothing(report: Report) -> Content:
    lines = [
        Content.styled("No pair was decided by two people yet", STRONG),
        Content.styled("labels.overlap = 0.05 in samesku.toml gives one query in twenty to two people.", MUTED),
        *_left_out(report),
    ]
    return Content("\n").join(lines)


def _legend(report: Report) -> list[Content]:
    words = [
        "Each person's first answer, with 95 % intervals. κ, α, AC1: 1 is perfect, 0 is what chance gives.",
        "Left out: abstentions, rulings, and what the machine or a benchmark said.",
    ]
    if (more := len(report["categories"]) - _CATEGORIES) > 0:
        words.insert(
            0,
            f"And {counted(more, 'more category', 'more categories')}: samesku labels agreement --json tells them all.",
        )
    if not report["bands"]:
        words.append("No bands: the matcher is uncalibrated until people have labelled matches and non-matches.")
    return [Content.styled(text, MUTED) for text in words]
