"""The draws of validation and audit queries: a chain of hashes, to which the chain of events refers.

Each draw has a record in the table `draws`, whose hash covers the record before it and every query that was drawn.
Every later event covers the hash of the last draw, so that a draw that is changed, added or missing breaks a chain:
its own, or that of the events after it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from labels.chain import GENESIS, last_draw, not_stored
from labels.wording import counted

#: The schema version in which draws got records and hashes.
SINCE_SCHEMA = 4
#: Where the drawn queries of each purpose stand.
TABLES = {"validation": "validation", "audit": "audits"}
#: The columns of a record of a draw.
RECORD_COLUMNS = ("number", "purpose", "version", "queries", "hash")
#: What is drawn: a row of one of `TABLES` without its version, in the order in which it is hashed.
QUERY_COLUMNS = ("query_source", "query_id", "seed", "drawn_at", "stratum", "weight")

_WEIGHT = QUERY_COLUMNS.index("weight")
_INSERT_DRAW = f"INSERT INTO draws ({', '.join(RECORD_COLUMNS)}) VALUES ({', '.join('?' for _ in RECORD_COLUMNS)})"  # noqa: S608


class Digest:
    """What was drawn at once: a running hash over its queries, which are added in the order of source and id."""

    def __init__(self) -> None:
        self.queries = 0
        self._sha256 = hashlib.sha256()

    def add(self, row: Sequence[object]) -> None:
        """Add a query, its values in the order of `ROW`."""
        values = list(row)
        weight = values[_WEIGHT]
        if isinstance(weight, int | float):
            values[_WEIGHT] = weight + 0.0  # as SQLite stores it
        self._sha256.update(json.dumps(values, ensure_ascii=False, default=repr).encode() + b"\n")
        self.queries += 1

    def link(self, previous: str, number: int, purpose: str, version: int, queries: int) -> str:
        """The hash of the draw: SHA-256 over the hash before it, its record, and the hash of its queries.

        Args:
            previous: the hash of the draw before, or `GENESIS`.
            number: of the draw: 1, 2, 3 …
            purpose: `validation` or `audit`.
            version: of the set that was drawn.
            queries: how many queries were drawn.
        """
        text = json.dumps([number, purpose, version, queries, self._sha256.hexdigest()], default=repr)
        return hashlib.sha256((previous + text).encode()).hexdigest()


def record(connection: sqlite3.Connection, purpose: str, version: int, rows: Iterable[Sequence[object]]) -> int:
    """Write a draw: its record, then its queries. Runs inside a transaction.

    Args:
        connection: the open ledger.
        purpose: `validation` or `audit`.
        version: of the set; one that was not drawn yet.
        rows: the queries, in the order of `ROW`.

    Returns:
        how many queries there were. Where there are none, nothing is recorded.

    Raises:
        LabelsError: the file did not take all of them.
    """
    drawn = sorted(rows, key=lambda row: (str(row[0]), str(row[1])))
    if not drawn:
        return 0
    digest = Digest()
    for row in drawn:
        digest.add(row)
    _record(connection, purpose, version, digest)
    insert = (
        f"INSERT INTO {TABLES[purpose]} (version, {', '.join(QUERY_COLUMNS)})"  # noqa: S608 - constants only
        f" VALUES (?, {', '.join('?' for _ in QUERY_COLUMNS)})"
    )
    if connection.executemany(insert, [(version, *row) for row in drawn]).rowcount != len(drawn):
        raise not_stored()
    return len(drawn)


def record_existing(connection: sqlite3.Connection) -> None:
    """Record all that was drawn before draws had records, in the order of the versions."""
    for purpose, version, digest in list(_digests(connection)):
        _record(connection, purpose, version, digest)


def _record(connection: sqlite3.Connection, purpose: str, version: int, digest: Digest) -> None:
    last, previous = last_draw(connection)
    draw = digest.link(previous, last + 1, purpose, version, digest.queries)
    connection.execute(_INSERT_DRAW, [last + 1, purpose, version, digest.queries, draw])
    if last_draw(connection) != (last + 1, draw):
        raise not_stored()


def problems(connection: sqlite3.Connection) -> list[str]:
    """What is wrong with the draws of an open ledger, a sentence for each draw."""
    drawn = {(purpose, version): digest for purpose, version, digest in _digests(connection)}
    found = []
    previous, last = GENESIS, 0
    for number, purpose, version, queries, carried in connection.execute(
        f"SELECT {', '.join(RECORD_COLUMNS)} FROM draws ORDER BY number"  # noqa: S608 - constants only
    ):
        digest = drawn.pop((purpose, version), Digest())
        name = f"draw {number} ({purpose} {version})"
        if number != last + 1:
            found.append(f"draws are missing: {name} follows draw {last}")
        if digest.queries != queries:
            found.append(
                f"{name} is not as it was drawn: it holds {digest.queries:,} of {counted(queries, 'query', 'queries')}"
            )
        elif digest.link(previous, number, purpose, version, queries) != carried:
            found.append(f"{name} is not as it was drawn: it was changed, or a draw is missing before it")
        # Go on from what is carried, as the chain of events does.
        previous, last = str(carried), number
    found += [
        f"{counted(digest.queries, 'query', 'queries')} of {purpose} {version}"
        f" {'belongs' if digest.queries == 1 else 'belong'} to no recorded draw"
        for (purpose, version), digest in drawn.items()
    ]
    return found


def _digests(connection: sqlite3.Connection) -> Iterator[tuple[str, int, Digest]]:
    """Every set that was drawn: its purpose and version, with the hash of what is there of it."""
    for purpose, table in TABLES.items():
        rows = connection.execute(
            f"SELECT version, {', '.join(QUERY_COLUMNS)} FROM {table} ORDER BY version, query_source, query_id"  # noqa: S608
        )
        for version, drawn in groupby(rows, key=itemgetter(0)):
            digest = Digest()
            for row in drawn:
                digest.add(row[1:])
            yield purpose, version, digest
