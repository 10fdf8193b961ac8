"""The feature store: features of candidates and labelled pairs in derived.db, so that a refit needs no encoder.

The tables are called `evidence` and `evidence_run` on disk.
"""

import json
import sqlite3
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.derived_db import REBUILD_HINT, derived_cache
from core.errors import DamagedError
from core.sqlite_cache import Checksum, snapshot
from labels.model import Pair, ProductRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set


#: Key of the checksum.
_CHECKSUM_KEY = "evidence"
_PAIRS = "SELECT query_source, query_id, candidate_source, candidate_id FROM evidence"
_ROWS = "SELECT query_source, query_id, candidate_source, candidate_id, vector FROM evidence"
_STORED = f"{_PAIRS} WHERE (query_source, query_id, candidate_source, candidate_id) = (?, ?, ?, ?)"
_DELETE = "DELETE FROM evidence WHERE (query_source, query_id, candidate_source, candidate_id) = (?, ?, ?, ?)"


@dataclass(frozen=True)
class FeatureTable:
    """The features of many pairs.

    Attributes:
        features: names of the columns.
        pairs: the pair of each row.
        vectors: float32, shape (pairs, features), NaN where unknown.
    """

    features: tuple[str, ...]
    pairs: "Sequence[Pair]"
    vectors: NDArray[np.float32]

    @cached_property
    def row(self) -> dict[Pair, int]:
        """The row index of each pair."""
        return {pair: i for i, pair in enumerate(self.pairs)}


class FeatureStore:
    """The feature tables in derived.db, which is opened on first use.

    Every method raises DamagedError where the file is damaged (it is then set aside; an index run creates a new one),
    and CoreError where it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._cache = derived_cache(path)

    def close(self) -> None:
        """Close the file."""
        self._cache.close()

    @property
    def fingerprint(self) -> str | None:
        """A hash of the inputs that the features were computed from; None before the first index run."""
        with self._cache.reading() as connection:
            row = connection.execute("SELECT fingerprint FROM evidence_run").fetchone()
        return row and str(row[0])

    def is_current(self, fingerprint: str) -> bool:
        """Whether the features were computed from exactly these inputs."""
        return self.fingerprint == fingerprint

    def replace(self, table: FeatureTable, fingerprint: str, kept: "Set[Pair]" = frozenset()) -> None:
        """Replace all features in one transaction: a reader sees either the old or the new ones.

        Args:
            table: all features.
            fingerprint: of their inputs.
            kept: pairs whose features are stored already, and stay.
        """
        features = json.dumps(table.features)
        written = Checksum([features.encode()])
        with self._cache.writing() as connection:
            if kept:
                gone = [row for row in connection.execute(_PAIRS).fetchall() if _pair(row) not in kept]
                connection.executemany(_DELETE, gone)
            else:
                connection.execute("DELETE FROM evidence")
            for pair, vector in zip(table.pairs, table.vectors, strict=True):
                row = (*pair.query, *pair.candidate, vector.tobytes())
                written.add(_bytes(row))
                if pair not in kept:
                    connection.execute("INSERT INTO evidence VALUES (?, ?, ?, ?, ?)", row)
            connection.execute("INSERT OR REPLACE INTO evidence_run VALUES (1, ?, ?)", [features, fingerprint])
            connection.execute("INSERT OR REPLACE INTO checksums VALUES (?, ?)", [_CHECKSUM_KEY, str(written)])

    def missing(self, pairs: "Iterable[Pair]") -> list[Pair]:
        """The pairs without features."""
        with self._cache.reading() as connection:
            return [
                pair for pair in pairs if connection.execute(_STORED, (*pair.query, *pair.candidate)).fetchone() is None
            ]

    def check(self) -> None:
        """Compare the features with their checksum.

        Raises:
            DamagedError: it does not match; the features were deleted.
        """
        with self._cache.reading() as connection, snapshot(connection):
            damage = damage_of_features(connection)
        if damage:
            raise self._damaged()

    def read(self) -> FeatureTable | None:
        """All features; None before the first index run.

        Raises:
            DamagedError: the checksum does not match; the features were deleted.
        """
        try:
            with self._cache.reading() as connection, snapshot(connection):
                return _read(connection)
        except (AttributeError, ValueError, TypeError) as error:
            raise self._damaged() from error

    def _damaged(self) -> DamagedError:
        """Delete the features, and return the error to raise."""
        with self._cache.writing() as connection:
            for table in ("evidence", "evidence_run"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants only
            connection.execute("DELETE FROM checksums WHERE name = ?", [_CHECKSUM_KEY])
        return DamagedError("The features in derived.db are damaged: their checksum does not match.", REBUILD_HINT)


def damage_of_features(connection: sqlite3.Connection) -> str:
    """The damage to the features of an open derived.db, in words; empty where there is none."""
    run, wanted = _run(connection)
    if run is None or wanted is None:
        return ""
    try:
        intact = wanted == str(Checksum(chain([run.encode()], map(_bytes, connection.execute(_ROWS)))))
    except (AttributeError, TypeError):
        intact = False  # a value of another type
    return "" if intact else "the checksum does not match"


def _run(connection: sqlite3.Connection) -> tuple[Any, Any]:
    """The names of the features, None before the first run; and the checksum, None if there is none."""
    run = connection.execute("SELECT features FROM evidence_run").fetchone()
    wanted = connection.execute("SELECT value FROM checksums WHERE name = ?", [_CHECKSUM_KEY]).fetchone()
    return run and run[0], wanted and wanted[0]


def _read(connection: sqlite3.Connection) -> FeatureTable | None:
    """All features, row by row, with one object for each listing; None before the first run.

    Raises:
        AttributeError, ValueError, TypeError: they are damaged.
    """
    names, wanted = _run(connection)
    if names is None:
        return None
    checksum, pairs, vectors = Checksum([names.encode()]), [], bytearray()
    refs: dict[ProductRef, ProductRef] = {}
    for row in connection.execute(_ROWS):
        checksum.add(_bytes(row))
        query, candidate = _pair(row)
        pairs.append(Pair(refs.setdefault(query, query), refs.setdefault(candidate, candidate)))
        vectors += row[4]
    features = tuple(json.loads(names))
    if wanted not in {None, str(checksum)} or not all(isinstance(name, str) for name in features):
        raise ValueError("the checksum does not match")
    return FeatureTable(features, pairs, np.frombuffer(vectors, np.float32).reshape(len(pairs), len(features)))


def _pair(row: "Sequence[Any]") -> Pair:
    return Pair(ProductRef(row[0], row[1]), ProductRef(row[2], row[3]))


def _bytes(row: "Sequence[Any]") -> bytes:
    """The bytes of a row that the checksum covers.

    Raises:
        TypeError: a value is of another type than an index run writes.
    """
    return "\0".join(row[:4]).encode() + bytes(memoryview(row[4]))
