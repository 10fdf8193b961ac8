import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from judges import CountingJudge, case_of

from core.errors import CoreError
from core.judge.cache import VerdictCache, percentile
from core.judge.verdict import Answer, Verdict
from core.retrieval.candidates import CandidateStore

FIRST = Verdict(Answer.MATCH, 0.75, 1.0986, "same model\n**Verdict:** MATCH", "judge-1", 0.5, 100, 10)
OTHER = Verdict(Answer.NO_MATCH, 0.25, -1.0986, "another size\n**Verdict:** NO MATCH", "judge-1", 0.5, 100, 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "derived.db"


@pytest.fixture
def cache(path: Path) -> VerdictCache:
    return VerdictCache(path)


def rows(path: Path, statement: str) -> None:
    """Another process writes."""
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "verdict",
    [
        FIRST,
        replace(FIRST, answer=Answer.NO_MATCH, probability=None, log_odds=None),
        replace(FIRST, answer=None, probability=None, log_odds=None, reasoning="well"),
    ],
)
def test_verdict_round_trip(cache: VerdictCache, path: Path, verdict: Verdict) -> None:
    cache.put(case_of(1), verdict)
    cache.close()
    assert VerdictCache(path).get("judge-1", case_of(1)) == verdict


def test_lookup_by_judge_and_content(cache: VerdictCache) -> None:
    cache.put(case_of(1), FIRST)
    assert cache.get("judge-2", case_of(1)) is None
    assert cache.get("judge-1", case_of(1, title="another title")) is None
    assert cache.get("judge-1", case_of(1, differs=1)) is None
    assert cache.get("judge-1", case_of(2)) is None


def test_later_verdict_replaces_earlier_one(cache: VerdictCache) -> None:
    cache.put(case_of(1), FIRST)
    cache.close()
    before = cache.version
    cache.put(case_of(1), OTHER)
    cache.close()
    assert cache.version > before
    found = cache.get("judge-1", case_of(1))
    assert found is not None
    assert found.answer is Answer.NO_MATCH
    assert [cost.pairs for cost in cache.costs()] == [1]


def test_empty_verdict_is_not_stored(cache: VerdictCache) -> None:
    cache.put(case_of(1), replace(FIRST, answer=None, probability=None, log_odds=None, reasoning=""))
    assert cache.get("judge-1", case_of(1)) is None


def test_latest_verdicts_ignore_content(cache: VerdictCache) -> None:
    cache.put(case_of(1, title="as it was"), FIRST)
    cache.put(case_of(1, title="as it is"), OTHER)
    cache.put(case_of(2), FIRST)
    latest = cache.latest_verdicts("judge-1")
    assert {pair: verdict.answer for pair, verdict in latest.items()} == {
        case_of(1).pair: Answer.NO_MATCH,
        case_of(2).pair: Answer.MATCH,
    }


@pytest.mark.parametrize(
    "damage",
    [
        "answer = 'PERHAPS'", "answer = x'00'", "answer = NULL, reasoning = ''", "probability = 1.5",
        "probability = 'high'", "probability = -0.1", "log_odds = 9e999", "log_odds = x'00ff'", "seconds = -1",
        "seconds = 9e999", "seconds = 'long'", "reasoning = x'c328'", "tokens_in = 'many'", "tokens_out = -5",
        "tokens_out = 0.5",
    ],
)  # fmt: skip
def test_damaged_row_is_absent_and_replaceable(cache: VerdictCache, path: Path, damage: str) -> None:
    cache.put(case_of(1), FIRST)
    cache.put(case_of(2), FIRST)
    cache.close()
    rows(path, f"UPDATE verdicts_1 SET {damage} WHERE query_id = 'q1'")  # noqa: S608
    assert cache.get("judge-1", case_of(1)) is None
    assert list(cache.latest_verdicts("judge-1")) == [case_of(2).pair]
    assert [cost.pairs for cost in cache.costs()] == [1]
    cache.put(case_of(1), FIRST)
    assert cache.get("judge-1", case_of(1)) == FIRST


def test_invalid_utf8_affects_one_row_only(cache: VerdictCache, path: Path) -> None:
    cache.put(case_of(1), FIRST)
    cache.close()
    rows(path, "UPDATE verdicts_1 SET reasoning = CAST(x'c3284142' AS TEXT)")
    found = cache.get("judge-1", case_of(1))
    assert found is not None
    assert found.reasoning.endswith("AB")


def test_lone_surrogate_is_replaced(cache: VerdictCache) -> None:
    cache.put(case_of(1), replace(FIRST, reasoning="half \ud83d"))
    found = cache.get("judge-1", case_of(1))
    assert found is not None
    assert found.reasoning == "half ?"


