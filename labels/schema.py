"""Comparison of a file's schema with the one that the migrations create, and repair of copies.

A trigger, view or table with another definition can change what a statement does: drop an annotator's rows, or return
rows that were never written. So the SQL of the whole schema is compared, not only the names. Usually a fingerprint of
the version settles that in a fraction of a millisecond; only on a mismatch are the migrations run, in memory.
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

#: SHA-256 of `schema_objects` for each PRAGMA user_version; a test compares them with the migrations.
FINGERPRINTS = {
    1: "57d82c21c93c3ab571f8fbd42e3d629586780f6f9fe4fdcb8ff17a43352bec52",
    2: "f5ecb1f8aadb7fcc28bdc48750e7a0fa27390043837652a9172a176e31de2995",
    3: "81f2c443f5fed7eaa6a49c417a29a1f53939ee0696e209ac9ad09670ef48a69a",
    4: "2d4bcf6cf281fac61e418cb49e51192e5ac534040c0ec93203231114383ea1f2",
}

#: Tables that are not compared: sqlite-utils' record of migrations, whose SQL depends on its release, and the
#: statistics of ANALYZE.
_FOREIGN_TABLES = ("_sqlite_migrations", "sqlite_stat1", "sqlite_stat4")
#: Triggers that the first ledgers of schema 1 lacked; migration 004 creates them.
_ADDED_LATER = {"events_no_replace", "validation_no_replace"}


class SchemaObject(NamedTuple):
    """A row of sqlite_master.

    Attributes:
        kind: `table`, `index`, `trigger` or `view`.
        name: its name.
        table: the table that it belongs to.
        sql: its definition; None for the index of a constraint.
    """

    kind: str
    name: str
    table: str
    sql: str | None


def schema_objects(connection: sqlite3.Connection) -> set[SchemaObject]:
    """The schema of an open database, without the tables of libraries and their indexes; triggers on them count."""
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
    """The differences between the schema of an open file and that of its version, as clauses.

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
        elif version >= draws.SINCE_SCHEMA or each.name not in _ADDED_LATER:
            sentences.append(f"the {each.kind} {each.name} is missing")
    sentences += [f"the {kind} {name} is not of samesku" for kind, name in sorted(present - expected)]
    return sentences


@cache
def expected_objects(version: int) -> frozenset[SchemaObject]:
    """The schema that the migrations create for a version; empty for version 0."""
    from labels.database import load_migrations  # noqa: PLC0415 - that module imports this one

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        load_migrations().apply_up_to(connection, version)
        return frozenset(schema_objects(connection))


def require_current(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Return if the schema of an open ledger is that of its version.

    Raises:
        LabelsError: it differs, so that what is written might not be stored unchanged.
    """
    from labels.recovery import foreign_error  # noqa: PLC0415 - needs labels.database, which needs this module
    from labels.snapshot import table_names  # noqa: PLC0415

    if "events" not in table_names(connection):
        raise foreign_error(path)
    if found := differences(connection, version):
        more = f" ({counted(len(found) - 1, 'more difference')})" if len(found) > 1 else ""
        raise LabelsError(
            f"{path} was changed by another program: {found[0]}{more}. Nothing was written.",
            "`samesku labels verify` lists the differences and how to go back.",
        )


def repair_copy(copy: Path) -> tuple[list[str], bool]:
    """Repair the schema of a copy of a labels file: create missing triggers and indexes, drop unknown objects.

    Args:
        copy: the file, which no other process has open.

    Returns:
        the differences found, as from `differences`; and whether the schema is right now. A table with another
        definition cannot be repaired.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        found = schema_objects(connection)
        changed = differences(connection, version) if found else []
        return changed, not changed or _repair(connection, found, expected_objects(version))


def _repair(connection: sqlite3.Connection, found: set[SchemaObject], wanted: AbstractSet[SchemaObject]) -> bool:
    if {each for each in wanted if each.kind == "table"} - found:
        return False
    kinds = ("trigger", "view", "index", "table")
    try:
        # Triggers first: dropping a view or table drops its triggers too.
        for each in sorted(found - wanted, key=lambda each: kinds.index(each.kind)):
            name = each.name.replace('"', '""')
            connection.execute(f'DROP {each.kind} IF EXISTS "{name}"')
        for each in sorted(wanted - schema_objects(connection), key=lambda each: kinds[::-1].index(each.kind)):
            connection.execute(str(each.sql))
    except (sqlite3.Error, ValueError):
        return False
    return schema_objects(connection) == wanted
