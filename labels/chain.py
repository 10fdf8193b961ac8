"""The hash chain of events: the hash of an event covers the hash before it, so that any change to an event shows.

Draws form a chain of their own (`labels.draws`). The hash of an event also covers the last draw before it, so that a
draw cannot be changed or removed without breaking the chain of the events after it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from labels.errors import LabelsError
from labels.wording import counted

#: The schema version in which events got hashes.
SINCE_SCHEMA = 2
#: The columns that the hash of an event covers, in this order. Number and hash of the last draw follow.
COLUMNS = (
    "seq", "action", "at", "annotator", "verb", "query_source", "query_id", "candidate_source", "candidate_id",
    "decision", "strength", "stream", "side", "blind", "closes", "look_ms", "rank", "similarity", "probability",
    "model", "target", "text",
)  # fmt: skip
#: The columns of an event without `seq`, which every ledger assigns itself.
EVENT_FIELDS = COLUMNS[1:]
#: All columns of an event.
STORED_COLUMNS = (*COLUMNS, "drawn", "hash")

_REAL_COLUMNS = [COLUMNS.index(name) for name in ("similarity", "probability")]

#: Every event's values, in order.
SELECT_EVENTS = f"SELECT {', '.join(COLUMNS)} FROM events ORDER BY seq"  # noqa: S608 - constants only

#: The hash before the first event, and before the first draw.
GENESIS = "0" * 64
#: Number and hash of the last draw where there is none.
NO_DRAW = (0, GENESIS)

_INSERT = f"INSERT INTO events ({', '.join(STORED_COLUMNS)}) VALUES ({', '.join('?' for _ in STORED_COLUMNS)})"  # noqa: S608 - constants only


def event_hash(previous: str, values: Sequence[object], draw: tuple[int, str] = NO_DRAW) -> str:
    """The hash of an event: SHA-256 over the hash before it, its own values and the last draw.

    Args:
        previous: the hash of the event before, or `GENESIS`.
        values: the event, in the order of `COLUMNS`, as SQLite returns it: no booleans. Bytes occur only in a damaged
            file, and never give the stored hash.
        draw: number and hash of the last draw before the event; `NO_DRAW` where there was none.
    """
    stored = list(values)
    for place in _REAL_COLUMNS:
        value = stored[place]
        # SQLite returns a whole number in a REAL column as a float, and -0.0 as 0.0.
        if isinstance(value, int | float):
            stored[place] = value + 0.0
    if draw[0]:
        stored += draw
    text = json.dumps(stored, ensure_ascii=False, default=repr)
    return hashlib.sha256((previous + text).encode("utf-8")).hexdigest()


def head(connection: sqlite3.Connection) -> tuple[int, str]:
    """Number and hash of the last event; 0 and `GENESIS` where there is none."""
    row = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, GENESIS)


def last_draw(connection: sqlite3.Connection) -> tuple[int, str]:
    """Number and hash of the last draw; `NO_DRAW` where there is none."""
    row = connection.execute("SELECT number, hash FROM draws ORDER BY number DESC LIMIT 1").fetchone()
    return (int(row[0]), str(row[1])) if row else NO_DRAW


def append(connection: sqlite3.Connection, events: Iterable[Sequence[object]]) -> range:
    """Append events to the chain, inside the caller's transaction. The caller updates the projections.

    Args:
        connection: the open ledger.
        events: the values of each, in the order of `FACTS`.

    Returns:
        their numbers.

    Raises:
        LabelsError: SQLite did not store all of them.
    """
    before, previous = head(connection)
    draw = last_draw(connection)
    last = before

    def rows() -> Iterator[tuple[object, ...]]:
        nonlocal last, previous
        for facts in events:
            last += 1
            previous = event_hash(previous, (last, *facts), draw)
            yield (last, *facts, draw[0], previous)

    inserted = connection.executemany(_INSERT, rows()).rowcount
    if max(inserted, 0) != last - before or head(connection) != (last, previous):
        raise not_stored()
    return range(before + 1, last + 1)


def not_stored() -> LabelsError:
    """The error where the file does not hold what was written: the transaction is rolled back."""
    return LabelsError(
        "The ledger did not store what was written; nothing was changed.", "`samesku labels verify` says why."
    )


def verify_links(connection: sqlite3.Connection) -> Iterator[tuple[int, str, str]]:
    """For every event in order: its number, its stored hash, and the hash computed from its values."""
    draws, drawn = _draw_hashes(connection)
    previous = GENESIS
    for *values, last, stored in connection.execute(
        f"SELECT {', '.join(COLUMNS)}, {drawn}, hash FROM events ORDER BY seq"  # noqa: S608 - constants only
    ):
        previous = event_hash(previous, values, (last, draws.get(last, "")))
        yield int(values[0]), str(stored), previous
        # Continue from the stored hash: one changed event is one broken link, not a break of all that follow.
        previous = str(stored)


def _draw_hashes(connection: sqlite3.Connection) -> tuple[dict[object, str], str]:
    """The hash of each draw by number, and the SQL of an event's last draw; before schema 4 draws had no hashes."""
    if not connection.execute("SELECT 1 FROM pragma_table_info('events') WHERE name = 'drawn'").fetchone():
        return {}, "0"
    return dict(connection.execute("SELECT number, hash FROM draws")), "drawn"


def counter_problems(connection: sqlite3.Connection) -> list[str]:
    """Problems of SQLite's AUTOINCREMENT counters: a counter above the last row shows that rows were deleted."""
    counters = dict(connection.execute("SELECT name, seq FROM sqlite_sequence"))
    problems = []
    for table, number in (("events", "seq"), ("draws", "number")):
        last = connection.execute(f"SELECT coalesce(max({number}), 0) FROM {table}").fetchone()[0]  # noqa: S608
        counter = counters.get(table, 0)
        if isinstance(counter, int) and counter > last:
            problems.append(
                f"{table} are missing at the end: {counted(counter, 'was', 'were')} written, the last here is {last:,}"
            )
        elif counter != last:
            problems.append(f"the counter of {table} was changed: it says {counter}, the last is {last:,}")
    return problems
