"""Random draws of validation and audit queries, in a hash chain that the chain of events covers.

Each draw has a record in the table `draws`, whose hash covers the record before it and every query of the draw. The
hash of a later event covers the last draw, so that a changed, added or missing draw breaks a chain: that of the draws,
or that of the events after it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from labels.chain import GENESIS, last_draw, not_stored
from labels.wording import counted

#: The schema version that introduced records and hashes of draws.
SINCE_SCHEMA = 4
#: The table that holds the drawn queries, by purpose.
TABLES = {"validation": "validation", "audit": "audits"}
#: The columns of the table `draws`.
RECORD_COLUMNS = ("number", "purpose", "version", "queries", "hash")
#: The columns of a drawn query, without its version, in the order in which they are hashed.
QUERY_COLUMNS = ("query_source", "query_id", "seed", "drawn_at", "stratum", "weight")

_WEIGHT = QUERY_COLUMNS.index("weight")
_INSERT_DRAW = f"INSERT INTO draws ({', '.join(RECORD_COLUMNS)}) VALUES ({', '.join('?' for _ in RECORD_COLUMNS)})"  # noqa: S608


class Digest:
    """A running SHA-256 over the queries of one draw, which are added in the order of source and id."""

    def __init__(self) -> None:
        self.queries = 0
        self._sha256 = hashlib.sha256()

    def add(self, row: Sequence[object]) -> None:
        """Add a query; its values are in the order of `QUERY_COLUMNS`."""
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
            version: of the set.
            queries: the number of queries in the draw.
        """
        text = json.dumps([number, purpose, version, queries, self._sha256.hexdigest()], default=repr)
        return hashlib.sha256((previous + text).encode()).hexdigest()


def record(connection: sqlite3.Connection, purpose: str, version: int, rows: Iterable[Sequence[object]]) -> int:
    """Write a draw, its record and then its queries, inside the caller's transaction.

    Args:
        connection: the open ledger.
        purpose: `validation` or `audit`.
        version: the version of the set, not in use yet.
        rows: the queries, with values in the order of `QUERY_COLUMNS`.

    Returns:
        the number of queries; where it is 0, no draw is recorded.

    Raises:
        LabelsError: SQLite did not store all of them.
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
    """Write records for the draws of a ledger from before schema 4, in the order of their versions."""
    for purpose, version, digest in list(_digests(connection)):
        _record(connection, purpose, version, digest)


def _record(connection: sqlite3.Connection, purpose: str, version: int, digest: Digest) -> None:
    last, previous = last_draw(connection)
    draw = digest.link(previous, last + 1, purpose, version, digest.queries)
    connection.execute(_INSERT_DRAW, [last + 1, purpose, version, digest.queries, draw])
    if last_draw(connection) != (last + 1, draw):
        raise not_stored()


def problems(connection: sqlite3.Connection) -> list[str]:
    """Problems with the draws of an open ledger, as clauses."""
    digests = {(purpose, version): digest for purpose, version, digest in _digests(connection)}
    found = []
    previous, last = GENESIS, 0
    for number, purpose, version, queries, stored in connection.execute(
        f"SELECT {', '.join(RECORD_COLUMNS)} FROM draws ORDER BY number"  # noqa: S608 - constants only
    ):
        digest = digests.pop((purpose, version), Digest())
        name = f"draw {number} ({purpose} {version})"
        if number != last + 1:
            found.append(f"draws are missing: {name} follows draw {last}")
        if digest.queries != queries:
            found.append(f"{name} was changed: it holds {digest.queries:,} of {counted(queries, 'query', 'queries')}")
        elif digest.link(previous, number, purpose, version, queries) != stored:
            found.append(f"{name} was changed, or a draw is missing before it")
        # Continue from the stored hash, as the chain of events does.
        previous, last = str(stored), number
    found += [
        f"{counted(digest.queries, 'query', 'queries')} of {purpose} {version}"
        f" {'belongs' if digest.queries == 1 else 'belong'} to no recorded draw"
        for (purpose, version), digest in digests.items()
    ]
    return found


def _digests(connection: sqlite3.Connection) -> Iterator[tuple[str, int, Digest]]:
    """Purpose, version and digest of every draw, computed from the queries in the file."""
    for purpose, table in TABLES.items():
        rows = connection.execute(
            f"SELECT version, {', '.join(QUERY_COLUMNS)} FROM {table} ORDER BY version, query_source, query_id"  # noqa: S608
        )
        for version, group in groupby(rows, key=itemgetter(0)):
            digest = Digest()
            for row in group:
                digest.add(row[1:])
            yield purpose, version, digest
