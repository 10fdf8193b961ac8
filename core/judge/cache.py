"""What judges have said, kept in derived.db: nobody is asked twice about the same pair in the same words."""

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
from core.judge.verdict import Answer, Verdict, consistent
from labels.model import Pair, ProductRef

_SAID = "answer, probability, log_odds, substr(reasoning, 1, 20000), seconds, tokens_in, tokens_out"
_BY_CONTENT = f"SELECT {_SAID} FROM verdicts_1 WHERE judge = ? AND content = ?"  # noqa: S608 - constants only
_BY_PAIR = (
    "SELECT query_source, query_id, candidate_source, candidate_id,"  # noqa: S608 - constants only
    f" {_SAID} FROM verdicts_1 WHERE judge = ? ORDER BY rowid"
)
#: No reasoning needs more characters.
_LONGEST = 20_000
#: Seconds between two commits. Each keeps the disk busy for some 20 ms, in which a decision made at a desk has to wait;
#: whoever is killed loses what was said since the last. What comes slower is on disk before the next is asked for.
_EVERY_S = 15.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What one judge has cost so far.

    Attributes:
        pairs: verdicts that are kept.
        matches, no_matches, no_verdict: how many of each.
        seconds: of all of them, one after the other.
        p50, p99: seconds that half of them, and all but one in a hundred, took at most.
        last: when it was asked last, ISO 8601 in UTC.
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
    """The table of verdicts, by judge and by the content of the pair. Opened when it is first used, by that thread.

    Every method raises CoreError where the file cannot be read or written.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        # What is no text any more is no reason to stop: such a row is not believed anyway.
        self._cache = derived_cache(path, lambda raw: raw.decode("utf-8", "replace"))
        self._clock = clock
        self._unwritten: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._not_before = clock()

    def close(self) -> None:
        """Write what is left, and let go of the file."""
        try:
            self._write()
        finally:
            self._cache.close()

    def get(self, judge: str, case: PairContext) -> Verdict | None:
        """What a judge said of exactly this; None where it was not asked, or what is kept is damaged."""
        key = judge, case.content
        if (row := self._unwritten.get(key)) is not None:
            return _verdict(judge, row[6:-1])
        with self._cache.reading() as connection:
            row = connection.execute(_BY_CONTENT, key).fetchone()
        return row and _verdict(judge, row)

    def keep(self, case: PairContext, verdict: Verdict) -> None:
        """Keep a verdict, in the place of an earlier one. Where nothing was said there is nothing to keep."""
        if verdict.answer is None and not verdict.reasoning:
            return
        key = verdict.judge, case.content
        self._unwritten[key] = (
            *key, *case.pair.query, *case.pair.candidate, verdict.answer, verdict.probability, verdict.log_odds,
            _storable(verdict.reasoning), verdict.seconds, verdict.tokens_in, verdict.tokens_out,
            datetime.now(UTC).isoformat(timespec="seconds"),
        )  # fmt: skip
        if self._clock() >= self._not_before:
            self._catch_up()
            self._not_before = self._clock() + _EVERY_S

    def latest(self, judge: str) -> dict[Pair, Verdict]:
        """What a judge said last of every pair, whether or not its products have changed since."""
        self._catch_up()
        with self._cache.reading() as connection:
            rows = connection.execute(_BY_PAIR, [judge]).fetchall()
        found = {}
        for row in rows:
            if (verdict := _verdict(judge, row[4:])) is not None:
                found[Pair(ProductRef(*row[:2]), ProductRef(*row[2:4]))] = verdict
        return found

    @property
    def mark(self) -> int:
        """Another number after every verdict that was kept."""
        with self._cache.reading() as connection:
            return int(connection.execute("SELECT coalesce(max(rowid), 0) FROM verdicts_1").fetchone()[0])

    def spent(self) -> list[Spent]:
        """What every judge has cost, the one asked last first."""
        self._catch_up()
        with self._cache.reading() as connection:
            rows = connection.execute(
                f"SELECT judge, at, {_SAID} FROM verdicts_1 ORDER BY judge"  # noqa: S608 - constants only
            ).fetchall()
        by_judge: dict[str, list[tuple[str, Verdict]]] = {}
        for judge, at, *said in rows:
            if (verdict := _verdict(judge, said)) is not None:
                by_judge.setdefault(judge, []).append((at, verdict))
        return sorted((_spent(judge, said) for judge, said in by_judge.items()), key=lambda s: s.last, reverse=True)

    def _catch_up(self) -> None:
        """Write what is not written yet, unless another program writes for long: the next verdict takes it along."""
        try:
            self._write()
        except CoreError as error:
            cause = error.__cause__
            if getattr(cause, "sqlite_errorcode", None) not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise

    def _write(self) -> None:
        rows = list(self._unwritten.values())
        if not rows:
            return
        marks = ", ".join("?" * len(rows[0]))
        with self._cache.writing() as connection:
            connection.executemany(f"INSERT OR REPLACE INTO verdicts_1 VALUES ({marks})", rows)  # noqa: S608
        self._unwritten = {}


def _storable(reasoning: str) -> str:
    """Half a character, as a broken-off answer may have, fits no database."""
    return reasoning[:_LONGEST].encode("utf-8", "replace").decode()


def _verdict(judge: str, row: Sequence[Any]) -> Verdict | None:
    """A row as a verdict; None where it holds what no judge says. Anybody in the team may have written it."""
    with suppress(ValueError, TypeError):
        answer, probability, log_odds, reasoning, seconds, tokens_in, tokens_out = row
        verdict = Verdict(
            None if answer is None else Answer(answer), _number(probability), _number(log_odds), reasoning, judge,
            float(seconds), tokens_in, tokens_out,
        )  # fmt: skip
        sound = (
            isinstance(reasoning, str)
            and (verdict.answer is not None or reasoning)
            and (verdict.probability is None or 0 <= verdict.probability <= 1)
            and 0 <= verdict.seconds < math.inf
            and all(isinstance(tokens, int) and tokens >= 0 for tokens in (tokens_in, tokens_out))
        )
        return consistent(verdict) if sound else None
    return None


def _number(value: object) -> float | None:
    if value is None or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"{value!r} is no number")


def _spent(judge: str, said: Sequence[tuple[str, Verdict]]) -> Spent:
    verdicts = [verdict for _, verdict in said]
    seconds = sorted(verdict.seconds for verdict in verdicts)
    answers = [verdict.answer for verdict in verdicts]
    return Spent(
        judge, len(said), answers.count(Answer.MATCH), answers.count(Answer.NO_MATCH), answers.count(None),
        sum(seconds), at_share(seconds, 0.5), at_share(seconds, 0.99),
        sum(verdict.tokens_in for verdict in verdicts), sum(verdict.tokens_out for verdict in verdicts),
        max(str(at) for at, _ in said),
    )  # fmt: skip


def at_share(ordered: Sequence[float], share: float) -> float:
    """The least of some ordered values that such a share of them does not exceed; 0 of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


