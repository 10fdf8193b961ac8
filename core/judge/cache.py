"""The verdict cache in derived.db, keyed by judge and by the content of the pair, and a judge that reads through it.

Caching is a contract of every judge: no pair is judged twice by the same judge while its content is unchanged.
"""

import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.derived_db import derived_cache
from core.errors import CoreError
from core.judge.interface import Judge, StreamingJudge, TrainedJudge
from core.judge.pair_context import PairContext
from core.judge.verdict import Answer, Verdict, reject_contradiction
from labels.model import Pair, ProductRef

#: Characters of a reasoning that are stored and read back at most.
_MAX_REASONING_LENGTH = 20_000
_COLUMNS = (
    f"answer, probability, log_odds, substr(reasoning, 1, {_MAX_REASONING_LENGTH}), seconds, tokens_in, tokens_out"
)
_BY_CONTENT = f"SELECT {_COLUMNS} FROM verdicts_1 WHERE judge = ? AND content = ?"  # noqa: S608 - constants only
_BY_JUDGE = (
    "SELECT query_source, query_id, candidate_source, candidate_id,"  # noqa: S608 - constants only
    f" {_COLUMNS} FROM verdicts_1 WHERE judge = ? ORDER BY rowid"
)
_ALL = f"SELECT judge, at, {_COLUMNS} FROM verdicts_1 ORDER BY judge"  # noqa: S608 - constants only
#: Minimum seconds between two commits. A commit keeps the disk busy for about 20 ms, during which decisions made in the
#: desk wait. A kill loses the verdicts since the last commit; verdicts slower than this are committed one by one.
_COMMIT_INTERVAL_S = 15.0


@dataclass(frozen=True, slots=True)
class JudgeCost:
    """The accumulated cost of one judge.

    Attributes:
        pairs: stored verdicts.
        matches, no_matches, no_verdict: stored verdicts by answer.
        seconds: total processing time.
        p50, p99: percentiles of the seconds per pair.
        last: time of the most recent verdict, ISO 8601 in UTC.
    """

    judge: str
    pairs: int
    matches: int
    no_matches: int
    no_verdict: int
    seconds: float
    p50: float
    p99: float
    tokens_in: int
    tokens_out: int
    last: str


class VerdictCache:
    """The table of verdicts. Opened on first use, for the thread that uses it.

    Rows may have been written by any member of the team: invalid ones are treated as absent. Every method raises
    CoreError if the file cannot be read or written.

    Args:
        path: derived.db.
        clock: monotonic seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        # Invalid UTF-8 is decoded with replacements instead of raising: only the damaged row is affected.
        self._cache = derived_cache(path, lambda raw: raw.decode("utf-8", "replace"))
        self._clock = clock
        self._uncommitted: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._next_commit = clock()

    def close(self) -> None:
        """Commit pending verdicts and close the file."""
        try:
            self._commit()
        finally:
            self._cache.close()

    def get(self, judge: str, context: PairContext) -> Verdict | None:
        """The judge's verdict on exactly this content; None if there is none or its row is damaged."""
        key = judge, context.content
        if (row := self._uncommitted.get(key)) is not None:
            return _parse_row(judge, row[6:-1])
        with self._cache.reading() as connection:
            row = connection.execute(_BY_CONTENT, key).fetchone()
        return row and _parse_row(judge, row)

    def put(self, context: PairContext, verdict: Verdict) -> None:
        """Store a verdict, replacing an earlier one on the same content. A verdict without any text is not stored."""
        if verdict.answer is None and not verdict.reasoning:
            return
        key = verdict.judge, context.content
        self._uncommitted[key] = (
            *key, *context.pair.query, *context.pair.candidate, verdict.answer, verdict.probability, verdict.log_odds,
            _storable(verdict.reasoning), verdict.seconds, verdict.tokens_in, verdict.tokens_out,
            datetime.now(UTC).isoformat(timespec="seconds"),
        )  # fmt: skip
        if self._clock() >= self._next_commit:
            self._try_commit()
            self._next_commit = self._clock() + _COMMIT_INTERVAL_S

    def latest_verdicts(self, judge: str) -> dict[Pair, Verdict]:
        """The judge's most recent verdict on every pair, even if its products have changed since."""
        self._try_commit()
        with self._cache.reading() as connection:
            rows = connection.execute(_BY_JUDGE, [judge]).fetchall()
        verdicts = {}
        for row in rows:
            if (verdict := _parse_row(judge, row[4:])) is not None:
                verdicts[Pair(ProductRef(*row[:2]), ProductRef(*row[2:4]))] = verdict
        return verdicts

    @property
    def version(self) -> int:
        """A number that changes with every committed verdict."""
        with self._cache.reading() as connection:
            return int(connection.execute("SELECT coalesce(max(rowid), 0) FROM verdicts_1").fetchone()[0])

    def costs(self) -> list[JudgeCost]:
        """The accumulated cost of every judge, most recently used first."""
        self._try_commit()
        with self._cache.reading() as connection:
            rows = connection.execute(_ALL).fetchall()
        by_judge: dict[str, list[tuple[str, Verdict]]] = {}
        for judge, at, *columns in rows:
            if (verdict := _parse_row(judge, columns)) is not None:
                by_judge.setdefault(judge, []).append((at, verdict))
        costs = [_judge_cost(judge, verdicts) for judge, verdicts in by_judge.items()]
        return sorted(costs, key=lambda cost: cost.last, reverse=True)

    def _try_commit(self) -> None:
        """Commit, unless another process holds the write lock; the verdicts then stay pending for the next attempt."""
        try:
            self._commit()
        except CoreError as error:
            cause = error.__cause__
            if getattr(cause, "sqlite_errorcode", None) not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise

    def _commit(self) -> None:
        rows = list(self._uncommitted.values())
        if not rows:
            return
        placeholders = ", ".join("?" * len(rows[0]))
        with self._cache.writing() as connection:
            connection.executemany(f"INSERT OR REPLACE INTO verdicts_1 VALUES ({placeholders})", rows)  # noqa: S608
        self._uncommitted = {}


