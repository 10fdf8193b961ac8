"""The candidates of every query, as the last index run and the last matcher left them (derived.db)."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from labels.files import make_shared
from labels.model import ProductRef

_SCHEMA_VERSION = 2

_TABLES = """
CREATE TABLE IF NOT EXISTS candidates (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    rank INTEGER NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    similarity REAL NOT NULL,
    score REAL NOT NULL,
    dense_rank INTEGER,
    lexical_rank INTEGER,
    probability REAL,
    PRIMARY KEY (query_source, query_id, rank)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS standing (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    threshold REAL NOT NULL,
    high REAL NOT NULL,
    low REAL NOT NULL,
    labels INTEGER NOT NULL
);
"""

#: The matcher's order; before it has learnt from labels, that of the retrievers, which is better than the cosine's.
_BEST_FIRST = "CASE WHEN (SELECT labels FROM standing) > 0 THEN probability END DESC NULLS LAST, rank"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product that a query may equal.

    Attributes:
        rank: place after fusion, from 1.
        similarity: the encoder's cosine, in [-1, 1].
        score: the fused score that ordered the candidates; about 1 for two equal listings.
        dense_rank: place by the encoder alone, from 1; None beyond the depth that was searched.
        lexical_rank: place by shared character sequences alone, likewise.
        probability: the matcher's P(match); None before it has spoken.
    """

    ref: ProductRef
    rank: int
    similarity: float
    score: float
    dense_rank: int | None
    lexical_rank: int | None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the probabilities of the candidates are worth.

    Attributes:
        threshold: at or above it a pair is called a match.
        high: at or above it a pair's band is high.
        low: below it a pair's band is low.
        labels: how many labels the matcher learnt from; 0 for the cosine's bands.
    """

    threshold: float
    high: float
    low: float
    labels: int


class CandidateStore:
    """derived.db. Whatever is in it can be computed again, so a file of another version is started anew."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        make_shared(path)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=5)
        # A long write must not spill to the file before its commit: that would lock the readers out.
        self._connection.execute("PRAGMA cache_spill=OFF")
        if self._connection.execute("PRAGMA user_version").fetchone()[0] != _SCHEMA_VERSION:
            self._connection.executescript(
                "DROP TABLE IF EXISTS candidates; DROP TABLE IF EXISTS runs; DROP TABLE IF EXISTS standing;" + _TABLES
            )
            self._connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def replace(self, rows: Iterable[tuple[ProductRef, list[Candidate]]], *, model: str, fingerprint: str) -> None:
        """Put a whole run in the place of the last one; a reader sees either the old run or the new.

        Args:
            rows: every query with its candidates by rank.
            model: id of the encoder.
            fingerprint: of all that the run depends on; `is_current` compares it.
        """
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("DELETE FROM candidates")
            connection.execute("DELETE FROM standing")
            connection.executemany(
                "INSERT INTO candidates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    (*query, c.rank, *c.ref, c.similarity, c.score, c.dense_rank, c.lexical_rank)
                    for query, candidates in rows
                    for c in candidates
                ),
            )
            connection.execute("INSERT OR REPLACE INTO runs VALUES (1, ?, ?)", [model, fingerprint])
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def score(self, probabilities: Iterable[tuple[ProductRef, ProductRef, float]], standing: Standing) -> None:
        """Put a matcher's word on the candidates; a reader sees either all of the old or all of the new.

        Args:
            probabilities: query, candidate, P(match).
            standing: what they are worth.
        """
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "UPDATE candidates SET probability = ?5"
                " WHERE (query_source, query_id, candidate_source, candidate_id) = (?1, ?2, ?3, ?4)",
                ((*query, *candidate, probability) for query, candidate, probability in probabilities),
            )
            connection.execute("INSERT OR REPLACE INTO standing VALUES (1, ?, ?, ?, ?)", astuple(standing))
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    @property
    def standing(self) -> Standing | None:
        """What the probabilities are worth; None before there are any."""
        row = self._connection.execute("SELECT threshold, high, low, labels FROM standing").fetchone()
        return row and Standing(*row)

    def of(self, query: ProductRef) -> list[Candidate]:
        """The candidates of one query, best first."""
        rows = self._connection.execute(
            "SELECT candidate_source, candidate_id, rank, similarity, score, dense_rank, lexical_rank, probability"  # noqa: S608 - constants only
            f" FROM candidates WHERE (query_source, query_id) = (?, ?) ORDER BY {_BEST_FIRST}",
            query,
        )
        return [Candidate(ProductRef(*row[:2]), *row[2:]) for row in rows]

    def all(self) -> Iterator[tuple[ProductRef, Candidate]]:
        """Every query's candidates, best first."""
        for row in self._connection.execute(
            "SELECT query_source, query_id, candidate_source, candidate_id, rank, similarity, score, dense_rank,"  # noqa: S608 - constants only
            f" lexical_rank, probability FROM candidates ORDER BY query_source, query_id, {_BEST_FIRST}"
        ):
            yield ProductRef(*row[:2]), Candidate(ProductRef(*row[2:4]), *row[4:])

    def top_probabilities(self) -> dict[ProductRef, float]:
        """The highest P(match) among each query's candidates; empty before a matcher has spoken."""
        rows = self._connection.execute(
            "SELECT query_source, query_id, max(probability) FROM candidates WHERE probability IS NOT NULL"
            " GROUP BY query_source, query_id"
        )
        return {ProductRef(source, id_): probability for source, id_, probability in rows}

    def top_similarities(self) -> dict[ProductRef, float]:
        """The highest cosine among each query's candidates."""
        rows = self._connection.execute(
            "SELECT query_source, query_id, max(similarity) FROM candidates GROUP BY query_source, query_id"
        )
        return {ProductRef(source, id_): similarity for source, id_, similarity in rows}

    @property
    def model(self) -> str | None:
        """Id of the encoder behind the candidates; None before the first run."""
        row = self._connection.execute("SELECT model FROM runs").fetchone()
        return row[0] if row else None

    @property
    def fingerprint(self) -> str | None:
        """What the last run depended on, as a mark; None before the first run."""
        row = self._connection.execute("SELECT fingerprint FROM runs").fetchone()
        return row and str(row[0])

    def is_current(self, fingerprint: str) -> bool:
        """Whether the last run depended on exactly this."""
        return self.fingerprint == fingerprint
