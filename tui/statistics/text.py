"""How far people agree, as `labels agreement --json` tells it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from textual.content import Content

from core.matching.bands import percent
from core.text.safe import safe
from labels.model import Decision, Stream, Strength
from labels.statistics import BY_MACHINE, FROM_FILES
from labels.wording import counted
from tui.common.text import NAMES, Column, in_columns
from tui.common.words import DECISION_WORDS, UNKNOWN, duration, share
from tui.theme import CAREFUL, MUTED, STRONG

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


#: Cells of a name in a row; the whole of it stands where the person is told about.
_NAME = 24

Person = Mapping[str, Any]


def people_rows(people: Sequence[Person]) -> list[Content]:
    """The headings, then a row for each, in the order given."""
    headings = ("queries", "match", "unsure", "undone", "look", "an hour")
    columns = (Column(right=False, most=_NAME), *map(Column, headings))
    rows = [
        [
            safe(each["name"]), f"{each['queries']:,}", _percent(each["matched"]), _percent(each["unsure"]),
            _percent(each["undone"]), _look(each), _pace(each),
        ]
        for each in people
    ]  # fmt: skip
    return in_columns(columns, rows)


def person_told(person: Person) -> Content:
    """What is known of one."""
    explicit, undone, unsure = person["explicit"], person["undone"], person["unsure"]
    facts = [
        ("queries", f"{person['queries']:,}", f"{_percent(person['matched'])} of them with a match"),
        ("decisions", f"{person['decisions']:,}", f"{_percent(explicit)} on the very pair, the others follow from it"),
        ("unsure", f"{unsure['decisions']:,}", f"{_percent(unsure)} of those on the very pair"),
        ("taken back", f"{undone['acts']:,}", f"{_percent(undone)} of what was done"),
        ("from files", f"{person['imported']:,}" if person["imported"] else UNKNOWN, ""),
        ("at the desk", *_work(person)),
        ("look", _look(person), "half of all looks were shorter"),
        ("an hour", _pace(person), "queries, pauses of more than 5 minutes left out"),
        ("as ruled", *_checked(person["truth"], "contested pairs")),
    ]
    rows = [
        [Content.styled(name, MUTED), Content.styled(figure, STRONG), Content.styled(words, MUTED)]
        for name, figure, words in facts
    ]
    lines = [Content.styled(safe(person["name"]), f"{STRONG} $text-primary")]
    return Content("\n").join([*lines, *in_columns((NAMES, Column(), NAMES), rows)])


def hours_told(person: Person) -> Content:
    """Whether care fades: how often one's decisions hold, by the hour of a sitting; empty where nobody can tell."""
    if not person["by_hour"]:
        return Content.empty()
    rows = []
    for each in person["by_hour"]:
        figure, words = _checked(each, "decisions")
        rows.append(
            [
                Content.styled(f"hour {each['hour']}", MUTED),
                Content.styled(figure, STRONG),
                Content.styled(words, MUTED),
            ]
        )
    title = Content.styled("Upheld by others, by hour of the sitting", f"{STRONG} $text-primary")
    return Content("\n").join([title, *in_columns((NAMES, Column(), NAMES), rows)])


def _checked(found: Mapping[str, Any], what: str) -> tuple[str, str]:
    """A share that was checked, its interval, and of how many."""
    if not found["checked"]:
        return UNKNOWN, f"no {what} yet"
    return percent(
        found["share"]
    ), f"{percent(found['low'])} to {percent(found['high'])}, of {found['checked']:,} {what}"


def _work(person: Person) -> tuple[str, str]:
    sittings = person["sittings"]
    if not sittings:
        return UNKNOWN, ""
    return duration(person["active_hours"] * 3600), f"in {counted(sittings, 'sitting')}"


def _percent(found: Mapping[str, Any]) -> str:
    return UNKNOWN if found["share"] is None else percent(found["share"])


def _look(person: Person) -> str:
    return UNKNOWN if person["look_ms"] is None else f"{person['look_ms'] / 1000:.1f} s"


