"""The candidates of every query, as the last index run and the last matcher left them (derived.db)."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from struct import Struct
from typing import Any

from core.derived_db import REBUILD_HINT, derived_cache
from core.errors import DamagedError
from core.sqlite_cache import Checksum, snapshot
from labels.model import ProductRef

#: Of the checksum.
_NAME = "candidates"
_NOTE = "INSERT OR REPLACE INTO checksums VALUES (?, ?)"
_COLUMNS = (
    "query_source, query_id, candidate_source, candidate_id, rank, similarity, score, dense_rank, lexical_rank,"
    " probability"
)
_FLOATS = Struct("<ddd")
_MARKS = ", ".join("?" * 10)
#: What rounding may add to a cosine; a score is about 1 for two equal listings.
_MAX_COSINE, _MAX_SCORE = 1.01, 1e6
_LONGEST_REASON = 100

#: The matcher's order; before it has spoken, that of the retrievers.
_BEST_FIRST = "CASE WHEN EXISTS (SELECT 1 FROM standing) THEN probability END DESC NULLS LAST, rank"


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
class MatcherSummary:
    """What the probabilities of the candidates are worth.

    Attributes:
        threshold: at or above it a pair is called a match.
        high: at or above it a pair's band is high.
        low: below it a pair's band is low.
        labels: how many labels the matcher learnt from; 0 for the packaged prior.
        matches: how many of these were matches; None where an earlier version did not write it down.
    """

    threshold: float
    high: float
    low: float
    labels: int
    matches: int | None = None

    @property
    def calibrated(self) -> bool:
        """Whether labels stand behind the probabilities; until they do, these only order and band candidates."""
        return self.labels > 0


class _UnsoundError(Exception):
    """A value is none that an index run writes."""


class CandidateStore:
    """The candidates in derived.db, which is opened when it is first used.

    Every method raises DamagedError where the file is damaged (it was set aside, and an index run makes it again), and
    CoreError where it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cache = derived_cache(path)

    def close(self) -> None:
        """Let go of the file."""
        self._cache.close()

    def check(self) -> None:
        """Look through the whole file, and compare the candidates with their checksum."""
        self._cache.check()
        for _ in self.all():
            pass

    def replace(self, rows: Iterable[tuple[ProductRef, list[Candidate]]], *, model: str, fingerprint: str) -> None:
        """Put a whole run in the place of the last one; a reader sees either the old run or the new.

        Args:
            rows: every query with its candidates by rank.
            model: id of the encoder.
            fingerprint: of all that the run depends on; `is_current` compares it.
        """
        written = Checksum()
        with self._cache.writing() as connection:
            _clear(connection)
            for query, candidates in rows:
                values = [_row(query, candidate) for candidate in candidates]
                connection.executemany(f"INSERT INTO candidates ({_COLUMNS}) VALUES ({_MARKS})", values)  # noqa: S608 - constants only
                for row in values:
                    written.add(_bytes(row))
            connection.execute("INSERT OR REPLACE INTO runs VALUES (1, ?, ?)", [model, fingerprint])
            connection.execute(_NOTE, [_NAME, str(written)])

    def score(self, probabilities: Iterable[tuple[ProductRef, ProductRef, float]], standing: MatcherSummary) -> None:
        """Put a matcher's word on the candidates; a reader sees either all of the old or all of the new.

        Args:
            probabilities: query, candidate, P(match).
            standing: what they are worth.
        """
        told = {(*query, *candidate): probability for query, candidate, probability in probabilities}
        with self._checked(), self._cache.writing() as connection:
            found, scored = Checksum(), Checksum()
            for row in connection.execute(f"SELECT {_COLUMNS} FROM candidates"):  # noqa: S608 - constants only
                _require_sound(row)
                found.add(_bytes(row))
                scored.add(_bytes((*row[:-1], told.get(row[:4], row[-1]))))
            _compare(connection, found)
            connection.executemany(
                "UPDATE candidates SET probability = ?5"
                " WHERE (query_source, query_id, candidate_source, candidate_id) = (?1, ?2, ?3, ?4)",
                ((*pair, probability) for pair, probability in told.items()),
            )
            connection.execute("INSERT OR REPLACE INTO standing VALUES (1, ?, ?, ?, ?, ?)", astuple(standing))
            connection.execute(_NOTE, [_NAME, str(scored)])

    @property
    def standing(self) -> MatcherSummary | None:
        """What the probabilities are worth; None before there are any."""
        with self._cache.reading() as connection:
            row = connection.execute("SELECT threshold, high, low, labels, matches FROM standing").fetchone()
        if row is None:
            return None
        *cuts, labels, matches = row
        sound = isinstance(labels, int) and labels >= 0 and (matches is None or isinstance(matches, int))
        if not sound or not all(isinstance(cut, float) for cut in cuts):
            raise self._damaged("what the probabilities are worth")
        return MatcherSummary(*row)

    @property
    def is_scored(self) -> bool:
        """Whether a matcher has spoken on every candidate."""
        with self._cache.reading() as connection:
            unknown = connection.execute("SELECT count(*) FROM candidates WHERE probability IS NULL").fetchone()[0]
        return self.standing is not None and not unknown

    def of(self, query: ProductRef) -> list[Candidate]:
        """The candidates of one query, best first."""
        with self._cache.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM candidates WHERE (query_source, query_id) = (?, ?) ORDER BY {_BEST_FIRST}",  # noqa: S608 - constants only
                query,
            ).fetchall()
        with self._checked():
            return [_candidate(row) for row in rows]

    def all(self) -> Iterator[tuple[ProductRef, Candidate]]:
        """Every query's candidates, best first.

        Who reads them to the end reads what was written: then their checksum is compared.
        """
        with self._checked():
            yield from self._all()

    def _all(self) -> Iterator[tuple[ProductRef, Candidate]]:
        found = Checksum()
        with self._cache.reading() as connection, snapshot(connection):
            for row in connection.execute(
                f"SELECT {_COLUMNS} FROM candidates ORDER BY query_source, query_id, {_BEST_FIRST}"  # noqa: S608 - constants only
            ):
                candidate = _candidate(row)
                found.add(_bytes(row))
                yield ProductRef(*row[:2]), candidate
            _compare(connection, found)

    def top_probabilities(self) -> dict[ProductRef, float]:
        """The highest P(match) among each query's candidates; empty before a matcher has spoken."""
        return self._highest("probability", 0)

    def top_similarities(self) -> dict[ProductRef, float]:
        """The highest cosine among each query's candidates."""
        return self._highest("similarity", -_MAX_COSINE)

    @property
    def model(self) -> str | None:
        """Id of the encoder behind the candidates; None before the first run."""
        return self._run("model")

    @property
    def fingerprint(self) -> str | None:
        """What the last run depended on, as a mark; None before the first run."""
        return self._run("fingerprint")

    def is_current(self, fingerprint: str) -> bool:
        """Whether the last run depended on exactly this."""
        return self.fingerprint == fingerprint

    @property
    def is_verified(self) -> bool:
        """Whether there is a checksum of the last run; runs of earlier versions have none."""
        with self._cache.reading() as connection:
            return bool(connection.execute("SELECT count(*) FROM checksums WHERE name = ?", [_NAME]).fetchone()[0])

    def _run(self, column: str) -> str | None:
        with self._cache.reading() as connection:
            row = connection.execute(f"SELECT {column} FROM runs").fetchone()  # noqa: S608 - constants only
        if row is not None and not isinstance(row[0], str):
            raise self._damaged("the index run that they are of")
        return row and str(row[0])

    def _highest(self, column: str, least: float) -> dict[ProductRef, float]:
        with self._cache.reading() as connection:
            rows = connection.execute(
                f"SELECT query_source, query_id, max({column}) FROM candidates WHERE {column} IS NOT NULL"  # noqa: S608 - constants only
                " GROUP BY query_source, query_id"
            ).fetchall()
        with self._checked():
            for source, id_, value in rows:
                if not (_are_texts(source, id_) and _is_within(value, least, _MAX_COSINE)):
                    raise _UnsoundError(f"{value!r} as a {column}")
            return {ProductRef(*row[:2]): row[2] for row in rows}

    @contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            yield
        except _UnsoundError as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, what: str) -> DamagedError:
        """Throw the candidates away for what was found in them, and return the error to raise."""
        with self._cache.writing() as connection:
            _clear(connection)
        return DamagedError(f"The candidates in derived.db are damaged: {what[:_LONGEST_REASON]}.", REBUILD_HINT)


