"""The schema of labels.db as its migrations make it, and what differs from it in a file.

A trigger, a view or a table of another definition can change what a statement does: ignore a person's rows, or show
what was never written. So the SQL of the whole schema is compared, not only its names. A fingerprint for each version
tells in a fraction of a millisecond that nothing differs; only where something does are the migrations run, in memory.
"""

import hashlib
import json
import sqlite3
from collections.abc import Set as AbstractSet
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import NamedTuple

from labels import draws
from labels.errors import LabelsError
from labels.wording import counted

#: SHA-256 of `objects` for each PRAGMA user_version; a test holds them to what the migrations make.
FINGERPRINTS = {
    1: "57d82c21c93c3ab571f8fbd42e3d629586780f6f9fe4fdcb8ff17a43352bec52",
    2: "f5ecb1f8aadb7fcc28bdc48750e7a0fa27390043837652a9172a176e31de2995",
    3: "81f2c443f5fed7eaa6a49c417a29a1f53939ee0696e209ac9ad09670ef48a69a",
    4: "2d4bcf6cf281fac61e418cb49e51192e5ac534040c0ec93203231114383ea1f2",
}

#: What belongs to libraries and holds nothing of the ledger: sqlite-utils' record of migrations, whose SQL depends on
#: its release, and the statistics that ANALYZE makes.
_FOREIGN_TABLES = ("_sqlite_migrations", "sqlite_stat1", "sqlite_stat4")
#: Triggers that the very first ledgers of schema 1 did not have. The migration that chains draws makes them.
_ADDED_TO_FIRST = {"events_no_replace", "validation_no_replace"}


class SchemaObject(NamedTuple):
    """A row of sqlite_master.

    Attributes:
        kind: `table`, `index`, `trigger` or `view`.
        table: the table that it belongs to.
        sql: its definition; None for the index of a constraint.
    """

    kind: str
    name: str
    table: str
    sql: str | None


def schema_objects(connection: sqlite3.Connection) -> set[SchemaObject]:
    """What the schema of an open database consists of. Triggers count on any table, the tables of libraries do not."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
    found = (
        SchemaObject(str(kind), str(name), str(table), None if sql is None else str(sql))
        for kind, name, table, sql in rows
    )
    return {each for each in found if each.table not in _FOREIGN_TABLES or each.kind not in {"table", "index"}}


def fingerprint(found: AbstractSet[SchemaObject]) -> str:
    """SHA-256 over the objects of a schema."""
    text = json.dumps(sorted(found, key=lambda each: (each.kind, each.name)), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def differences(connection: sqlite3.Connection, version: int) -> list[str]:
    """What an open file has that the migrations of its version do not make, and the other way round, in sentences.

    Args:
        connection: the open file.
        version: its PRAGMA user_version.
    """
    found = schema_objects(connection)
    if fingerprint(found) == FINGERPRINTS.get(version):
        return []
    wanted = expected_objects(version)
    expected = {(each.kind, each.name) for each in wanted}
    present = {(each.kind, each.name) for each in found}
    sentences = []
    for each in sorted(wanted - found, key=lambda each: each[:2]):
        if (each.kind, each.name) in present:
            sentences.append(f"the {each.kind} {each.name} was changed")
        elif version >= draws.SINCE_SCHEMA or each.name not in _ADDED_TO_FIRST:
            sentences.append(f"the {each.kind} {each.name} is missing")
    sentences += [f"the {kind} {name} is not of samesku" for kind, name in sorted(present - expected)]
    return sentences


@cache
def expected_objects(version: int) -> frozenset[SchemaObject]:
    """The schema of a version, as its migrations make it; empty for a version that there is none of."""
    from labels.database import load_migrations  # noqa: PLC0415 - that module imports this one

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        load_migrations().apply_up_to(connection, version)
        return frozenset(schema_objects(connection))


def require_current(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Return if the schema of an open ledger is that of its version.

    Raises:
        LabelsError: it is not, and what is written might not be stored as it is.
    """
    from labels.recovery import foreign_error  # noqa: PLC0415 - needs labels.database, which needs this module
    from labels.snapshot import table_names  # noqa: PLC0415

    if "events" not in table_names(connection):
        raise foreign_error(path)
    if found := differences(connection, version):
        more = f" ({counted(len(found) - 1, 'more difference')})" if len(found) > 1 else ""
        raise LabelsError(
            f"{path} was changed by another program: {found[0]}{more}. Nothing was written.",
            "`samesku labels verify` lists what differs, and says the way back.",
        )


def repair_copy(copy: Path) -> tuple[list[str], bool]:
    """Give a copy of a labels file the schema of its version again: triggers and indexes are restored, extras deleted.

    Args:
        copy: the file, which no other process has open.

    Returns:
        what differed, as `differences` says; and whether the schema is right now. A table of another definition may
        hold anything: the copy is of no use then.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        found = schema_objects(connection)
        changed = differences(connection, version) if found else []
        return changed, not changed or _restored(connection, found, expected_objects(version))


def _restored(connection: sqlite3.Connection, found: set[SchemaObject], wanted: AbstractSet[SchemaObject]) -> bool:
    if {each for each in wanted if each.kind == "table"} - found:
        return False
    kinds = ("trigger", "view", "index", "table")
    try:
        # Triggers first: a view or a table takes its own along.
        for each in sorted(found - wanted, key=lambda each: kinds.index(each.kind)):
            name = each.name.replace('"', '""')
            connection.execute(f'DROP {each.kind} IF EXISTS "{name}"')
        for each in sorted(wanted - schema_objects(connection), key=lambda each: kinds[::-1].index(each.kind)):
            connection.execute(str(each.sql))
    except (sqlite3.Error, ValueError):
        return False
    return schema_objects(connection) == wanted
