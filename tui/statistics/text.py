"""The text of the statistics pages, from the JSON answers of `labels stats`, `labels people` and `labels agreement`."""

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

# -- labels ---------------------------------------------------------------------------------------------

#: Days with work that are shown: four weeks.
_DAYS = 28
#: Cells of a bar at most.
_BAR = 40
_NAME_AND_FIGURE = (NAMES, Column())


def totals(stats: Mapping[str, Any]) -> Content:
    """Counts of queries and pairs by their state."""
    queries = [
        ("answered", stats["queries_answered"]),
        ("skipped, still open", stats["skipped"]),
        ("flagged", stats["flagged"]),
        ("sampled for validation", stats["validation_queries"]),
    ]
    outdated = stats["outdated"]
    if outdated["queries"]:
        queries.append(("asked again first", outdated["queries"]))
    pairs = [
        ("match", stats["matches"]),
        ("no match", stats["non_matches"]),
        ("in conflict", stats["conflicts"]),
        ("adjudicated", stats["adjudicated"]),
        ("for training", stats["training_pairs"]),
        ("for validation", stats["validation_pairs"]),
    ]
    for name, count in (
        ("product replaced, left out", outdated["changed"]),
        ("product removed, left out", outdated["gone"]),
    ):
        if count:
            pairs.append((name, count))
    styles = {"in conflict": CAREFUL if stats["conflicts"] else ""}
    rows = [[Content.styled(name, styles.get(name, "")), _figure(n)] for name, n in (*queries, *pairs)]
    lines = in_columns(_NAME_AND_FIGURE, rows)
    return _blocks(("Queries", lines[: len(queries)]), ("Pairs", lines[len(queries) :]))


def decisions(stats: Mapping[str, Any]) -> Content:
    """Decisions by class and strength, and by stream."""
    counts = stats["by_decision"]
    strengths = [str(strength) for strength in Strength]
    rows: list[list[str | Content]] = [
        [
            DECISION_WORDS[each],
            *(_figure(counts[each][s]) for s in strengths),
            _figure(sum(counts[each].values())),
        ]
        for each in Decision
    ]
    totals_row = [sum(counts[each][s] for each in Decision) for s in strengths]
    rows.append(["all", *map(_figure, totals_row), _figure(sum(totals_row))])
    kinds = in_columns((NAMES, *map(Column, strengths), Column("all")), rows)
    names = {FROM_FILES: "from files", BY_MACHINE: "by certified bands", **{s.value: s.value for s in Stream}}
    places = in_columns(
        _NAME_AND_FIGURE, [[names[place], _figure(count)] for place, count in stats["by_stream"].items()]
    )
    return _blocks(("Decisions", kinds), ("Decisions by stream", places))


def days(stats: Mapping[str, Any], width: int) -> Content:
    """The latest days with work, each with a bar for the queries answered at the desk."""
    latest = list(stats["by_day"].items())[-_DAYS:]
    if not latest:
        return _blocks(("Queries answered per day", [Content.styled("Nothing was answered at a desk yet.", MUTED)]))
    largest = max(count for _, count in latest)
    figures = in_columns((NAMES, Column()), [[_day(day), _figure(count)] for day, count in latest])
    cells = max(4, min(_BAR, width - figures[0].cell_length - 2))
    bars = [Content.styled("━" * max(1, round(cells * count / largest)), "$primary") for _, count in latest]
    lines = [Content("  ").join(row) for row in zip(figures, bars, strict=True)]
    return _blocks(("Queries answered per day", lines))


def _day(stamp: str) -> str:
    try:
        return f"{date.fromisoformat(stamp):%a %d %b}"
    except ValueError:
        return UNKNOWN


def _figure(count: int) -> Content:
    return Content.styled(f"{count:,}", STRONG) if count else Content.styled(UNKNOWN, MUTED)


def _blocks(*blocks: tuple[str, list[Content]]) -> Content:
    """Groups of lines under headings, separated by an empty line."""
    lines: list[Content] = []
    for heading, group in blocks:
        lines += [*([Content.empty()] if lines else []), Content.styled(heading, f"{STRONG} $text-primary"), *group]
    return Content("\n").join(lines)


# -- people ---------------------------------------------------------------------------------------------

#: Cells of a name in the list; the details show all of it.
_NAME = 24

#: An entry of the answer of `labels people --json`.
Person = Mapping[str, Any]


