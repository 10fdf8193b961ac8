"""The chain of hashes: every event carries the hash of all that came before it, so that no change goes unseen."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence

#: What an event's hash covers, in this order: everything that is recorded of it.
COLUMNS = (
    "seq", "action", "at", "annotator", "verb", "query_source", "query_id", "candidate_source", "candidate_id",
    "decision", "strength", "stream", "side", "blind", "closes", "look_ms", "rank", "similarity", "probability",
    "model", "target", "text",
)  # fmt: skip

_REALS = [COLUMNS.index(name) for name in ("similarity", "probability")]

#: Every event's values, in order.
EVENTS = f"SELECT {', '.join(COLUMNS)} FROM events ORDER BY seq"  # noqa: S608 - constants only

#: What the first event follows.
GENESIS = "0" * 64


def link(previous: str, values: Sequence[object]) -> str:
    """The hash of an event: SHA-256 over the hash before it and its own values.

    Args:
        previous: the hash of the event before, or `GENESIS`.
        values: what the event holds, in the order of `COLUMNS`, as SQLite gives it back: no booleans. Bytes come from
            damage alone, and give the hash of no event.
    """
    stored = list(values)
    for place in _REALS:
        value = stored[place]
        # SQLite gives a whole number back as a real, and zero without its sign.
        if isinstance(value, int | float):
            stored[place] = value + 0.0
    text = json.dumps(stored, ensure_ascii=False, default=repr)
    return hashlib.sha256((previous + text).encode("utf-8")).hexdigest()


def head(connection: sqlite3.Connection) -> tuple[int, str]:
    """Number and hash of the last event; 0 and `GENESIS` where there is none."""
    row = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, GENESIS)


def links(connection: sqlite3.Connection) -> Iterator[tuple[int, str, str]]:
    """Every event's number, the hash that it carries and the one that it should, in order."""
    previous = GENESIS
    for *values, carried in connection.execute(f"SELECT {', '.join(COLUMNS)}, hash FROM events ORDER BY seq"):  # noqa: S608 - constants only
        previous = link(previous, values)
        yield int(values[0]), str(carried), previous
        # Go on from what is carried: one changed event is one broken link, not all that follow.
        previous = str(carried)
