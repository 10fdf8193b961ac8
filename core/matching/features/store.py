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
    from collections.abc import Iterable, Sequence


#: Key of the checksum.
_CHECKSUM_KEY = "evidence"
_ROWS = "SELECT query_source, query_id, candidate_source, candidate_id, vector FROM evidence"
_STORED = "SELECT vector FROM evidence WHERE (query_source, query_id, candidate_source, candidate_id) = (?, ?, ?, ?)"
_DELETE = "DELETE FROM evidence WHERE (query_source, query_id, candidate_source, candidate_id) = (?, ?, ?, ?)"
_NEW = """
WITH touched (source, id) AS (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))
SELECT query_source, query_id, candidate_source, candidate_id, similarity FROM candidates AS c
WHERE (query_source, query_id) IN (SELECT source, id FROM touched)
OR (candidate_source, candidate_id) IN (SELECT source, id FROM touched)
OR NOT EXISTS (
    SELECT 1 FROM evidence AS e WHERE (e.query_source, e.query_id, e.candidate_source, e.candidate_id)
    = (c.query_source, c.query_id, c.candidate_source, c.candidate_id)
)
"""
_NO_CANDIDATES = """
SELECT query_source, query_id, candidate_source, candidate_id FROM evidence AS e
WHERE NOT EXISTS (
    SELECT 1 FROM candidates AS c WHERE (c.query_source, c.query_id, c.candidate_source, c.candidate_id)
    = (e.query_source, e.query_id, e.candidate_source, e.candidate_id)
)
"""
_MISSING = """
SELECT key FROM json_each(?) WHERE NOT EXISTS (
    SELECT 1 FROM evidence WHERE (query_source, query_id, candidate_source, candidate_id) = (
        json_extract(value, '$[0][0]'), json_extract(value, '$[0][1]'),
        json_extract(value, '$[1][0]'), json_extract(value, '$[1][1]')
    )
)
"""


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

    def replace(self, table: FeatureTable, fingerprint: str) -> None:
        """Replace all features in one transaction: a reader sees either the old or the new ones.

        Args:
            table: all features.
            fingerprint: of their inputs.
        """
        features = json.dumps(table.features)
        with self._cache.writing() as connection:
            connection.execute("DELETE FROM evidence")
            _write(connection, table, Checksum([features.encode()]), features, fingerprint)

    def update(self, table: FeatureTable, gone: "Iterable[Pair]", fingerprint: str) -> None:
        """Write some features and remove others in one transaction; all others stay.

        The checksum is carried on without these: damage to them stays as visible as it was.

        Args:
            table: new features, which replace those of the same pairs.
            gone: pairs whose features are removed.
            fingerprint: of the inputs of all features.

        Raises:
            DamagedError: what is stored cannot be read, or has other columns; the features were deleted.
        """
        features = json.dumps(table.features)
        try:
            with self._cache.writing() as connection:
                names, wanted = _run(connection)
                if names != features:
                    raise ValueError("other columns")
                checksum = Checksum.from_text(wanted)
                for pair in (*gone, *table.pairs):
                    for row in connection.execute(_STORED, _key(pair)).fetchall():
                        checksum.remove(_bytes((*_key(pair), *row)))
                        connection.execute(_DELETE, _key(pair))
                _write(connection, table, checksum, features, fingerprint)
        except (AttributeError, ValueError, TypeError) as error:
            raise self._damaged() from error

    def outdated(self, touched: "Iterable[ProductRef]") -> tuple[dict[Pair, float], set[Pair]]:
        """How the features differ from those of the stored candidates.

        Args:
            touched: listings whose pairs have other features now.

        Returns:
            the candidates without features, or with a touched listing, and their cosines; and the pairs with features
            that are no candidates.
        """
        listings = json.dumps(sorted(touched))
        with self._cache.reading() as connection:
            new = connection.execute(_NEW, [listings]).fetchall()
            rest = connection.execute(_NO_CANDIDATES).fetchall()
        return {_pair(row): row[4] for row in new}, set(map(_pair, rest))

    def missing(self, pairs: "Iterable[Pair]") -> list[Pair]:
        """The pairs without features."""
        asked = list(pairs)
        with self._cache.reading() as connection:
            rows = connection.execute(_MISSING, [json.dumps(asked)]).fetchall()
        return [asked[place] for (place,) in rows]

    def vectors(self, pairs: "Iterable[Pair]") -> dict[Pair, bytes]:
        """The features of those of the pairs that have some, as bytes of float32."""
        with self._cache.reading() as connection:
            found = ((pair, connection.execute(_STORED, _key(pair)).fetchone()) for pair in pairs)
            return {pair: bytes(row[0]) for pair, row in found if row is not None}

    def part(self, pairs: "Iterable[Pair]", features: tuple[str, ...]) -> FeatureTable:
        """The features of those of the pairs that have some, sorted.

        Args:
            pairs: any.
            features: names of the columns.

        Raises:
            DamagedError: a vector has another length; the features were deleted.
        """
        found = self.vectors(pairs)
        known = sorted(found)
        try:
            vectors = np.frombuffer(b"".join(found[pair] for pair in known), np.float32)
            return FeatureTable(features, known, vectors.reshape(len(known), len(features)))
        except ValueError as error:
            raise self._damaged() from error

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


def _write(
    connection: sqlite3.Connection, table: FeatureTable, checksum: Checksum, features: str, fingerprint: str
) -> None:
    """Insert features, and write the run and the checksum of those before and these."""
    for pair, vector in zip(table.pairs, table.vectors, strict=True):
        row = (*_key(pair), vector.tobytes())
        checksum.add(_bytes(row))
        connection.execute("INSERT INTO evidence VALUES (?, ?, ?, ?, ?)", row)
    connection.execute("INSERT OR REPLACE INTO evidence_run VALUES (1, ?, ?)", [features, fingerprint])
    connection.execute("INSERT OR REPLACE INTO checksums VALUES (?, ?)", [_CHECKSUM_KEY, str(checksum)])


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


def _key(pair: Pair) -> tuple[str, str, str, str]:
    return (*pair.query, *pair.candidate)


def _pair(row: "Sequence[Any]") -> Pair:
    return Pair(ProductRef(row[0], row[1]), ProductRef(row[2], row[3]))


def _bytes(row: "Sequence[Any]") -> bytes:
    """The bytes of a row that the checksum covers.

    Raises:
        TypeError: a value is of another type than an index run writes.
    """
    return "\0".join(row[:4]).encode() + bytes(memoryview(row[4]))