def people_rows(people: Sequence[Person]) -> list[Content]:
    """The headings, then a row for each person."""
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


def person_facts(person: Person) -> Content:
    """All figures of one person."""
    explicit, undone, unsure = person["explicit"], person["undone"], person["unsure"]
    facts = [
        ("queries", f"{person['queries']:,}", f"{_percent(person['matched'])} of them with a match"),
        ("decisions", f"{person['decisions']:,}", f"{_percent(explicit)} explicit, the others implied"),
        ("unsure", f"{unsure['decisions']:,}", f"{_percent(unsure)} of the explicit decisions"),
        ("undone", f"{undone['acts']:,}", f"{_percent(undone)} of all acts"),
        ("imported", f"{person['imported']:,}" if person["imported"] else UNKNOWN, ""),
        ("at the desk", *_work(person)),
        ("look", _look(person), "median time before a keystroke"),
        ("an hour", _pace(person), "queries, without pauses of more than 5 minutes"),
        ("correct", *_checked(person["truth"], "adjudicated pairs")),
    ]
    rows = [
        [Content.styled(name, MUTED), Content.styled(figure, STRONG), Content.styled(note, MUTED)]
        for name, figure, note in facts
    ]
    lines = [Content.styled(safe(person["name"]), f"{STRONG} $text-primary")]
    return Content("\n").join([*lines, *in_columns((NAMES, Column(), NAMES), rows)])


def hourly_agreement(person: Person) -> Content:
    """The share of a person's decisions that others confirmed, by hour of the session; empty where none was checked."""
    if not person["by_hour"]:
        return Content.empty()
    rows = []
    for each in person["by_hour"]:
        figure, note = _checked(each, "decisions")
        hour = f"hour {each['hour']}"
        rows.append([Content.styled(hour, MUTED), Content.styled(figure, STRONG), Content.styled(note, MUTED)])
    title = Content.styled("Confirmed by others, by hour of the session", f"{STRONG} $text-primary")
    return Content("\n").join([title, *in_columns((NAMES, Column(), NAMES), rows)])


def _checked(found: Mapping[str, Any], what: str) -> tuple[str, str]:
    """A share with its interval and the number of checks."""
    if not found["checked"]:
        return UNKNOWN, f"no {what} yet"
    interval = f"{percent(found['low'])} to {percent(found['high'])}"
    return percent(found["share"]), f"{interval}, of {found['checked']:,} {what}"


def _work(person: Person) -> tuple[str, str]:
    sittings = person["sittings"]
    if not sittings:
        return UNKNOWN, ""
    return duration(person["active_hours"] * 3600), f"in {counted(sittings, 'session')}"


def _percent(found: Mapping[str, Any]) -> str:
    return UNKNOWN if found["share"] is None else percent(found["share"])


def _look(person: Person) -> str:
    return UNKNOWN if person["look_ms"] is None else f"{person['look_ms'] / 1000:.1f} s"


def _pace(person: Person) -> str:
    return UNKNOWN if person["queries_per_hour"] is None else f"{person['queries_per_hour']:,.0f}"


# -- agreement ------------------------------------------------------------------------------------------

#: Cells of the column of names at least; it gets what the figures leave.
_MIN_NAME = 12
_ESTIMATES = ("agreement", "Cohen's κ", "Krippendorff α")
_COLUMNS = (Column("pairs"), *(Column(f" {name}", right=False) for name in _ESTIMATES))
#: Marks kappa and alpha where one class dominates the answers.
_DOMINATED = "*"
#: Rows of categories at most; the command line lists all.
_MAX_CATEGORIES = 30

#: The answer of `labels agreement --json`, or the part of it on one pair of annotators, category or band.
Report = Mapping[str, Any]


