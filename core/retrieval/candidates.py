"""Store of the candidates per query and their match probabilities, in derived.db.

An index run writes the candidates; the matcher adds the probabilities. A checksum over all rows detects damage.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from struct import Struct
from typing import Any

from core.derived_db import REBUILD_HINT, derived_cache
from core.errors import DamagedError
from core.sqlite_cache import Checksum, snapshot
from labels.model import Pair, ProductRef

#: Key of the checksum in the table `checksums`, and of the one of the candidates that the table `best` was made from.
_CHECKSUM_NAME, _BEST_CHECKSUM_NAME = "candidates", "best"
_INSERT_CHECKSUM = "INSERT OR REPLACE INTO checksums VALUES (?, ?)"
_COLUMNS = (
    "query_source, query_id, candidate_source, candidate_id, rank, similarity, score, dense_rank, lexical_rank,"
    " probability"
)
_FLOATS = Struct("<ddd")
_INSERT = f"INSERT INTO candidates ({_COLUMNS}) VALUES ({', '.join('?' * 10)})"  # noqa: S608 - constants only
#: Upper bounds of a sound row: a cosine plus rounding; a score is about 1 for two equal listings.
_MAX_COSINE, _MAX_SCORE = 1.01, 1e6
_MAX_REASON_CHARS = 100
#: Candidates up to which every change of their probabilities compares all of them with their checksum.
_MAX_COMPARED = 100_000
#: Rows read at once: one by one takes twice as long, and all of them take memory that the process keeps.
_FETCHED = 5000
#: Share of the candidates below which those of a query are looked up.
_FEW = 0.1

#: The best scores of each query. A query without a probability counts as one of 0; while there are none, the order is
#: that of the keys.
_BEST_SCORES = """
SELECT query_source, query_id, max(similarity) AS similarity, max(probability) AS probability
FROM candidates LEFT JOIN standing
GROUP BY query_source, query_id
ORDER BY abs(coalesce(max(probability), 0) - coalesce(max(threshold), 0)), query_source, query_id
"""
#: Whether any query has a probability: after an update that touches every product there is a matcher, but none.
_IS_SCORED = """
SELECT EXISTS (SELECT 1 FROM standing) AND EXISTS (SELECT 1 FROM candidates WHERE probability IS NOT NULL)
"""
#: By probability, or by retrieval rank while there are no probabilities.
_BEST_FIRST = "CASE WHEN EXISTS (SELECT 1 FROM standing) THEN probability END DESC NULLS LAST, rank"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product that may match a query.

    Attributes:
        rank: rank after fusion, from 1.
        similarity: cosine of the dense vectors, in [-1, 1].
        score: fused score that ordered the candidates; about 1 for two equal listings.
        dense_rank: rank in the dense index, from 1; None beyond the search depth.
        lexical_rank: rank in the lexical index, likewise.
        probability: the matcher's P(match); None until a matcher has scored the pair.
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
    """Thresholds and training size of the matcher behind the probabilities of the candidates.

    Attributes:
        threshold: a pair is classified as a match at or above it.
        high: lower bound of the band high.
        low: upper bound of the band low.
        labels: number of training labels; 0 for the packaged prior.
        matches: number of matches among them; None in files of earlier versions.
    """

    threshold: float
    high: float
    low: float
    labels: int
    matches: int | None = None

    @property
    def calibrated(self) -> bool:
        """Whether the probabilities are fitted to labels; otherwise they only rank and band candidates."""
        return self.labels > 0


class _InvalidRowError(Exception):
    """A stored value is outside the range that an index run writes."""


class CandidateStore:
    """The candidates in derived.db, which is opened on first use.

    Every method raises DamagedError if the file is damaged (it is then set aside, and an index run rebuilds it), and
    CoreError if it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cache = derived_cache(path)

    def close(self) -> None:
        """Close the file."""
        self._cache.close()

    def check(self) -> None:
        """Check the whole file, and the candidates against their checksum."""
        self._cache.check()
        with self._cache.reading() as connection, snapshot(connection):
            damage = damage_of_candidates(connection)
        if damage:
            raise self._damaged(damage)

    def replace(self, rows: Iterable[tuple[ProductRef, list[Candidate]]], *, model: str, fingerprint: str) -> None:
        """Replace all candidates in one transaction; a reader sees either the old run or the new one.

        Args:
            rows: every query with its candidates by rank.
            model: id of the encoder.
            fingerprint: hash of all inputs of the run; see `is_current`.
        """
        checksum = Checksum()
        with self._cache.writing() as connection:
            _clear(connection)
            for query, candidates in rows:
                _insert(connection, [_row(query, candidate) for candidate in candidates], checksum)
            connection.execute("INSERT OR REPLACE INTO runs VALUES (1, ?, ?)", [model, fingerprint])
            _finish(connection, checksum)

    def update(
        self,
        rows: Iterable[tuple[ProductRef, list[Candidate]]],
        *,
        gone: Iterable[ProductRef],
        touched: frozenset[ProductRef],
        model: str,
        before: str,
        fingerprint: str,
    ) -> int:
        """Bring the candidates to a new state in one transaction; only queries with other candidates are written.

        Probabilities stay, except for pairs with a touched product. The checksum is carried on without the other rows:
        damage to them stays as visible as it was.

        Args:
            rows: queries with their candidates by rank; all other queries stay as they are.
            gone: queries that have no candidates any more.
            touched: products whose pairs must be scored again.
            model: id of the encoder.
            before: fingerprint of the stored run.
            fingerprint: hash of all inputs of the run; see `is_current`.

        Returns:
            the number of queries whose candidates or their scores differ.

        Raises:
            DamagedError: the stored candidates are invalid, or of another run than `before`; they were deleted.
        """
        updated = 0
        with self._damage_handled(), self._cache.writing() as connection:
            if _run(connection, "fingerprint") != (before,):
                raise _InvalidRowError("they are from another run")
            checksum = _checksum(connection)
            for query in gone:
                _delete(connection, _rows_of(connection, query), checksum)
            for query, candidates in rows:
                old = _rows_of(connection, query)
                known = {row[2:4]: row[-1] for row in old if touched.isdisjoint(((row[0], row[1]), (row[2], row[3])))}
                new = [(*row[:-1], known.get(row[2:4])) for row in (_row(query, each) for each in candidates)]
                updated += [row[:-1] for row in new] != [row[:-1] for row in old]
                _delete(connection, [row for row in old if row not in new], checksum)
                _insert(connection, [row for row in new if row not in old], checksum)
            connection.execute("INSERT OR REPLACE INTO runs VALUES (1, ?, ?)", [model, fingerprint])
            _finish(connection, checksum)
        return updated

    def unscored_pairs(self) -> set[Pair]:
        """The pairs of a query and one of its candidates without a probability."""
        with self._cache.reading() as connection:
            rows = connection.execute(
                "SELECT query_source, query_id, candidate_source, candidate_id FROM candidates"
                " WHERE probability IS NULL"
            ).fetchall()
        return {Pair(ProductRef(*row[:2]), ProductRef(*row[2:])) for row in rows}

    def similarities(self) -> dict[Pair, float]:
        """The cosine of each pair of a query and one of its candidates, with one object for each listing."""
        refs: dict[ProductRef, ProductRef] = {}
        found: dict[Pair, float] = {}
        with self._cache.reading() as connection:
            for row in connection.execute(
                "SELECT query_source, query_id, candidate_source, candidate_id, similarity FROM candidates"
            ):
                query, candidate = ProductRef(row[0], row[1]), ProductRef(row[2], row[3])
                found[Pair(refs.setdefault(query, query), refs.setdefault(candidate, candidate))] = row[4]
        return found

    def score(self, probabilities: Iterable[tuple[ProductRef, ProductRef, float]], summary: MatcherSummary) -> None:
        """Store the probabilities of a matcher in one transaction; a reader sees either all old or all new ones.

        Of many candidates of which few are scored, the others are not read: the checksum is carried on without them.

        Args:
            probabilities: query, candidate, P(match).
            summary: of the matcher that computed them.
        """
        new = {(*query, *candidate): probability for query, candidate, probability in probabilities}
        with self._damage_handled(), self._cache.writing() as connection:
            checksum, changes = _rows_of_pairs(connection, new)
            for row in changes:
                checksum.remove(_bytes(row))
                checksum.add(_bytes((*row[:-1], new[row[:4]])))
            connection.executemany(
                "UPDATE candidates SET probability = ? WHERE (query_source, query_id, rank) = (?, ?, ?)",
                ((new[row[:4]], row[0], row[1], row[4]) for row in changes),
            )
            connection.execute("INSERT OR REPLACE INTO standing VALUES (1, ?, ?, ?, ?, ?)", astuple(summary))
            _finish(connection, checksum)

    @property
    def matcher_summary(self) -> MatcherSummary | None:
        """Summary of the matcher behind the probabilities; None before there are any."""
        with self._cache.reading() as connection:
            row = connection.execute("SELECT threshold, high, low, labels, matches FROM standing").fetchone()
        if row is None:
            return None
        *cuts, labels, matches = row
        valid = isinstance(labels, int) and labels >= 0 and (matches is None or isinstance(matches, int))
        if not valid or not all(isinstance(cut, float) for cut in cuts):
            raise self._damaged("the summary of the matcher is invalid")
        return MatcherSummary(*row)

    @property
    def is_scored(self) -> bool:
        """Whether every candidate has a probability."""
        with self._cache.reading() as connection:
            unscored = connection.execute("SELECT count(*) FROM candidates WHERE probability IS NULL").fetchone()[0]
        return self.matcher_summary is not None and not unscored

    def for_query(self, query: ProductRef) -> list[Candidate]:
        """The candidates of one query, best first."""
        with self._cache.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM candidates WHERE (query_source, query_id) = (?, ?) ORDER BY {_BEST_FIRST}",  # noqa: S608 - constants only
                query,
            ).fetchall()
        with self._damage_handled():
            return [_candidate(row) for row in rows]

    def all(self) -> Iterator[tuple[ProductRef, Candidate]]:
        """Every query's candidates, best first.

        The checksum is compared after the last row.
        """
        with self._damage_handled():
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
        """The highest P(match) among each query's candidates; empty before there are probabilities."""
        return self.top_scores()[1]

    def top_similarities(self) -> dict[ProductRef, float]:
        """The highest cosine among each query's candidates."""
        return self.top_scores()[0]

    def top_scores(self, middle: float = 0.0) -> tuple[dict[ProductRef, float], dict[ProductRef, float]]:
        """As `top_similarities` and `top_probabilities`, read together, the least certain query first.

        Uncertainty is the distance of the probability from the matcher's threshold.

        Args:
            middle: while there are no probabilities, the cosine from which the distance counts instead.
        """
        similarities, probabilities = dict[ProductRef, float](), dict[ProductRef, float]()
        names: dict[str, str] = {}  # one object for each source: a large catalogue has 100,000 queries
        with self._damage_handled(), self._cache.reading() as connection, snapshot(connection):
            is_scored = connection.execute(_IS_SCORED).fetchone()[0]
            if not is_scored:
                by_cosine = "ORDER BY abs(similarity - ?), query_source, query_id"
                cursor = connection.execute(f"SELECT * FROM ({_BEST_SCORES}) {by_cosine}", [middle])  # noqa: S608 - constants only
            elif _is_best_current(connection):
                columns = "query_source, query_id, similarity, probability"
                cursor = connection.execute(f"SELECT {columns} FROM best ORDER BY place")  # noqa: S608 - constants only
            else:
                cursor = connection.execute(_BEST_SCORES)
            parts = iter(partial(cursor.fetchmany, _FETCHED), [])
            for source, id_, similarity, probability in chain.from_iterable(parts):
                # Without a call, as in `_require_valid`.
                if not (
                    type(source) is type(id_) is str
                    and type(similarity) is float
                    and -_MAX_COSINE <= similarity <= _MAX_COSINE
                    and (probability is None or (type(probability) is float and 0 <= probability <= 1))
                ):
                    raise _InvalidRowError(f"{source!r}, {id_!r} with {similarity!r} and {probability!r}")
                ref = ProductRef(names.setdefault(source, source), id_)
                similarities[ref] = similarity
                if probability is not None:
                    probabilities[ref] = probability
        return similarities, probabilities

    @property
    def model(self) -> str | None:
        """Id of the encoder behind the candidates; None before the first run."""
        return self._run("model")

    @property
    def fingerprint(self) -> str | None:
        """Hash of all inputs of the last run; None before the first run."""
        return self._run("fingerprint")

    def is_current(self, fingerprint: str) -> bool:
        """Whether the last run had exactly these inputs."""
        return self.fingerprint == fingerprint

    @property
    def is_verified(self) -> bool:
        """Whether the last run left a checksum; runs of earlier versions have none."""
        with self._cache.reading() as connection:
            return bool(
                connection.execute("SELECT count(*) FROM checksums WHERE name = ?", [_CHECKSUM_NAME]).fetchone()[0]
            )

    def _run(self, column: str) -> str | None:
        with self._cache.reading() as connection:
            row = _run(connection, column)
        if row is not None and not isinstance(row[0], str):
            raise self._damaged("the record of the index run is invalid")
        return row and str(row[0])

    @contextmanager
    def _damage_handled(self) -> Iterator[None]:
        try:
            yield
        except _InvalidRowError as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, what: str) -> DamagedError:
        """Delete the candidates, and return the error to raise."""
        with self._cache.writing() as connection:
            _clear(connection)
        return DamagedError(f"The candidates in derived.db are damaged: {what[:_MAX_REASON_CHARS]}.", REBUILD_HINT)


