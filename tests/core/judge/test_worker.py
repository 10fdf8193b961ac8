"""The judge's worker process: streaming, superseded requests, and shutdown."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from injections import INJECTIONS
from judges import CountingJudge, StreamingCountingJudge

from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated_judge import CalibratedJudge
from core.judge.interface import Judge
from core.judge.worker import JudgeWorker, serve
from core.workspace import Workspace

ROOT = Path(__file__).parents[3]
ASKED = {"query": ["walmart", "q1"], "candidate": ["amazon", "q1-c1"]}


def make_worker(workspace: Workspace, judge: Judge) -> JudgeWorker:
    """A worker in this process, with a judge that needs no model."""
    cached = CachingJudge(judge, VerdictCache(workspace.derived))
    return JudgeWorker(workspace, CalibratedJudge(cached, workspace.home / "none.json"))


def ask(worker: JudgeWorker, superseded: Callable[[], bool] = lambda: False, **request: object) -> list[dict[str, Any]]:
    """All responses to a request."""
    return list(worker.respond(json.dumps({"id": 1, **request}).encode(), superseded))


def test_streams_and_caches_a_verdict(workspace: Workspace) -> None:
    judge = StreamingCountingJudge()
    worker = make_worker(workspace, judge)
    assert ask(worker, do="known", query=["walmart", "q1"], candidates=[["amazon", "q1-c1"]]) == [
        {"id": 1, "result": {"verdicts": []}}
    ]
    *pieces, result = ask(worker, do="verdict", **ASKED)
    (row,) = result["result"]["verdicts"]
    assert "".join(piece["piece"] for piece in pieces) == row["reasoning"]
    assert (row["candidate"], row["judge"]) == (["amazon", "q1-c1"], "counting")
    assert result["result"].pop("worth") == "The judge was not evaluated yet: run `samesku judge test`."
    (again,) = ask(worker, do="verdict", **ASKED)[-1]["result"]["verdicts"]
    assert again == row
    assert ask(worker, do="known", query=["walmart", "q1"], candidates=[["amazon", "q1-c1"], ["amazon", "q1-c2"]]) == [
        result
    ]
    assert len(judge.asked) == 1
    worker.close()
    assert judge.closed


def test_prefetch_judges_each_candidate_once(workspace: Workspace) -> None:
    judge = CountingJudge()
    worker = make_worker(workspace, judge)
    candidates = [["amazon", f"q1-c{place}"] for place in (1, 2, 3)]
    for _ in range(2):
        (answer,) = ask(worker, do="ahead", query=["walmart", "q1"], candidates=candidates)
        assert [row["candidate"] for row in answer["result"]["verdicts"]] == candidates
    assert len(judge.asked) == 3
    worker.close()


def test_superseded_request_is_cancelled(workspace: Workspace) -> None:
    judge = StreamingCountingJudge()
    worker = make_worker(workspace, judge)
    piece, refused = ask(worker, lambda: True, do="verdict", **ASKED)
    assert set(piece) == {"id", "piece"}
    assert refused["error"] == "The judge was stopped."
    (answer,) = ask(worker, lambda: True, do="ahead", query=["walmart", "q2"], candidates=[["amazon", "q2-c1"]])
    assert answer["result"] == {"verdicts": []}
    assert [pair.candidate.id for pair in judge.asked] == ["q1-c1"]
    worker.close()


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "dance"}, {"do": "known"}, {"do": "known", "query": "q1", "candidates": []},
        {"do": "known", "query": ["walmart", "q1"], "candidates": [["amazon", str(n)] for n in range(101)]},
        {"do": "verdict", "query": ["walmart", "q1"], "candidate": ["amazon", "nobody"]},
        {"do": "verdict", "query": ["walmart", INJECTIONS[0]], "candidate": None},
    ],
)  # fmt: skip
def test_invalid_request_gets_an_error(workspace: Workspace, request_: dict[str, object]) -> None:
    worker = make_worker(workspace, CountingJudge())
    (answer,) = ask(worker, **request_)
    assert set(answer) == {"id", "error", "hint"}
    assert answer["error"].endswith(".")
    worker.close()


def test_later_request_supersedes_earlier_one(workspace: Workspace) -> None:
    lines = [{"id": 1, "do": "verdict", **ASKED}, {"id": 2, "do": "stop"}, {"id": 3, "do": "verdict", **ASKED}]
    requests = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    answers = io.BytesIO()
    serve(make_worker(workspace, StreamingCountingJudge()), requests, answers)
    received = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert [line["id"] for line in received] == sorted(line["id"] for line in received)
    assert {"id": 2, "result": {}} in received
    assert "result" in received[-1] or received[-1]["error"] == "The judge was stopped."
    assert {line["id"] for line in received if "piece" not in line} == {1, 2, 3}


def test_process_reports_missing_setting_and_ends_with_input(workspace: Workspace) -> None:
    workspace.settings.write_text('[judge]\nuse = ["server"]\nserver_model = ""\n')
    command = [sys.executable, "-m", "core.judge.worker", "--home", str(workspace.home)]
    asked = json.dumps({"id": 5, "do": "verdict", **ASKED}).encode() + b"\n"
    done = subprocess.run(command, input=asked, capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert (answer["id"], answer["error"]) == (5, "judge.server_model is not set.")
    assert str(workspace.settings) in answer["hint"]
    assert 'in the section [judge]: server_model = "NAME"' in answer["hint"]