def _pace(person: Person) -> str:
    return UNKNOWN if person["queries_per_hour"] is None else f"{person['queries_per_hour']:,.0f}"


#: Four weeks.
_DAYS = 28
_MOST_BAR = 40
_FIGURES = (NAMES, Column())


def totals(stats: Mapping[str, Any]) -> Content:
    """What became of queries and pairs."""
    queries = [
        ("answered", stats["queries_answered"]),
        ("put off, not answered since", stats["skipped"]),
        ("flagged for a second look", stats["flagged"]),
        ("drawn for validation", stats["validation_queries"]),
    ]
    outdated = stats["outdated"]
    if outdated["queries"]:
        queries.append(("asked about again, first of all", outdated["queries"]))
    pairs = [
        ("match", stats["matches"]),
        ("no match", stats["non_matches"]),
        ("in conflict, to be settled", stats["conflicts"]),
        ("settled by a ruling", stats["adjudicated"]),
        ("to learn from", stats["training_pairs"]),
        ("kept apart to judge on", stats["validation_pairs"]),
    ]
    for name, count in (("another article now, left out", outdated["changed"]), ("gone, left out", outdated["gone"])):
        if count:
            pairs.append((name, count))
    styles = {"in conflict, to be settled": CAREFUL if stats["conflicts"] else ""}
    rows = [[Content.styled(name, styles.get(name, "")), _totals_text_count(n)] for name, n in (*queries, *pairs)]
    lines = in_columns(_FIGURES, rows)
    return _blocks(("Queries", lines[: len(queries)]), ("Pairs", lines[len(queries) :]))


def decisions(stats: Mapping[str, Any]) -> Content:
    """What was said: by kind and strength, and where."""
    said = stats["by_decision"]
    strengths = [str(strength) for strength in Strength]
    rows: list[list[str | Content]] = [
        [
            DECISION_WORDS[each],
            *(_totals_text_count(said[each][s]) for s in strengths),
            _totals_text_count(sum(said[each].values())),
        ]
        for each in Decision
    ]
    everything = [sum(said[each][s] for each in Decision) for s in strengths]
    rows.append(["all", *map(_totals_text_count, everything), _totals_text_count(sum(everything))])
    kinds = in_columns((NAMES, *map(Column, strengths), Column("all")), rows)
    names = {FROM_FILES: "from files", BY_MACHINE: "by certified bands", **{s.value: s.value for s in Stream}}
    places = in_columns(
        _FIGURES, [[names[place], _totals_text_count(count)] for place, count in stats["by_stream"].items()]
    )
    return _blocks(("Decisions", kinds), ("Where they were made", places))


def days(stats: Mapping[str, Any], width: int) -> Content:
    """The latest days with work on them, each with a bar: queries answered at the desk."""
    latest = list(stats["by_day"].items())[-_DAYS:]
    if not latest:
        return _blocks(("Queries answered a day", [Content.styled("Nothing was answered at a desk yet.", MUTED)]))
    most = max(count for _, count in latest)
    figures = in_columns((NAMES, Column()), [[_day(day), _totals_text_count(count)] for day, count in latest])
    cells = max(4, min(_MOST_BAR, width - figures[0].cell_length - 2))
    bars = [Content.styled("━" * max(1, round(cells * count / most)), "$primary") for _, count in latest]
    lines = [Content("  ").join(row) for row in zip(figures, bars, strict=True)]
    return _blocks(("Queries answered a day", lines))


def _day(stamp: str) -> str:
    try:
        return f"{date.fromisoformat(stamp):%a %d %b}"
    except ValueError:
        return UNKNOWN


def _totals_text_count(count: int) -> Content:
    return Content.styled(f"{count:,}", STRONG) if count else Content.styled(UNKNOWN, MUTED)


def _blocks(*blocks: tuple[str, list[Content]]) -> Content:
    """Headed groups of lines with an empty line between two."""
    lines: list[Content] = []
    for heading, group in blocks:
        lines += [*([Content.empty()] if lines else []), Content.styled(heading, f"{STRONG} $text-primary"), *group]
    return Content("\n").join(lines)