def _clear(connection: sqlite3.Connection) -> None:
    for table in ("candidates", "standing", "runs"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants only
    connection.execute("DELETE FROM checksums WHERE name = ?", [_NAME])


def _row(query: ProductRef, c: Candidate) -> tuple[Any, ...]:
    """A candidate as it is written, in the order of the columns; no matcher has spoken on it."""
    return (*query, *c.ref, c.rank, float(c.similarity), float(c.score), c.dense_rank, c.lexical_rank, None)


def _bytes(row: Sequence[Any]) -> bytes:
    """A row for the checksum."""
    query_source, query_id, source, id_, rank, similarity, score, dense_rank, lexical_rank, probability = row
    text = f"{query_source}\0{query_id}\0{source}\0{id_}\0{rank}\0{dense_rank}\0{lexical_rank}"
    return text.encode() + _FLOATS.pack(similarity, score, -1.0 if probability is None else probability)


def _compare(connection: sqlite3.Connection, found: Checksum) -> None:
    """Compare what was read with what was written; earlier versions have written no checksum.

    Raises:
        _UnsoundError: they differ.
    """
    wanted = connection.execute("SELECT value FROM checksums WHERE name = ?", [_NAME]).fetchone()
    if wanted is not None and wanted[0] != str(found):
        raise _UnsoundError("they are not those that were written")


def damage_of_candidates(connection: sqlite3.Connection) -> str:
    """What is wrong with the candidates of an open derived.db; empty where nothing is."""
    found = Checksum()
    try:
        for row in connection.execute(f"SELECT {_COLUMNS} FROM candidates"):  # noqa: S608 - constants only
            _require_sound(row)
            found.add(_bytes(row))
        _compare(connection, found)
    except _UnsoundError as error:
        return str(error)
    return ""


def _candidate(row: Sequence[Any]) -> Candidate:
    """A row as a candidate.

    Raises:
        _UnsoundError: it holds what no index run writes.
    """
    _require_sound(row)
    return Candidate(ProductRef(*row[2:4]), *row[4:])


def _require_sound(row: Sequence[Any]) -> None:
    query_source, query_id, source, id_, rank, similarity, score, dense_rank, lexical_rank, probability = row
    sound = (
        _are_texts(query_source, query_id)
        and _are_texts(source, id_)
        and _is_place(rank)
        and (dense_rank is None or _is_place(dense_rank))
        and (lexical_rank is None or _is_place(lexical_rank))
        and _is_within(similarity, -_MAX_COSINE, _MAX_COSINE)
        and _is_within(score, -_MAX_SCORE, _MAX_SCORE)
        and (probability is None or _is_within(probability, 0, 1))
    )
    if not sound:
        raise _UnsoundError("one has a rank, a similarity or a probability that cannot be")


def _are_texts(first: object, second: object) -> bool:
    return isinstance(first, str) and isinstance(second, str)


def _is_place(value: object) -> bool:
    return isinstance(value, int) and value > 0


def _is_within(value: object, least: float, most: float) -> bool:
    return isinstance(value, float) and least <= value <= most
