"""The evidence about candidates and labelled pairs (derived.db): a refit reads it and needs no encoder."""

import json
import sqlite3
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.derived_db import REBUILD_HINT, derived_cache
from core.errors import DamagedError
from core.sqlite_cache import Checksum, snapshot
from labels.model import Pair, ProductRef

if TYPE_CHECKING:
    from collections.abc import Sequence


#: Of the checksum.
_NAME = "evidence"


@dataclass(frozen=True)
class FeatureTable:
    """The evidence about many pairs.

    Attributes:
        features: names of the columns.
        pairs: which pair each row is about.
        vectors: float32, shape (pairs, features), NaN where unknown.
    """

    features: tuple[str, ...]
    pairs: "Sequence[Pair]"
    vectors: NDArray[np.float32]

    @cached_property
    def row(self) -> dict[Pair, int]:
        """The row of each pair."""
        return {pair: i for i, pair in enumerate(self.pairs)}


class FeatureStore:
    """The tables of evidence in derived.db, which is opened when it is first used.

    Every method raises DamagedError where the file is damaged (it was set aside, and an index run makes it again), and
    CoreError where it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._cache = derived_cache(path)

    def close(self) -> None:
        """Let go of the file."""
        self._cache.close()

    @property
    def fingerprint(self) -> str | None:
        """What the evidence was made of, as a mark; None before the first index run."""
        with self._cache.reading() as connection:
            row = connection.execute("SELECT fingerprint FROM evidence_run").fetchone()
        return row and str(row[0])

    def is_current(self, fingerprint: str) -> bool:
        """Whether the evidence was made of exactly this."""
        return self.fingerprint == fingerprint

    def replace(self, table: FeatureTable, fingerprint: str) -> None:
        """Put evidence in the place of what was there; a reader sees either the old or the new."""
        features = json.dumps(table.features)
        written = Checksum([features.encode()])
        with self._cache.writing() as connection:
            connection.execute("DELETE FROM evidence")
            for pair, vector in zip(table.pairs, table.vectors, strict=True):
                row = (*pair.query, *pair.candidate, vector.tobytes())
                written.add(_bytes(row))
                connection.execute("INSERT INTO evidence VALUES (?, ?, ?, ?, ?)", row)
            connection.execute("INSERT OR REPLACE INTO evidence_run VALUES (1, ?, ?)", [features, fingerprint])
            connection.execute("INSERT OR REPLACE INTO checksums VALUES (?, ?)", [_NAME, str(written)])

    def read(self) -> FeatureTable | None:
        """Everything; None before the first index run.

        Raises:
            DamagedError: it is not what was written; it was thrown away.
        """
        with self._cache.reading() as connection, snapshot(connection):
            run, wanted, rows = _read(connection)
        if run is None:
            return None
        if not _is_as_written(run, wanted, rows):
            raise self._damaged()
        try:
            return _table(run[0], rows)
        except (ValueError, TypeError) as error:
            raise self._damaged() from error

    def _damaged(self) -> DamagedError:
        """Throw the evidence away, and return the error to raise."""
        with self._cache.writing() as connection:
            for table in ("evidence", "evidence_run"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants only
            connection.execute("DELETE FROM checksums WHERE name = ?", [_NAME])
        return DamagedError(
            "The evidence in derived.db is damaged: it is not what the index run has written.", REBUILD_HINT
        )


def damage_of_features(connection: sqlite3.Connection) -> str:
    """What is wrong with the evidence of an open derived.db; empty where nothing is."""
    run, wanted, rows = _read(connection)
    return "" if run is None or _is_as_written(run, wanted, rows) else "it is not what the index run has written"


def _read(connection: sqlite3.Connection) -> tuple[Any, Any, list[Any]]:
    """The run, the checksum, the rows."""
    run = connection.execute("SELECT features FROM evidence_run").fetchone()
    wanted = connection.execute("SELECT value FROM checksums WHERE name = ?", [_NAME]).fetchone()
    rows = connection.execute(
        "SELECT query_source, query_id, candidate_source, candidate_id, vector FROM evidence"
    ).fetchall()
    return run, wanted, rows


def _is_as_written(run: Any, wanted: Any, rows: list[Any]) -> bool:
    """Whether the checksum says so; earlier versions have written none."""
    if wanted is None:
        return True
    try:
        return bool(wanted[0] == str(Checksum([run[0].encode(), *map(_bytes, rows)])))
    except (AttributeError, TypeError):
        return False  # what should be text or bytes is not


def _bytes(row: "Sequence[Any]") -> bytes:
    """A row for the checksum.

    Raises:
        TypeError: it has a value of another type than an index run writes.
    """
    return "\0".join(row[:4]).encode() + bytes(memoryview(row[4]))


def _table(written: str, rows: "Sequence[Sequence[Any]]") -> FeatureTable:
    """Rows as a table.

    Raises:
        ValueError, TypeError: they are none.
    """
    features = tuple(json.loads(written))
    if not all(isinstance(name, str) for name in (*features, *(name for row in rows for name in row[:4]))):
        raise ValueError("a name that is none")
    pairs = [Pair(ProductRef(r[0], r[1]), ProductRef(r[2], r[3])) for r in rows]
    vectors = np.frombuffer(b"".join(r[4] for r in rows), np.float32).reshape(len(rows), len(features))
    return FeatureTable(features, pairs, vectors)