def agreement_text(report: Report, width: int) -> Content:
    """Sample sizes, then agreement, kappa and alpha: overall, by pair of annotators, by category, by band."""
    if not report["overall"]["pairs"]:
        return _nothing(report)
    categories = report["categories"][:_MAX_CATEGORIES] if len(report["categories"]) > 1 else []
    parts = (report["overall"], *report["couples"], *categories, *report["bands"])
    heading, *figures = in_columns(_COLUMNS, [_figures(part) for part in parts])
    room = max(_MIN_NAME, width - 2 - max(line.cell_length for line in (heading, *figures)))
    groups = {
        "": ["all"],
        "By pair of annotators": [_couple(each["annotators"], room) for each in report["couples"]],
        "By category, most pairs first": [safe(each["category"]) or "(none)" for each in categories],
        "By band when decided": [safe(each["band"]) for each in report["bands"]],
    }
    names = ["", *(name for found in groups.values() for name in found)]
    name = Column(right=False, most=room)
    heading, *table = in_columns((name, NAMES), [[*row] for row in zip(names, (heading, *figures), strict=True)])
    lines = [*_sample(report), Content.empty(), heading]
    for title, found in groups.items():
        if title and found:
            lines += [Content.empty(), Content.styled(title, f"{STRONG} $text-primary")]
        lines += table[: len(found)]
        table = table[len(found) :]
    lines += _dominated(list(zip(names[1:], parts, strict=True)), room)
    return Content("\n").join([*lines, Content.empty(), *_legend(report)])


def _couple(names: Sequence[str], room: int) -> str:
    """Both names, truncated evenly where they do not fit."""
    one, other = (Content(safe(name)) for name in names)
    cells = room - len(" and ")
    one = one.truncate(max(cells // 2, cells - other.cell_length), ellipsis=True)
    return f"{one.plain} and {other.truncate(cells - one.cell_length, ellipsis=True).plain}"


def _sample(report: Report) -> list[Content]:
    overall = report["overall"]
    counts = Content.assemble(
        *_styled_count(overall["pairs"], "pair"), (" of ", MUTED),
        *_styled_count(overall["queries"], "query", "queries"),
        (", each decided by two or more of ", MUTED), *_styled_count(len(report["annotators"]), "person", "people"),
    )  # fmt: skip
    return [counts, *_left_out(report)]


def _styled_count(number: int, one: str, many: str = "") -> Iterator[tuple[str, str]]:
    """A number, and its noun in a fainter style."""
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
        included = "included" if report["implied"] else "left out"
        pairs = counted(report["implied_pairs"], "pair")
        lines.append(Content.styled(f"{pairs} decided by accepting another candidate: {included}", MUTED))
    return lines


def _figures(part: Report) -> list[str | Content]:
    agreement = part["agreement"]
    raw = _range(agreement["share"], agreement["low"], agreement["high"])
    return [f"{part['pairs']:,}", raw, *(_estimate(part[name], part["dominant"]) for name in ("kappa", "alpha"))]


def _estimate(found: Mapping[str, Any], dominant: str) -> Content:
    """An estimate and its interval, or why it is undefined."""
    if found["value"] is None:
        return Content.styled(f" {safe(found['undefined'])}", MUTED)
    return _range(found["value"], found["low"], found["high"], mark=_DOMINATED if dominant else "")


def _dominated(named: Sequence[tuple[str, Report]], room: int) -> list[Content]:
    """Gwet's AC1 where one class dominates: kappa and alpha are small then, even at high agreement."""
    found = [(name, part) for name, part in named if part["dominant"]]
    if not found:
        return []
    rows = [(name, _estimate(part["ac1"], ""), _dominant_class(part)) for name, part in found]
    title = f"{_DOMINATED} One class dominates: κ and α are small then, even at high agreement"
    columns = (Column(right=False, most=room), Column(" Gwet's AC1", right=False), NAMES)
    return [Content.empty(), Content.styled(title, f"{STRONG} $text-primary"), *in_columns(columns, rows)]


def _dominant_class(part: Report) -> Content:
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
    # Adding 0 turns a rounded -0.0 into 0.0.
    return f"{round(value, 2) + 0:.2f}".replace("-", "−")


def _nothing(report: Report) -> Content:
    lines = [
        Content.styled("No pair was decided by two people yet", STRONG),
        Content.styled("labels.overlap = 0.05 in samesku.toml gives one query in twenty to two people.", MUTED),
        *_left_out(report),
    ]
    return Content("\n").join(lines)


def _legend(report: Report) -> list[Content]:
    lines = [
        "First answers, with 95 % intervals. κ, α, AC1: 1 is perfect, 0 is chance.",
        "Left out: unsure answers, adjudications, automatic and benchmark decisions.",
    ]
    if (more := len(report["categories"]) - _MAX_CATEGORIES) > 0:
        categories = counted(more, "more category", "more categories")
        lines.insert(0, f"And {categories}: samesku labels agreement --json lists them all.")
    if not report["bands"]:
        lines.append("No bands: the matcher is uncalibrated until matches and non-matches are labelled.")
    return [Content.styled(text, MUTED) for text in lines]