def _run(connection: sqlite3.Connection, column: str) -> Any:
    """A column of the last run, as a row; None before the first one."""
    return connection.execute(f"SELECT {column} FROM runs").fetchone()  # noqa: S608 - constants only


def _rows_of(connection: sqlite3.Connection, query: ProductRef) -> list[tuple[Any, ...]]:
    """The rows of a query by rank.

    Raises:
        _InvalidRowError: a value is out of range.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM candidates WHERE (query_source, query_id) = (?, ?) ORDER BY rank",  # noqa: S608 - constants only
        query,
    ).fetchall()
    for row in rows:
        _require_valid(row)
    return rows


def _rows_of_pairs(
    connection: sqlite3.Connection, pairs: Collection[tuple[str, str, str, str]]
) -> tuple[Checksum, list[tuple[Any, ...]]]:
    """The checksum of all rows, and the rows of some pairs. Few of many are looked up, and the rest is not compared.

    Args:
        connection: to the file.
        pairs: query and candidate.

    Raises:
        _InvalidRowError: a value that was read is out of range, or the checksum does not match.
    """
    count = connection.execute("SELECT count(*) FROM candidates").fetchone()[0]
    if count > _MAX_COMPARED and len(pairs) < _FEW * count:
        queries = dict.fromkeys(ProductRef(*pair[:2]) for pair in pairs)
        return _checksum(connection), [
            row for each in queries for row in _rows_of(connection, each) if row[:4] in pairs
        ]
    checksum, found = Checksum(), []
    for row in connection.execute(f"SELECT {_COLUMNS} FROM candidates"):  # noqa: S608 - constants only
        _require_valid(row)
        checksum.add(_bytes(row))
        if row[:4] in pairs:
            found.append(row)
    _compare(connection, checksum)
    return checksum, found


def _checksum(connection: sqlite3.Connection) -> Checksum:
    """The stored checksum, to carry on; that of the rows in a file of an earlier version, which stored none.

    Raises:
        _InvalidRowError: it is the text of none.
    """
    stored = _stored_checksum(connection)
    if stored is None:
        return Checksum(map(_bytes, connection.execute(f"SELECT {_COLUMNS} FROM candidates")))  # noqa: S608 - constants only
    try:
        return Checksum.from_text(stored)
    except (ValueError, AttributeError) as error:
        raise _InvalidRowError("their checksum is unreadable") from error


def _stored_checksum(connection: sqlite3.Connection) -> Any:
    row = connection.execute("SELECT value FROM checksums WHERE name = ?", [_CHECKSUM_NAME]).fetchone()
    return row and row[0]


def _delete(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]], checksum: Checksum) -> None:
    connection.executemany(
        "DELETE FROM candidates WHERE (query_source, query_id, rank) = (?, ?, ?)",
        ((row[0], row[1], row[4]) for row in rows),
    )
    for row in rows:
        checksum.remove(_bytes(row))


def _insert(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]], checksum: Checksum) -> None:
    connection.executemany(_INSERT, rows)
    for row in rows:
        checksum.add(_bytes(row))


def _clear(connection: sqlite3.Connection) -> None:
    for table in ("candidates", "best", "standing", "runs"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants only
    connection.execute("DELETE FROM checksums WHERE name IN (?, ?)", [_CHECKSUM_NAME, _BEST_CHECKSUM_NAME])


def _finish(connection: sqlite3.Connection, checksum: Checksum) -> None:
    """Bring what is stored about the candidates up to date with them, at the end of a transaction."""
    connection.execute("DELETE FROM best")
    connection.execute(f"INSERT INTO best (query_source, query_id, similarity, probability) {_BEST_SCORES}")
    connection.execute(_INSERT_CHECKSUM, [_CHECKSUM_NAME, str(checksum)])
    connection.execute(_INSERT_CHECKSUM, [_BEST_CHECKSUM_NAME, _origin_of_best(connection)])


def _is_best_current(connection: sqlite3.Connection) -> bool:
    """Whether the table `best` is of the present candidates and threshold; earlier versions write both without it."""
    found = connection.execute("SELECT value FROM checksums WHERE name = ?", [_BEST_CHECKSUM_NAME]).fetchone()
    return found is not None and found[0] == _origin_of_best(connection)


def _origin_of_best(connection: sqlite3.Connection) -> str:
    """What the table `best` depends on: the checksum of the candidates, and the threshold, which orders the queries."""
    threshold = connection.execute("SELECT threshold FROM standing").fetchone()
    return f"{_stored_checksum(connection)} {threshold}"


def _row(query: ProductRef, c: Candidate) -> tuple[Any, ...]:
    """A candidate in the order of the columns, without a probability."""
    return (*query, *c.ref, c.rank, float(c.similarity), float(c.score), c.dense_rank, c.lexical_rank, None)


def _bytes(row: Sequence[Any]) -> bytes:
    """A row as bytes, for the checksum."""
    query_source, query_id, source, id_, rank, similarity, score, dense_rank, lexical_rank, probability = row
    text = f"{query_source}\0{query_id}\0{source}\0{id_}\0{rank}\0{dense_rank}\0{lexical_rank}"
    return text.encode() + _FLOATS.pack(similarity, score, -1.0 if probability is None else probability)


def _compare(connection: sqlite3.Connection, found: Checksum) -> None:
    """Compare the checksum of the rows read with the stored one; earlier versions stored none.

    Raises:
        _InvalidRowError: they differ.
    """
    stored = _stored_checksum(connection)
    if stored is not None and stored != str(found):
        raise _InvalidRowError("their checksum does not match")


def damage_of_candidates(connection: sqlite3.Connection) -> str:
    """Why the candidates of an open derived.db are damaged; empty if they are intact."""
    found = Checksum()
    try:
        for row in connection.execute(f"SELECT {_COLUMNS} FROM candidates"):  # noqa: S608 - constants only
            _require_valid(row)
            found.add(_bytes(row))
        _compare(connection, found)
    except _InvalidRowError as error:
        return str(error)
    return _damage_of_best(connection)


def _damage_of_best(connection: sqlite3.Connection) -> str:
    """Why the table `best` contradicts the candidates; empty if it does not, or is not read."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'best'").fetchone():
        return ""  # a file of an earlier version
    if not _is_best_current(connection):
        return ""
    stored = connection.execute("SELECT query_source, query_id, similarity, probability FROM best ORDER BY place")
    if all(one == other for one, other in zip_longest(stored, connection.execute(_BEST_SCORES))):
        return ""
    return "the order of the queue contradicts them"


def _candidate(row: Sequence[Any]) -> Candidate:
    """A row as a candidate.

    Raises:
        _InvalidRowError: a value is out of range.
    """
    _require_valid(row)
    return Candidate(ProductRef(*row[2:4]), *row[4:])


def _require_valid(row: Sequence[Any]) -> None:
    query_source, query_id, source, id_, rank, similarity, score, dense_rank, lexical_rank, probability = row
    # Without a call: every index run reads ten rows for each query.
    valid = (
        type(query_source) is type(query_id) is type(source) is type(id_) is str
        and type(rank) is int
        and rank > 0
        and (dense_rank is None or (type(dense_rank) is int and dense_rank > 0))
        and (lexical_rank is None or (type(lexical_rank) is int and lexical_rank > 0))
        and type(similarity) is type(score) is float
        and -_MAX_COSINE <= similarity <= _MAX_COSINE
        and -_MAX_SCORE <= score <= _MAX_SCORE
        and (probability is None or (type(probability) is float and 0 <= probability <= 1))
    )
    if not valid:
        raise _InvalidRowError("a rank, similarity or probability is out of range")
