"""How annotators work, as `labels people --json` tells it: a row for each, and all that is known of one."""

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content

from core.match.bands import percent
from core.text.safe import safe
from labels.wording import counted
from tui.style import MUTED, STRONG
from tui.widgets.columns import NAMES, Column, in_columns
from tui.words import UNKNOWN, duration

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