class CachingJudge:
    """A judge with a memory: what it has said is kept, and taken from there the next time.

    Args:
        judge: who is asked.
        cache: where its verdicts are kept; closed with the judge.
    """

    def __init__(self, judge: Judge, cache: VerdictCache) -> None:
        self._judge = judge
        self._cache = cache

    @property
    def name(self) -> str:
        """The judge's own."""
        return self._judge.name

    def known(self, case: PairContext) -> Verdict | None:
        """What it has said of exactly this before."""
        return self._cache.get(self.name, case)

    def latest(self) -> dict[Pair, Verdict]:
        """What it said last of every pair, whether or not its products have changed since."""
        return self._cache.latest(self.name)

    def verdicts(self, cases: Iterable[PairContext]) -> Iterator[Verdict]:
        """One verdict for each case; it is remembered before the next one is asked for."""
        waiting: deque[tuple[PairContext, Verdict | None]] = deque()

        def unknown() -> Iterator[PairContext]:
            for case in cases:
                waiting.append((case, self.known(case)))
                if waiting[-1][1] is None:
                    yield case

        for verdict in self._judge.verdicts(unknown()):
            yield from _known_first(waiting)
            self._cache.keep(waiting.popleft()[0], verdict)
            yield verdict
        yield from _known_first(waiting)

    def stream(self, case: PairContext) -> Generator[str, None, Verdict]:
        """The reasoning piece by piece, in one where it is known or the judge does not talk; in the end the verdict."""
        known = self.known(case)
        if known is None and isinstance(self._judge, StreamingJudge):
            verdict = yield from self._judge.stream(case)
        else:
            verdict = known or next(iter(self._judge.verdicts([case])))
            yield verdict.reasoning
        if known is None:
            self._cache.keep(case, verdict)
        return verdict

    def taught(self) -> frozenset[Pair]:
        """What the judge was trained on."""
        return self._judge.taught() if isinstance(self._judge, TrainedJudge) else frozenset()

    def close(self) -> None:
        """Let go of the judge and the memory."""
        try:
            self._judge.close()
        finally:
            self._cache.close()


def _known_first(waiting: deque[tuple[PairContext, Verdict | None]]) -> Iterator[Verdict]:
    """The verdicts that were known of the cases before the next one that was not."""
    while waiting and (verdict := waiting[0][1]) is not None:
        waiting.popleft()
        yield verdict
