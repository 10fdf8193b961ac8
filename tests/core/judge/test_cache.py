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

SAID = Verdict(Answer.MATCH, 0.75, 1.0986, "same model\n**Verdict:** MATCH", "judge-1", 0.5, 100, 10)
OTHER = Verdict(Answer.NO_MATCH, 0.25, -1.0986, "another size\n**Verdict:** NO MATCH", "judge-1", 0.5, 100, 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "derived.db"


@pytest.fixture
def cache(path: Path) -> VerdictCache:
    return VerdictCache(path)


def rows(path: Path, statement: str) -> None:
    """Somebody else writes."""
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "said",
    [
        SAID,
        replace(SAID, answer=Answer.NO_MATCH, probability=None, log_odds=None),
        replace(SAID, answer=None, probability=None, log_odds=None, reasoning="well"),
    ],
)
def test_a_verdict_comes_back_as_it_was(cache: VerdictCache, path: Path, said: Verdict) -> None:
    cache.put(case_of(1), said)
    cache.close()
    assert VerdictCache(path).get("judge-1", case_of(1)) == said


def test_it_holds_for_that_judge_and_that_content_alone(cache: VerdictCache) -> None:
    cache.put(case_of(1), SAID)
    assert cache.get("judge-2", case_of(1)) is None
    assert cache.get("judge-1", case_of(1, title="another title")) is None
    assert cache.get("judge-1", case_of(1, differs=1)) is None
    assert cache.get("judge-1", case_of(2)) is None


def test_a_later_verdict_takes_the_place_of_an_earlier_one(cache: VerdictCache) -> None:
    cache.put(case_of(1), SAID)
    cache.close()
    before = cache.version
    cache.put(case_of(1), OTHER)
    cache.close()
    assert cache.version > before
    found = cache.get("judge-1", case_of(1))
    assert found is not None
    assert found.answer is Answer.NO_MATCH
    assert [spent.pairs for spent in cache.costs()] == [1]


def test_where_nothing_was_said_there_is_nothing_to_keep(cache: VerdictCache) -> None:
    cache.put(case_of(1), replace(SAID, answer=None, probability=None, log_odds=None, reasoning=""))
    assert cache.get("judge-1", case_of(1)) is None


