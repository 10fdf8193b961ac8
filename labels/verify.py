"""Verification of a labels file: schema, pages, hash chains, projections, and agreement with its backups."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from labels import backup_index, chain, draws, projection, schema
from labels.database import connect, readable_errors
from labels.errors import LabelsError
from labels.snapshot import naming_original, private_copy
from labels.transactions import read_snapshot
from labels.wording import counted

#: How many broken links a message names; the others are counted.
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a verification.

    Attributes:
        events: number of events in the file.
        problems: what is wrong, as clauses; empty where nothing is.
    """

    events: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(path: Path, against: Sequence[Path] = ()) -> Verification:
    """Verify a labels file on a copy. As on any opening, an interrupted write to the file is rolled back.

    Checked are the SQL of the schema, the pages, gaps in the numbers of events, the hash chains of events and draws,
    targets of undo and redo, training decisions on validation queries, the projections against ones rebuilt from the
    events, and whether the ledger continues from each of its backups, of which only the last rows are read.

    Args:
        path: the file.
        against: folders with backups of it, in addition to the one beside it.

    Raises:
        LabelsError: there is no such file, it is not a labels file, or a folder of `against` holds no backup.
    """
    for folder in against:
        if not backup_index.backups(folder):
            raise LabelsError(
                f"There are no backups in {folder}.", "Name a folder that `samesku labels backup --to DIR` wrote to."
            )
    with private_copy(path) as copy, readable_errors(path):
        changed, usable = schema.repair_copy(copy)
        if not usable:
            return Verification(_count_events(copy), tuple(changed))
        with naming_original(copy, path):
            migrated = connect(copy)
        with closing(migrated) as connection:
            problems = [
                *changed,
                *_page_problems(connection),
                *_event_problems(connection),
                *_chain_problems(connection),
                *draws.problems(connection),
                *chain.counter_problems(connection),
                *_projection_problems(connection),
            ]
            for folder in dict.fromkeys(each.resolve() for each in (path.parent / backup_index.FOLDER, *against)):
                problems += backup_index.problems(connection, folder)
            events = connection.execute("SELECT count(*) FROM events").fetchone()[0]
    return Verification(events, tuple(problems))


def _count_events(copy: Path) -> int:
    """The number of events in a file with an unknown schema; 0 where it cannot be read."""
    with suppress(sqlite3.Error, UnicodeDecodeError), closing(sqlite3.connect(copy)) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
    return 0


def _page_problems(connection: sqlite3.Connection) -> list[str]:
    report = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    return [] if report == ["ok"] else report


def _event_problems(connection: sqlite3.Connection) -> list[str]:
    first, last, count = connection.execute("SELECT min(seq), max(seq), count(*) FROM events").fetchone()
    problems = []
    if count and (first != 1 or last != count):
        problems.append(f"events are missing: {counted(count, 'row')} for the numbers {first} to {last}")
    dangling = connection.execute(
        "SELECT count(*) FROM events WHERE target IS NOT NULL"
        " AND target NOT IN (SELECT action FROM events WHERE target IS NULL)"
    ).fetchone()[0]
    if dangling:
        problems.append(f"{counted(dangling, 'undo or redo event has', 'undo or redo events have')} no target action")
    leaked = connection.execute(
        "SELECT count(*) FROM events JOIN validation USING (query_source, query_id)"
        " WHERE decision IS NOT NULL AND side = 'train'"
    ).fetchone()[0]
    if leaked:
        decisions = counted(leaked, "decision on a validation query stands", "decisions on validation queries stand")
        problems.append(f"{decisions} on the training side")
    return problems


def _chain_problems(connection: sqlite3.Connection) -> list[str]:
    broken = [seq for seq, stored, computed in chain.verify_links(connection) if stored != computed]
    if not broken:
        return []
    named = ", ".join(str(seq) for seq in broken[:_MAX_NAMED])
    more = f" and {len(broken) - _MAX_NAMED:,} more" if len(broken) > _MAX_NAMED else ""
    return [f"the hash chain is broken at event {named}{more}: something was changed, or is missing before it"]


def _projection_problems(connection: sqlite3.Connection) -> list[str]:
    for table in projection.TABLES:
        connection.execute(f"CREATE TEMP TABLE old_{table} AS SELECT * FROM {table}")  # noqa: S608 - a constant
    with read_snapshot(connection):  # the rebuilt tables are rolled back
        projection.rebuild(connection)
        differing = [
            table
            for table in projection.TABLES
            for one, other in ((table, f"temp.old_{table}"), (f"temp.old_{table}", table))
            if connection.execute(f"SELECT EXISTS (SELECT * FROM {one} EXCEPT SELECT * FROM {other})").fetchone()[0]  # noqa: S608
        ]
    return [f"the projection '{table}' differs from its events" for table in dict.fromkeys(differing)]
