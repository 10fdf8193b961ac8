"""Workspaces of earlier versions in `tests/workspaces/`, with their databases as SQL scripts.

Each folder is named after the schema versions of its databases. Its `expected.json` has the commit whose program wrote
the workspace, and the content as that program read it.

`python tests/support/earlier_workspaces.py HOME FOLDER` stores the workspace HOME in the new folder FOLDER.
"""

import gzip
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "workspaces"
#: File name of the expected content in a stored workspace.
EXPECTED = "expected.json"
#: Not stored as they are: databases with their journals, locks, and the index, whose files are binary.
_LEFT_OUT = ("*.db", "*.db-*", "*.lock", "lock", "index")
#: Stored compressed: mostly numbers.
_COMPRESSED = ("derived.sql", "models/matcher.json")
_SHADOW_TABLES = ("data", "idx", "docsize", "config", "content")


def dump(database: Path) -> str:
    """A database as an SQL script: tables with rows, full-text indexes, indexes and triggers, PRAGMA user_version."""
    with closing(sqlite3.connect(database)) as connection:
        return "\n".join(_statements(connection)) + "\n"


def restore(folder: Path, home: Path) -> Path:
    """Write a stored workspace to a new folder. Returns that folder."""
    shutil.copytree(folder, home, ignore=shutil.ignore_patterns(EXPECTED))
    for packed in home.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    for script in home.glob("*.sql"):
        with closing(sqlite3.connect(script.with_suffix(".db"))) as connection:
            connection.executescript(script.read_text(encoding="utf-8"))
        script.unlink()
    return home


def store(home: Path, folder: Path) -> None:
    """Store a workspace as text in a new folder."""
    shutil.copytree(home, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    for database in home.glob("*.db"):
        (folder / f"{database.stem}.sql").write_text(dump(database), encoding="utf-8")
    for path in (folder / name for name in _COMPRESSED):
        if path.exists():
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
            path.unlink()


def _statements(connection: sqlite3.Connection) -> Iterator[str]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    objects = [(str(kind), str(name), str(sql)) for kind, name, sql in rows if not str(name).startswith("sqlite_")]
    virtual = {name: sql for _, name, sql in objects if sql.upper().startswith("CREATE VIRTUAL TABLE")}
    derived = {*virtual, *(f"{name}_{part}" for name in virtual for part in _SHADOW_TABLES)}
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    yield "BEGIN;"
    for kind, name, sql in objects:
        if kind == "table" and name not in derived:
            yield f"{sql};"
            yield from _rows(connection, name)
    for name, sql in virtual.items():
        yield f"{sql};"
        yield f"INSERT INTO {name} ({name}) VALUES ('rebuild');"  # noqa: S608 - our own names
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        yield "DELETE FROM sqlite_sequence;"
        yield from _rows(connection, "sqlite_sequence")
    yield from (f"{sql};" for kind, _, sql in objects if kind != "table")
    yield f"PRAGMA user_version = {version};"
    yield "COMMIT;"


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = ", ".join(f'quote("{row[1]}")' for row in connection.execute(f'PRAGMA table_info("{table}")'))
    for row in connection.execute(f'SELECT {columns} FROM "{table}"'):  # noqa: S608 - our own names
        yield f'INSERT INTO "{table}" VALUES ({", ".join(row)});'  # noqa: S608 - our own names


if __name__ == "__main__":
    store(Path(sys.argv[1]), Path(sys.argv[2]))
