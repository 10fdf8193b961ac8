"""The evidence about candidates and labelled pairs (derived.db): a refit reads it and needs no encoder."""

import json
import sqlite3
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from labels.files import make_shared
from labels.model import Pair, ProductRef

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

_TABLES = """
CREATE TABLE IF NOT EXISTS evidence (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (query_source, query_id, candidate_source, candidate_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS evidence_run (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    features TEXT NOT NULL,
    fingerprint TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class EvidenceTable:
    """The evidence about many pairs.

    Attributes:
        features: names of the columns.
        pairs: which pair each row is about.
        vectors: float32, shape (pairs, features), NaN where unknown.
    """

    features: tuple[str, ...]
    pairs: "Sequence[Pair]"
    vectors: "NDArray[np.float32]"

    @cached_property
    def row(self) -> dict[Pair, int]:
        """The row of each pair."""
        return {pair: i for i, pair in enumerate(self.pairs)}


class EvidenceStore:
    """The tables of evidence in derived.db; what they hold can always be computed again."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        make_shared(path)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=5)
        self._connection.execute("PRAGMA cache_spill=OFF")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @property
    def fingerprint(self) -> str | None:
        """What the evidence was made of, as a mark; None before the first index run."""
        row = self._connection.execute("SELECT fingerprint FROM evidence_run").fetchone()
        return row and str(row[0])

    def is_current(self, fingerprint: str) -> bool:
        """Whether the evidence was made of exactly this."""
        return self.fingerprint == fingerprint

    def replace(self, table: EvidenceTable, fingerprint: str) -> None:
        """Put evidence in the place of what was there; a reader sees either the old or the new."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("DELETE FROM evidence")
            connection.executemany(
                "INSERT INTO evidence VALUES (?, ?, ?, ?, ?)",
                (
                    (*pair.query, *pair.candidate, vector.tobytes())
                    for pair, vector in zip(table.pairs, table.vectors, strict=True)
                ),
            )
            features = json.dumps(table.features)
            connection.execute("INSERT OR REPLACE INTO evidence_run VALUES (1, ?, ?)", [features, fingerprint])
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def read(self) -> EvidenceTable | None:
        """Everything; None before the first index run."""
        import numpy as np  # noqa: PLC0415

        self._connection.execute("BEGIN")
        try:
            run = self._connection.execute("SELECT features FROM evidence_run").fetchone()
            rows = self._connection.execute(
                "SELECT query_source, query_id, candidate_source, candidate_id, vector FROM evidence"
            ).fetchall()
        finally:
            self._connection.execute("COMMIT")
        if run is None:
            return None
        features = tuple(json.loads(run[0]))
        pairs = [Pair(ProductRef(r[0], r[1]), ProductRef(r[2], r[3])) for r in rows]
        vectors = np.frombuffer(b"".join(r[4] for r in rows), np.float32).reshape(len(rows), len(features))
        return EvidenceTable(features, pairs, vectors)
