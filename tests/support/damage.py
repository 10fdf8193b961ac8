"""What disks, other programs and members of the group do to files."""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path


def _page_bytes(path: Path) -> int:
    """The size of a database's pages, which its header tells: 1 is 65,536."""
    return {1: 65_536}.get(size := int.from_bytes(path.read_bytes()[16:18], "big"), size)


def flip(path: Path, start: int, end: int, seed: int = 1, share: float = 0.1) -> None:
    """Turn a bit over in some of the bytes."""
    content, random_ = bytearray(path.read_bytes()), random.Random(seed)
    end = min(end, len(content))
    for at in random_.sample(range(start, end), max(1, int((end - start) * share))):
        content[at] ^= 1 << random_.randrange(8)
    path.write_bytes(content)


def _replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def _link(path: Path) -> None:
    elsewhere = path.with_name(f"elsewhere-{path.name}")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA user_version = 2; CREATE TABLE cookies (name); INSERT INTO cookies VALUES ('x')")


def _acting(path: Path) -> None:
    """A view in the place of a table, of which no end comes."""
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in tables:
            db.execute(f"DROP TABLE {name}")
            endless = "WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT * FROM n"
            db.execute(f"CREATE VIEW {name} AS {endless}")
        db.commit()


#: To any file; the name says what.
TO_FILES: dict[str, Callable[[Path], object]] = {
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "first bytes": lambda path: flip(path, 0, 64, share=0.5),
    "every tenth byte": lambda path: flip(path, 0, 10**9),
    "emptied": lambda path: os.truncate(path, 0),
    "deleted": lambda path: path.unlink(),
    "link": _link,
    "dangling link": lambda path: _replace(path, lambda p: p.symlink_to(p.with_name("nowhere"))),
    "FIFO": lambda path: _replace(path, os.mkfifo),
    "folder": lambda path: _replace(path, Path.mkdir),
    "text": lambda path: path.write_text("a letter, and no file of ours\n" * 500),
}

#: SQLite quotes the name in its message, which Python cannot decode.
_NO_TEXT_IN_SCHEMA = """
UPDATE sqlite_master SET name = CAST(X'FFE4' AS TEXT), sql = 'no statement'
WHERE rowid = (SELECT min(rowid) FROM sqlite_master WHERE sql IS NOT NULL)
"""
#: To databases.
TO_DATABASES: dict[str, Callable[[Path], object]] = {
    **TO_FILES,
    "schema page": lambda path: flip(path, 100, _page_bytes(path)),
    "schema text": lambda path: sql(
        path, "PRAGMA writable_schema = ON", _NO_TEXT_IN_SCHEMA, "PRAGMA schema_version = 9999"
    ),
    "data pages": lambda path: flip(path, _page_bytes(path), 10**9, share=0.01),
    "one page": lambda path: flip(path, _page_bytes(path), 2 * _page_bytes(path), share=0.5),
    "other database": lambda path: _replace(path, _other_database),
    "views": _acting,
    "journal": lambda path: path.with_name(path.name + "-journal").write_bytes(os.urandom(5000)),
    "journal FIFO": lambda path: os.mkfifo(path.with_name(path.name + "-journal")),
    "wal": lambda path: path.with_name(path.name + "-wal").write_bytes(os.urandom(5000)),
    "wal folder": lambda path: path.with_name(path.name + "-wal").mkdir(),
}


def sql(path: Path, *statements: str) -> None:
    """Somebody else writes to a database."""
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def copied(home: Path, to: Path) -> Path:
    """A copy of a workspace, to be damaged."""
    return Path(shutil.copytree(home, to, symlinks=True))