def _storable(reasoning: str) -> str:
    """The reasoning cut to length; lone surrogates, which a truncated answer may contain, are replaced."""
    return reasoning[:_MAX_REASONING_LENGTH].encode("utf-8", "replace").decode()


def _parse_row(judge: str, row: Sequence[Any]) -> Verdict | None:
    """A row of `_COLUMNS` as a verdict; None if it is invalid."""
    with suppress(ValueError, TypeError):
        answer, probability, log_odds, reasoning, seconds, tokens_in, tokens_out = row
        verdict = Verdict(
            None if answer is None else Answer(answer), _finite(probability), _finite(log_odds), reasoning, judge,
            float(seconds), tokens_in, tokens_out,
        )  # fmt: skip
        is_valid = (
            isinstance(reasoning, str)
            and (verdict.answer is not None or reasoning)
            and (verdict.probability is None or 0 <= verdict.probability <= 1)
            and 0 <= verdict.seconds < math.inf
            and all(isinstance(tokens, int) and tokens >= 0 for tokens in (tokens_in, tokens_out))
        )
        return reject_contradiction(verdict) if is_valid else None
    return None


def _finite(value: object) -> float | None:
    if value is None or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"{value!r} is no finite number")


def _judge_cost(judge: str, timed_verdicts: Sequence[tuple[str, Verdict]]) -> JudgeCost:
    verdicts = [verdict for _, verdict in timed_verdicts]
    seconds = sorted(verdict.seconds for verdict in verdicts)
    answers = [verdict.answer for verdict in verdicts]
    return JudgeCost(
        judge, len(verdicts), answers.count(Answer.MATCH), answers.count(Answer.NO_MATCH), answers.count(None),
        sum(seconds), percentile(seconds, 0.5), percentile(seconds, 0.99),
        sum(verdict.tokens_in for verdict in verdicts), sum(verdict.tokens_out for verdict in verdicts),
        max(str(at) for at, _ in timed_verdicts),
    )  # fmt: skip


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of values in ascending order; 0 if there are none.

    Args:
        ordered: the values.
        share: 0.5 for the median, 0.99 for p99.
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


class CachingJudge:
    """A judge that answers from the cache and stores what it computes.

    Args:
        judge: computes the verdicts that are not cached.
        cache: closed together with the judge.
    """

    def __init__(self, judge: Judge, cache: VerdictCache) -> None:
        self._judge = judge
        self._cache = cache

    @property
    def name(self) -> str:
        """The wrapped judge's name."""
        return self._judge.name

    def lookup(self, context: PairContext) -> Verdict | None:
        """The cached verdict on exactly this content."""
        return self._cache.get(self.name, context)

    def latest_verdicts(self) -> dict[Pair, Verdict]:
        """The most recent verdict on every pair, even if its products have changed since."""
        return self._cache.latest_verdicts(self.name)

    def verdicts(self, contexts: Iterable[PairContext]) -> Iterator[Verdict]:
        """Yield one verdict per pair, in input order; each is stored before the next one is requested."""
        pending: deque[tuple[PairContext, Verdict | None]] = deque()

        def uncached() -> Iterator[PairContext]:
            for context in contexts:
                pending.append((context, self.lookup(context)))
                if pending[-1][1] is None:
                    yield context

        for verdict in self._judge.verdicts(uncached()):
            yield from _pop_cached(pending)
            self._cache.put(pending.popleft()[0], verdict)
            yield verdict
        yield from _pop_cached(pending)

    def stream(self, context: PairContext) -> Generator[str, None, Verdict]:
        """Stream the reasoning, in a single chunk if it is cached or the judge does not stream; return the verdict."""
        cached = self.lookup(context)
        if cached is None and isinstance(self._judge, StreamingJudge):
            verdict = yield from self._judge.stream(context)
        else:
            verdict = cached or next(iter(self._judge.verdicts([context])))
            yield verdict.reasoning
        if cached is None:
            self._cache.put(context, verdict)
        return verdict

    def training_pairs(self) -> frozenset[Pair]:
        """The pairs that the judge was trained on."""
        return self._judge.training_pairs() if isinstance(self._judge, TrainedJudge) else frozenset()

    def close(self) -> None:
        """Release the judge and the cache."""
        try:
            self._judge.close()
        finally:
            self._cache.close()


def _pop_cached(pending: deque[tuple[PairContext, Verdict | None]]) -> Iterator[Verdict]:
    """Remove and yield the cached verdicts ahead of the next pair that is being computed."""
    while pending and (verdict := pending[0][1]) is not None:
        pending.popleft()
        yield verdict
