"""What a restore would drop: the events of the ledger that a backup does not have."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from labels import marker
from labels.errors import LabelsError
from labels.snapshot import existing, sealed
from labels.wording import counted

#: How many people are named; the others are counted.
_MAX_NAMES = 3

_EVENTS = "SELECT seq, action, annotator, at, decision IS NOT NULL FROM events ORDER BY seq"

_HAS_EVENTS = "SELECT 1 FROM sqlite_master WHERE name = 'events'"

#: The tables of drawn queries, and what a row is known by.
_DRAWS = {"validation": "query_source, query_id", "audits": "query_source, query_id, version"}

_Row = tuple[int, str, str, str, int]
_Drawn = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """What would be dropped.

    Attributes:
        events: how many events; None where that is unknown, since the ledger is damaged.
        drawn: how many queries that were drawn for validation or audit.
        readable: how many events of the ledger can be read.
        unsaved: how many of these the backup does not have.
        decisions: how many of these decide on a pair.
        annotators: whose they are, with how many each, most first.
        since, until: when the first and the last of them was made, ISO 8601; empty where there is none.
        last: the number of the ledger's last readable event.
    """

    events: int | None
    drawn: int
    readable: int
    unsaved: int
    decisions: int
    annotators: dict[str, int]
    since: str
    until: str
    last: int

    def __bool__(self) -> bool:
        """Whether anything would be dropped, or that is unknown."""
        return self.events != 0 or self.drawn > 0

    def as_dict(self) -> dict[str, object]:
        """By name, for JSON; `events` is called `dropped` there."""
        facts = asdict(self)
        return {"dropped": facts.pop("events"), **facts}

    def sentence(self) -> str:
        """What would be dropped, in some sentences."""
        drawn = f" Of the queries drawn for validation or audit {self.drawn:,} would be dropped." if self.drawn else ""
        return self._of_events() + drawn

    def _of_events(self) -> str:
        if self.events is None:
            told = (
                "How many events would be dropped is unknown: the ledger is damaged."
                f" {self.readable:,} of its events can still be read"
            )
            return f"{told}, {self.unsaved:,} of them are not in the backup{self._whose()}."
        if not self.events:
            return "No event would be dropped."
        return f"{counted(self.events, 'event')} would be dropped{self._whose()}."

    def _whose(self) -> str:
        if not self.unsaved:
            return ""
        names = list(self.annotators)[:_MAX_NAMES]
        more = len(self.annotators) - len(names)
        people = ", ".join([*names, *([f"{more:,} more"] if more else [])])
        when = " to ".join(dict.fromkeys(moment[:16].replace("T", " ") for moment in (self.since, self.until)))
        return f": {counted(self.decisions, 'decision')}, by {people}, {when} UTC"


def loss(source: Path, path: Path) -> Loss:
    """What putting a backup in the place of the ledger would drop. Reads every event of both once.

    Args:
        source: the backup, which is sound.
        path: the ledger; it may be damaged, gone or another program's.

    Raises:
        LabelsError: the backup cannot be read, or another program holds the ledger.
    """
    with sealed(source) as connection:
        saved = {row[0] for row in connection.execute("SELECT DISTINCT action FROM events")}
        drawn = _drawn(connection)
    if not marker.has_content(path):
        return _added_up([], saved, whole=True)
    found, drawn_here, whole = _readable(path)
    return replace(_added_up(found, saved, whole=whole), drawn=len(drawn_here - drawn))


def _readable(path: Path) -> tuple[list[_Row], set[_Drawn], bool]:
    """The events and drawn queries that can be read, and whether these are all."""
    try:
        with existing(path) as connection:
            if not connection.execute(_HAS_EVENTS).fetchone():
                return [], set(), True  # an empty database
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                found = list(_until_damage(connection, _EVENTS))
                if [row[0] for row in found] == list(range(1, len(found) + 1)):
                    return found, _drawn(connection), True
    except LabelsError as error:
        if getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise
    # As it lies on the disk, without its journal.
    with sealed(path) as connection:
        try:
            # Else SQLite reads nothing of a file that is shorter than its first page says.
            connection.execute("PRAGMA writable_schema=ON")
            if not connection.execute(_HAS_EVENTS).fetchone():
                return [], set(), True  # another program's file
        except sqlite3.DatabaseError:
            return [], set(), False
        rows = (*_until_damage(connection, _EVENTS), *_until_damage(connection, f"{_EVENTS} DESC"))
        return sorted({row[0]: row for row in rows}.values()), _drawn(connection), False


def _drawn(connection: sqlite3.Connection) -> set[_Drawn]:
    """The drawn queries, as far as they can be read; the first ledgers knew no audits."""
    found: set[_Drawn] = set()
    for table, columns in _DRAWS.items():
        with suppress(sqlite3.Error, UnicodeDecodeError):
            found.update((table, *row) for row in connection.execute(f"SELECT {columns} FROM {table}"))  # noqa: S608
    return found


def _until_damage(connection: sqlite3.Connection, query: str) -> Iterator[_Row]:
    with suppress(sqlite3.Error, UnicodeDecodeError):
        for seq, action, annotator, at, decides in connection.execute(query):
            if isinstance(seq, int) and all(isinstance(text, str) for text in (action, annotator, at)):
                yield seq, action, annotator, at, decides


def _added_up(found: Iterable[_Row], saved: set[str], *, whole: bool) -> Loss:
    rows = list(found)
    lacking = [row for row in rows if row[1] not in saved]
    moments = [row[3] for row in lacking]
    return Loss(
        events=len(lacking) if whole else None,
        drawn=0,
        readable=len(rows),
        unsaved=len(lacking),
        decisions=sum(row[4] for row in lacking),
        annotators=dict(Counter(row[2] for row in lacking).most_common()),
        since=min(moments, default=""),
        until=max(moments, default=""),
        last=rows[-1][0] if rows else 0,
    )
