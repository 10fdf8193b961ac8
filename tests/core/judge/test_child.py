"""The judge's own process: it talks, moves on when told to, and ends when nobody is there any more."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from injections import INJECTIONS
from judges import CountingJudge, TalkingCountingJudge

from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated import CalibratedJudge
from core.judge.interface import Judge
from core.judge.worker import JudgeWorker, serve
from core.workspace import Workspace

ROOT = Path(__file__).parents[3]
ASKED = {"query": ["walmart", "q1"], "candidate": ["amazon", "q1-c1"]}


def child(workspace: Workspace, judge: Judge) -> JudgeWorker:
    """The process's inside, with a judge that needs no model."""
    remembered = CachingJudge(judge, VerdictCache(workspace.derived))
    return JudgeWorker(workspace, CalibratedJudge(remembered, workspace.home / "none.json"))


def said(desk: JudgeWorker, moved_on: Callable[[], bool] = lambda: False, **request: object) -> list[dict[str, Any]]:
    """All that is answered to a request."""
    return list(desk.respond(json.dumps({"id": 1, **request}).encode(), moved_on))


def test_it_talks_and_remembers_what_it_said(workspace: Workspace) -> None:
    judge = TalkingCountingJudge()
    desk = child(workspace, judge)
    assert said(desk, do="known", query=["walmart", "q1"], candidates=[["amazon", "q1-c1"]]) == [
        {"id": 1, "result": {"verdicts": []}}
    ]
    *pieces, result = said(desk, do="verdict", **ASKED)
    (told,) = result["result"]["verdicts"]
    assert "".join(piece["piece"] for piece in pieces) == told["reasoning"]
    assert (told["candidate"], told["judge"]) == (["amazon", "q1-c1"], "counting")
    assert result["result"].pop("worth") == "The judge was not evaluated yet: run `samesku judge test`."
    (again,) = said(desk, do="verdict", **ASKED)[-1]["result"]["verdicts"]
    assert again == told
    assert said(desk, do="known", query=["walmart", "q1"], candidates=[["amazon", "q1-c1"], ["amazon", "q1-c2"]]) == [
        result
    ]
    assert len(judge.asked) == 1
    desk.close()
    assert judge.closed


def test_ahead_it_judges_all_of_them_once(workspace: Workspace) -> None:
    judge = CountingJudge()
    desk = child(workspace, judge)
    candidates = [["amazon", f"q1-c{place}"] for place in (1, 2, 3)]
    for _ in range(2):
        (answer,) = said(desk, do="ahead", query=["walmart", "q1"], candidates=candidates)
        assert [told["candidate"] for told in answer["result"]["verdicts"]] == candidates
    assert len(judge.asked) == 3
    desk.close()


def test_whoever_has_moved_on_waits_for_nothing(workspace: Workspace) -> None:
    judge = TalkingCountingJudge()
    desk = child(workspace, judge)
    piece, refused = said(desk, lambda: True, do="verdict", **ASKED)
    assert set(piece) == {"id", "piece"}
    assert refused["error"] == "The judge was stopped."
    (answer,) = said(desk, lambda: True, do="ahead", query=["walmart", "q2"], candidates=[["amazon", "q2-c1"]])
    assert answer["result"] == {"verdicts": []}
    assert [pair.candidate.id for pair in judge.asked] == ["q1-c1"]
    desk.close()


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "dance"}, {"do": "known"}, {"do": "known", "query": "q1", "candidates": []},
        {"do": "known", "query": ["walmart", "q1"], "candidates": [["amazon", str(n)] for n in range(101)]},
        {"do": "verdict", "query": ["walmart", "q1"], "candidate": ["amazon", "nobody"]},
        {"do": "verdict", "query": ["walmart", INJECTIONS[0]], "candidate": None},
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_a_sentence(workspace: Workspace, request_: dict[str, object]) -> None:
    desk = child(workspace, CountingJudge())
    (answer,) = said(desk, **request_)
    assert set(answer) == {"id", "error", "hint"}
    assert answer["error"].endswith(".")
    desk.close()


def test_a_later_request_ends_an_earlier_one(workspace: Workspace) -> None:
    lines = [{"id": 1, "do": "verdict", **ASKED}, {"id": 2, "do": "stop"}, {"id": 3, "do": "verdict", **ASKED}]
    requests = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    answers = io.BytesIO()
    serve(child(workspace, TalkingCountingJudge()), requests, answers)
    told = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert [line["id"] for line in told] == sorted(line["id"] for line in told)
    assert {"id": 2, "result": {}} in told
    assert "result" in told[-1] or told[-1]["error"] == "The judge was stopped."
    assert {line["id"] for line in told if "piece" not in line} == {1, 2, 3}


def test_the_process_says_what_is_missing_and_ends_with_its_input(workspace: Workspace) -> None:
    workspace.settings.write_text('[judge]\nuse = ["server"]\nserver_model = ""\n')
    command = [sys.executable, "-m", "core.judge.worker", "--home", str(workspace.home)]
    asked = json.dumps({"id": 5, "do": "verdict", **ASKED}).encode() + b"\n"
    done = subprocess.run(command, input=asked, capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "id": 5, "error": "judge.server_model is not set.", "hint": "Name the model as the server calls it.",
    }  # fmt: skip
