"""Events from elsewhere at the end of the ledger's own chain."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from labels import chain

#: What an event holds but for its number and its hash, which every ledger gives anew.
FACTS = chain.COLUMNS[1:]

_INSERT = f"INSERT INTO events ({', '.join(chain.COLUMNS)}, hash) VALUES ({', '.join('?' * (len(chain.COLUMNS) + 1))})"  # noqa: S608 - constants only


def append(connection: sqlite3.Connection, events: Iterable[Sequence[object]]) -> int:
    """Write events, each of them in the order of `FACTS`. Runs inside a transaction; projections follow by the caller.

    Returns:
        how many there were.
    """
    before, _ = chain.head(connection)
    connection.executemany(_INSERT, _linked(events, *chain.head(connection)))
    return chain.head(connection)[0] - before


def _linked(events: Iterable[Sequence[object]], seq: int, previous: str) -> Iterator[tuple[object, ...]]:
    for facts in events:
        seq += 1
        previous = chain.link(previous, (seq, *facts))
        yield (seq, *facts, previous)
