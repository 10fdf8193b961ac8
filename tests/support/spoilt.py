"""Ways in which a file of a workspace is spoilt, by an accident or by whoever may write there."""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path


def _flip(path: Path) -> None:
    """Many bytes turned, in place."""
    content, rng = bytearray(path.read_bytes()), random.Random(7)
    for _ in range(max(1, len(content) // 4)):
        content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
    _overwrite(path, bytes(content))


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _overwrite(path: Path, content: bytes) -> None:
    """In place: whoever has the file open has this."""
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(content)


def _rubbish(path: Path) -> None:
    _overwrite(path, b"rubbish" * 1000)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("of somebody")


def _link(path: Path) -> None:
    target = path.with_name("of somebody else")
    shutil.copy(path, target)
    path.unlink()
    path.symlink_to(target)


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nothing"))


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _database(path: Path, script: str) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def _other(path: Path) -> None:
    _database(path, "CREATE TABLE recipes (name TEXT)")


def _fifo_journal(path: Path) -> None:
    journal = path.with_name(f"{path.name}-journal")
    journal.unlink(missing_ok=True)
    os.mkfifo(journal)


#: By what was done.
SPOILT: dict[str, Callable[[Path], None]] = {
    "flipped": _flip, "truncated": _truncate, "emptied": _empty, "overwritten": _rubbish, "deleted": Path.unlink,
    "a folder": _folder, "a link": _link, "a link to nothing": _dangling, "a FIFO": _fifo,
    "another database": _other, "a journal that is a FIFO": _fifo_journal,
}  # fmt: skip
