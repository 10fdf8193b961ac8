"""The matcher worker: responses to requests, and the end of the process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from damage import TO_DATABASES
from feature_tables import write_features
from samples import match, no_match, q

from core.jsonl_rpc import MAX_LINE
from core.matcher_worker import MatcherWorker
from core.matching.features.store import FeatureStore
from core.matching.run import matcher_path, saved_matcher
from core.retrieval.candidates import CandidateStore
from core.workspace import Workspace
from labels.model import ActionDetails, Verb
from labels.store import LabelStore

ROOT = Path(__file__).parents[3]


@pytest.fixture
def weighed(workspace: Workspace) -> Workspace:
    """The tiny workspace with features of its candidates."""
    write_features(workspace)
    return workspace


def label(workspace: Workspace, *queries: str) -> None:
    """For each query the first candidate matches and the others do not."""
    with LabelStore(workspace.labels) as store:
        for query in queries:
            said = [*match(f"{query}-c1"), *no_match(f"{query}-c2", f"{query}-c3")]
            store.record("ada", Verb.ACCEPT, q(query), said, ActionDetails(closes=True))


class Child:
    """The worker as a process."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "core.matcher_worker", "--home", str(home)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)

    def say(self, line: bytes) -> dict[str, Any]:
        """One line in, one line out."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    def ask(self, do: str, **values: object) -> dict[str, Any]:
        """A valid request."""
        return self.say(json.dumps({"id": 7, "do": do, **values}).encode())


@pytest.fixture
def child(weighed: Workspace) -> Iterator[Child]:
    made = Child(weighed.home)
    yield made
    made.process.kill()
    made.process.wait()
    for pipe in (made.process.stdin, made.process.stdout):
        assert pipe
        pipe.close()


# -- the process ---------------------------------------------------------------------------------------------


def test_it_answers_one_line_with_one_line_and_survives_nonsense(child: Child) -> None:
    assert child.ask("ping") == {"id": 7, "result": {"pid": child.process.pid}}
    for line in (
        b"no json", b"[]", b"17", b'{"id": "x", "do": "ping"}', b'{"id": 1}', b"\xff\xfe", b"[" * 60_000,
        b'{"id": 1, "do": "' + b"x" * 3 * MAX_LINE + b'"}', b'{"id": 1, "do": "format the disk"}',
        b'{"id": 1, "do": "reasons"}', b'{"id": 1, "do": "reasons", "query": [1, 2], "candidate": "x"}',
        b'{"id": 1, "do": "reasons", "query": ["walmart", "q1"], "candidate": ["amazon", "nobody"]}',
    ):  # fmt: skip
        answer = child.say(line)
        assert set(answer) == {"id", "error", "hint"}
        assert answer["error"].endswith(".")
    assert child.ask("ping")["result"]["pid"] == child.process.pid


def test_it_ends_with_its_input(child: Child) -> None:
    assert child.ask("ping")
    assert child.process.stdin
    child.process.stdin.close()
    assert child.process.wait(120) == 0


#: The engine, with a fit that takes for ever.
_ENDLESS = """
import sys, time
from core import matcher_worker
from core.queue.online import OnlineMatcher
OnlineMatcher.refit = lambda self: (print("begun", file=sys.stderr, flush=True), time.sleep(600))
matcher_worker.main()
"""


def test_a_long_fit_ends_with_the_desk_that_asked_for_it(weighed: Workspace) -> None:
    command = [sys.executable, "-c", _ENDLESS, "--home", str(weighed.home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT) as engine:
        assert engine.stdin
        assert engine.stderr
        engine.stdin.write(b'{"id": 1, "do": "refit"}\n')
        engine.stdin.flush()
        assert engine.stderr.readline() == b"begun\n"
        engine.stdin.close()
        assert engine.wait(120) == 0


def test_it_ends_when_told_to(child: Child) -> None:
    assert child.ask("stop") == {"id": 7, "result": {}}
    assert child.process.wait(120) == 0


def test_it_refits_to_labels_as_they_come_in_and_publishes_at_the_end(child: Child, weighed: Workspace) -> None:
    before = child.ask("refit")["result"]
    assert before["standing"]["labels"] == 0
    label(weighed, "q1", "q2")
    after = child.ask("refit")["result"]
    assert after["standing"]["labels"] == 6
    # Answered queries are asked no more, validation queries never.
    assert sorted(row["query"][1] for row in after["order"]) == ["q3", "q4"]
    assert all(row["reason"].endswith(".") and len(row["candidates"]) == 3 for row in after["order"])
    assert after["outlook"]["queries"] == 2
    assert child.ask("stop")
    assert child.process.wait(120) == 0
    assert matcher_path(weighed).exists()
    candidates = CandidateStore(weighed.derived)
    assert candidates.matcher_summary
    assert candidates.matcher_summary.labels == 6
    told = {source_id[1]: p for row in after["order"] for *source_id, p in row["candidates"]}
    shown = {c.ref.id: c.probability for _, c in candidates.all()}
    candidates.close()
    assert {key: shown[key] for key in told} == pytest.approx(told)


# -- what it answers -----------------------------------------------------------------------------------------


def result(engine: MatcherWorker, do: str, **values: object) -> dict[str, Any]:
    answer = engine.answer(json.dumps({"id": 1, "do": do, **values}).encode())
    assert "result" in answer, answer
    found = answer["result"]
    assert isinstance(found, dict)
    return found


def test_reasons_come_for_and_against(weighed: Workspace) -> None:
    label(weighed, "q1", "q2", "q3")
    engine = MatcherWorker(weighed)
    told = result(engine, "reasons", query=["walmart", "q4"], candidate=["amazon", "q4-c2"])
    assert 1 <= len(told["for"]) + len(told["against"]) <= 6
    assert all(reason["contribution"] > 0 for reason in told["for"])
    assert 0 <= told["probability"] <= 1
    assert told["labels"] == 9
    engine.close()


def test_without_features_it_says_what_to_do(workspace: Workspace) -> None:
    answer = MatcherWorker(workspace).answer(b'{"id": 1, "do": "refit"}')
    assert answer == {"id": 1, "error": "No features have been computed yet.", "hint": "Run `samesku index`."}


def test_without_a_workspace_it_says_so(tmp_path: Path) -> None:
    answer = MatcherWorker(Workspace(tmp_path / "nowhere")).answer(b'{"id": 1, "do": "refit"}')
    assert "There is no workspace" in answer["error"]


def test_an_index_run_meanwhile_is_noticed_and_not_overwritten(weighed: Workspace) -> None:
    engine = MatcherWorker(weighed)
    label(weighed, "q1", "q2")
    assert result(engine, "refit")["standing"]["labels"] == 6
    write_features(weighed, "another run")
    engine.close()  # would publish
    assert saved_matcher(weighed) is None
    again = MatcherWorker(weighed)
    assert result(again, "refit")["standing"]["labels"] == 6
    store = FeatureStore(weighed.derived)
    assert store.fingerprint == "another run"
    store.close()
    again.close()
    assert saved_matcher(weighed)


def test_a_damaged_matcher_is_fitted_anew(weighed: Workspace) -> None:
    label(weighed, "q1", "q2")
    weighed.models.mkdir()
    matcher_path(weighed).write_text("{")
    assert result(MatcherWorker(weighed), "refit")["standing"]["labels"] == 6
    assert result(MatcherWorker(weighed), "reasons", query=["walmart", "q4"], candidate=["amazon", "q4-c2"])


def test_the_same_labels_give_the_same_order(weighed: Workspace) -> None:
    label(weighed, "q1")
    one, other = (result(MatcherWorker(weighed), "refit") for _ in range(2))
    assert one["order"] == other["order"]


@pytest.mark.skipif(sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="one core cannot be shared out")
def test_one_core_is_left_to_whoever_types(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "core.matcher_worker", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as engine:
        assert engine.stdin is not None
        assert engine.stdout is not None
        engine.stdin.write(b'{"id": 1, "do": "ping"}\n')
        engine.stdin.flush()
        assert b"pid" in engine.stdout.readline()
        assert len(os.sched_getaffinity(engine.pid)) == len(os.sched_getaffinity(0)) - 1
        engine.stdin.close()


@pytest.mark.parametrize("damage", ["half", "every tenth byte", "emptied", "deleted", "FIFO", "text", "views"])
def test_damaged_features_is_a_sentence_and_the_engine_goes_on_when_it_is_back(weighed: Workspace, damage: str) -> None:
    def ask() -> dict[str, Any]:
        return engine.answer(json.dumps({"id": 1, "do": "refit"}).encode())

    label(weighed, "q1", "q2")
    kept = weighed.derived.read_bytes()
    engine = MatcherWorker(weighed)
    assert "result" in ask()
    TO_DATABASES[damage](weighed.derived)
    answer = ask()
    assert "samesku index" in answer["hint"]
    assert "Error" not in answer["error"]
    engine.publish_if_due()
    weighed.derived.unlink(missing_ok=True)
    weighed.derived.write_bytes(kept)
    assert "result" in ask()
    engine.close()
