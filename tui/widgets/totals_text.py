"""How far the labelling is, as `labels stats --json` tells it, in tables and bars."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from textual.content import Content

from labels.breakdown import BY_MACHINE, FROM_FILES
from labels.model import Decision, Stream, Strength
from tui.style import CAREFUL, MUTED, STRONG
from tui.widgets.columns import NAMES, Column, in_columns
from tui.words import DECISION_WORDS, UNKNOWN

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
    rows = [[Content.styled(name, styles.get(name, "")), _count(n)] for name, n in (*queries, *pairs)]
    lines = in_columns(_FIGURES, rows)
    return _blocks(("Queries", lines[: len(queries)]), ("Pairs", lines[len(queries) :]))


def decisions(stats: Mapping[str, Any]) -> Content:
    """What was said: by kind and strength, and where."""
    said = stats["by_decision"]
    strengths = [str(strength) for strength in Strength]
    rows: list[list[str | Content]] = [
        [DECISION_WORDS[each], *(_count(said[each][s]) for s in strengths), _count(sum(said[each].values()))]
        for each in Decision
    ]
    everything = [sum(said[each][s] for each in Decision) for s in strengths]
    rows.append(["all", *map(_count, everything), _count(sum(everything))])
    kinds = in_columns((NAMES, *map(Column, strengths), Column("all")), rows)
    names = {FROM_FILES: "from files", BY_MACHINE: "by certified bands", **{s.value: s.value for s in Stream}}
    places = in_columns(_FIGURES, [[names[place], _count(count)] for place, count in stats["by_stream"].items()])
    return _blocks(("Decisions", kinds), ("Where they were made", places))


def days(stats: Mapping[str, Any], width: int) -> Content:
    """The latest days with work on them, each with a bar: queries answered at the desk."""
    latest = list(stats["by_day"].items())[-_DAYS:]
    if not latest:
        return _blocks(("Queries answered a day", [Content.styled("Nothing was answered at a desk yet.", MUTED)]))
    most = max(count for _, count in latest)
    figures = in_columns((NAMES, Column()), [[_day(day), _count(count)] for day, count in latest])
    cells = max(4, min(_MOST_BAR, width - figures[0].cell_length - 2))
    bars = [Content.styled("━" * max(1, round(cells * count / most)), "$primary") for _, count in latest]
    lines = [Content("  ").join(row) for row in zip(figures, bars, strict=True)]
    return _blocks(("Queries answered a day", lines))


def _day(stamp: str) -> str:
    try:
        return f"{date.fromisoformat(stamp):%a %d %b}"
    except ValueError:
        return UNKNOWN


def _count(count: int) -> Content:
    return Content.styled(f"{count:,}", STRONG) if count else Content.styled(UNKNOWN, MUTED)


def _blocks(*blocks: tuple[str, list[Content]]) -> Content:
    """Headed groups of lines with an empty line between two."""
    lines: list[Content] = []
    for heading, group in blocks:
        lines += [*([Content.empty()] if lines else []), Content.styled(heading, f"{STRONG} $text-primary"), *group]
    return Content("\n").join(lines)