def test_the_latest_verdict_on_a_pair_whatever_its_products_were(cache: VerdictCache) -> None:
    cache.put(case_of(1, title="as it was"), SAID)
    cache.put(case_of(1, title="as it is"), OTHER)
    cache.put(case_of(2), SAID)
    latest = cache.latest_verdicts("judge-1")
    assert {pair: said.answer for pair, said in latest.items()} == {
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
def test_a_damaged_row_is_as_good_as_none_and_can_be_replaced(cache: VerdictCache, path: Path, damage: str) -> None:
    cache.put(case_of(1), SAID)
    cache.put(case_of(2), SAID)
    cache.close()
    rows(path, f"UPDATE verdicts_1 SET {damage} WHERE query_id = 'q1'")  # noqa: S608
    assert cache.get("judge-1", case_of(1)) is None
    assert list(cache.latest_verdicts("judge-1")) == [case_of(2).pair]
    assert [spent.pairs for spent in cache.costs()] == [1]
    cache.put(case_of(1), SAID)
    assert cache.get("judge-1", case_of(1)) == SAID


def test_text_that_is_none_does_not_stop_anything(cache: VerdictCache, path: Path) -> None:
    cache.put(case_of(1), SAID)
    cache.close()
    rows(path, "UPDATE verdicts_1 SET reasoning = CAST(x'c3284142' AS TEXT)")
    found = cache.get("judge-1", case_of(1))
    assert found is not None
    assert found.reasoning.endswith("AB")


def test_half_a_character_is_replaced(cache: VerdictCache) -> None:
    cache.put(case_of(1), replace(SAID, reasoning="half \ud83d"))
    found = cache.get("judge-1", case_of(1))
    assert found is not None
    assert found.reasoning == "half ?"


def test_endless_reasoning_is_cut(cache: VerdictCache, path: Path) -> None:
    cache.put(case_of(1), replace(SAID, reasoning="x" * 100_000))
    cache.close()
    rows(path, "UPDATE verdicts_1 SET reasoning = reasoning || reasoning")
    found = cache.get("judge-1", case_of(1))
    assert found is not None
    assert len(found.reasoning) == 20_000


def test_a_file_that_is_no_database_is_an_error_with_a_way_out(path: Path) -> None:
    path.write_bytes(b"no database at all, " * 100)
    with pytest.raises(CoreError, match="cannot be read") as caught:
        VerdictCache(path).get("judge-1", case_of(1))
    assert "samesku index" in caught.value.hint


def test_candidates_and_verdicts_share_a_file_and_neither_harms_the_other(cache: VerdictCache, path: Path) -> None:
    cache.put(case_of(1), SAID)
    candidates = CandidateStore(path)
    candidates.replace([], model="m", fingerprint="f")
    candidates.close()
    assert cache.get("judge-1", case_of(1)) == SAID
    rows(path, "PRAGMA user_version = 99")
    candidates = CandidateStore(path)
    assert candidates.model is None
    candidates.close()
    assert cache.get("judge-1", case_of(1)) == SAID


def test_while_another_program_writes_a_verdict_waits_for_the_next_one(cache: VerdictCache, path: Path) -> None:
    cache.put(case_of(1), SAID)
    assert len(cache.latest_verdicts("judge-1")) == 1
    with cache._cache.reading() as connection:
        connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    cache.put(case_of(2), SAID)
    other.execute("ROLLBACK")
    other.close()
    # Who said it knows it.
    assert cache.get("judge-1", case_of(2)) == SAID
    cache.close()
    assert len(VerdictCache(path).latest_verdicts("judge-1")) == 2


def test_verdicts_that_come_faster_than_commits_are_written_together(path: Path) -> None:
    times = [0.0, 0.0, 1.0, 5.0, 15.9, 16.0, 17.0]
    cache, other = VerdictCache(path, clock=iter(times).__next__), VerdictCache(path)

    def written(number: int) -> int:
        cache.put(case_of(number), SAID)
        return len(other.latest_verdicts("judge-1"))

    # The first is there after a second, and the next fifteen are for others.
    assert [written(number) for number in range(4)] == [1, 1, 1, 4]
    assert all(cache.get("judge-1", case_of(number)) == SAID for number in range(4))


def test_many_threads_read_and_write(path: Path) -> None:
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
    assert [(spent.judge, spent.pairs) for spent in sorted(VerdictCache(path).costs(), key=lambda s: s.judge)] == [
        ("judge-0", 40),
        ("judge-1", 40),
    ]


def test_what_came_slower_than_commits_is_there_after_a_kill(path: Path) -> None:
    code = (
        "import itertools, os, sys; sys.path[:0] = ['tests/support']\n"
        "from pathlib import Path; from judges import CountingJudge, case_of\n"
        "from core.judge.cache import VerdictCache\n"
        f"cache = VerdictCache(Path({str(path)!r}), clock=itertools.count(step=20.0).__next__)\n"
        "for number in range(5): cache.put(case_of(number), CountingJudge().verdict(case_of(number)))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3], timeout=60)
    assert ended.returncode == -9
    assert len(VerdictCache(path).latest_verdicts("counting")) == 5


def test_what_was_spent(cache: VerdictCache) -> None:
    for number in range(100):
        said = (SAID, OTHER, OTHER, replace(SAID, answer=None))[number % 4]
        cache.put(case_of(number), replace(said, seconds=float(number + 1)))
    (spent,) = cache.costs()
    assert (spent.judge, spent.pairs, spent.matches, spent.no_matches, spent.no_verdict) == ("judge-1", 100, 25, 50, 25)
    assert (spent.seconds, spent.p50, spent.p99, spent.tokens_in, spent.tokens_out) == (5050, 50, 99, 10_000, 1000)


def test_shares_of_few() -> None:
    assert (percentile([], 0.5), percentile([3.0], 0.99)) == (0.0, 3.0)
    assert (percentile([1.0, 2.0], 0.5), percentile([1.0, 2.0], 0.51)) == (1.0, 2.0)