def test_long_reasoning_is_truncated(cache: VerdictCache, path: Path) -> None:
    cache.put(case_of(1), replace(FIRST, reasoning="x" * 100_000))
    cache.close()
    rows(path, "UPDATE verdicts_1 SET reasoning = reasoning || reasoning")
    found = cache.get("judge-1", case_of(1))
    assert found is not None
    assert len(found.reasoning) == 20_000


def test_non_database_file_raises_error_with_hint(path: Path) -> None:
    path.write_bytes(b"no database at all, " * 100)
    with pytest.raises(CoreError, match="cannot be read") as caught:
        VerdictCache(path).get("judge-1", case_of(1))
    assert "samesku index" in caught.value.hint


def test_candidates_and_verdicts_share_a_file(cache: VerdictCache, path: Path) -> None:
    cache.put(case_of(1), FIRST)
    candidates = CandidateStore(path)
    candidates.replace([], model="m", fingerprint="f")
    candidates.close()
    assert cache.get("judge-1", case_of(1)) == FIRST
    rows(path, "PRAGMA user_version = 99")
    candidates = CandidateStore(path)
    assert candidates.model is None
    candidates.close()
    assert cache.get("judge-1", case_of(1)) == FIRST


def test_verdict_stays_pending_while_database_is_locked(cache: VerdictCache, path: Path) -> None:
    cache.put(case_of(1), FIRST)
    assert len(cache.latest_verdicts("judge-1")) == 1
    with cache._cache.reading() as connection:
        connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    cache.put(case_of(2), FIRST)
    other.execute("ROLLBACK")
    other.close()
    # The pending verdict is readable in this process.
    assert cache.get("judge-1", case_of(2)) == FIRST
    cache.close()
    assert len(VerdictCache(path).latest_verdicts("judge-1")) == 2


def test_fast_verdicts_are_committed_together(path: Path) -> None:
    times = [0.0, 0.0, 1.0, 5.0, 15.9, 16.0, 17.0]
    cache, other = VerdictCache(path, clock=iter(times).__next__), VerdictCache(path)

    def written(number: int) -> int:
        cache.put(case_of(number), FIRST)
        return len(other.latest_verdicts("judge-1"))

    # The first verdict is committed at once, the next ones after 15 seconds.
    assert [written(number) for number in range(4)] == [1, 1, 1, 4]
    assert all(cache.get("judge-1", case_of(number)) == FIRST for number in range(4))


def test_concurrent_threads(path: Path) -> None:
    def work(worker: int) -> int:
        cache, judge = VerdictCache(path), CountingJudge(f"judge-{worker % 2}")
        for number in range(40):
            case = case_of(number)
            cache.get(judge.name, case)
            cache.put(case, judge.verdict(case))
        seen = len(cache.latest_verdicts(judge.name))
        cache.close()
        return seen

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [40] * 8
    assert [(cost.judge, cost.pairs) for cost in sorted(VerdictCache(path).costs(), key=lambda s: s.judge)] == [
        ("judge-0", 40),
        ("judge-1", 40),
    ]


def test_slow_verdicts_survive_a_kill(path: Path) -> None:
    code = (
        "import itertools, os, sys; sys.path[:0] = ['tests/support']\n"
        "from pathlib import Path; from judges import CountingJudge, case_of\n"
        "from core.judge.cache import VerdictCache\n"
        f"cache = VerdictCache(Path({str(path)!r}), clock=itertools.count(step=20.0).__next__)\n"
        "for number in range(5): cache.put(case_of(number), CountingJudge().verdict(case_of(number)))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3], timeout=240)
    assert ended.returncode == -9
    assert len(VerdictCache(path).latest_verdicts("counting")) == 5


def test_costs(cache: VerdictCache) -> None:
    for number in range(100):
        verdict = (FIRST, OTHER, OTHER, replace(FIRST, answer=None))[number % 4]
        cache.put(case_of(number), replace(verdict, seconds=float(number + 1)))
    (cost,) = cache.costs()
    assert (cost.judge, cost.pairs, cost.matches, cost.no_matches, cost.no_verdict) == ("judge-1", 100, 25, 50, 25)
    assert (cost.seconds, cost.p50, cost.p99, cost.tokens_in, cost.tokens_out) == (5050, 50, 99, 10_000, 1000)


def test_percentile_of_few_values() -> None:
    assert (percentile([], 0.5), percentile([3.0], 0.99)) == (0.0, 3.0)
    assert (percentile([1.0, 2.0], 0.5), percentile([1.0, 2.0], 0.51)) == (1.0, 2.0)
