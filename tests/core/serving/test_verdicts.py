"""`POST /verdict`, and stored verdicts in `POST /match`."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from judges import CountingJudge
from labelled_home import DEMO, IMPORTED
from samples import HashEncoder, until
from starlette.testclient import TestClient

from core.errors import ModelError
from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated_judge import CalibratedJudge
from core.judge.pair_context import pair_contexts
from core.serving import verdicts
from core.serving.verdicts import JudgeService
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair, ProductRef
from tests.core.serving.conftest import MakeApp, client_of, problem

QUERY = IMPORTED[60]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, hash_encoder: HashEncoder) -> CountingJudge:
    """The judge of the settings."""
    counting = CountingJudge()

    def make(workspace: Workspace, _: Settings) -> CalibratedJudge:
        return CalibratedJudge(CachingJudge(counting, VerdictCache(workspace.derived)), workspace.home / "none.json")

    assert JudgeService.__init__.__defaults__ is not None
    monkeypatch.setattr(JudgeService.__init__, "__defaults__", (make,))
    return counting


@pytest.fixture
def client(judge: CountingJudge, make_app: MakeApp) -> Iterator[TestClient]:
    """A client of a service with a judge."""
    with client_of(make_app()) as client:
        yield client


def candidates(client: TestClient, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.post("/match", json={"ids": [QUERY.id], **wanted}).json()["results"][0][
        "candidates"
    ]
    return found


def asked(client: TestClient, candidate: str) -> Any:
    return client.post("/verdict", json={"query": f"walmart/{QUERY.id}", "candidate": f"amazon/{candidate}"})


def test_a_verdict_is_asked_for_once(client: TestClient, judge: CountingJudge, home: Workspace) -> None:
    id_ = candidates(client)[0]["id"]
    answer = asked(client, id_)
    assert answer.status_code == 200, answer.text
    pair = Pair(QUERY.ref, ProductRef("amazon", id_))
    wanted = judge.verdict(next(pair_contexts(home, [pair])))
    # The judge has no calibration.
    assert answer.json() == {
        "query": f"walmart/{QUERY.id}", "candidate": f"amazon/{id_}", "answer": wanted.answer,
        "probability": None, "reasoning": wanted.reasoning, "judge": "counting",
    }  # fmt: skip
    assert asked(client, id_).json() == answer.json()
    assert judge.asked == [pair]


def test_match_attaches_stored_verdicts_and_asks_nothing(client: TestClient, judge: CountingJudge) -> None:
    found = candidates(client)
    verdict = asked(client, found[3]["id"]).json()
    judge.asked.clear()
    with_verdicts = candidates(client, judge=True)
    assert judge.asked == []
    assert [each["verdict"] is not None for each in with_verdicts] == [place == 3 for place in range(10)]
    assert with_verdicts[3]["verdict"] == {
        name: verdict[name] for name in ("answer", "probability", "reasoning", "judge")
    }
    assert candidates(client) == found


def test_verdicts_survive_the_service(make_app: MakeApp, judge: CountingJudge, home: Workspace) -> None:
    with client_of(make_app()) as client:
        id_ = candidates(client)[0]["id"]
        asked(client, id_)
    assert judge.closed
    with client_of(make_app()) as client:
        assert candidates(client, judge=True)[0]["verdict"]["judge"] == "counting"


def test_a_judge_that_fails_is_a_problem(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ModelError("The judge is not there.", "Start it.")

    monkeypatch.setattr(CountingJudge, "verdicts", fails)
    answer = asked(client, DEMO.products[0].id)
    assert problem(answer, 503) == "The judge is not there."
    assert answer.json()["hint"] == "Start it."


def test_too_many_requests_for_the_judge_are_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = threading.Event(), threading.Event()
    verdict = CountingJudge.verdict

    def waits(self: CountingJudge, context: Any) -> Any:
        begun.set()
        assert go.wait(60)
        return verdict(self, context)

    monkeypatch.setattr(CountingJudge, "verdict", waits)
    monkeypatch.setattr(verdicts, "MAX_WAITING", 1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(asked, client, DEMO.products[0].id)
        until(begun.is_set)
        answer = asked(client, DEMO.products[1].id)
        go.set()
        assert problem(answer, 429) == "Too many requests wait for the judge."
        assert answer.headers["retry-after"] == "10"
        assert first.result().status_code == 200


def test_without_a_judge(make_app: MakeApp) -> None:
    with client_of(make_app()) as client:
        answer = asked(client, DEMO.products[0].id)
        assert problem(answer, 409) == "No judge is configured."
        assert "judge train" in answer.json()["hint"]
        assert problem(client.post("/match", json={"ids": [QUERY.id], "judge": True}), 409)
        assert candidates(client)


def test_a_pair_of_unknown_products(client: TestClient) -> None:
    assert "There is no candidate amazon/none" in problem(asked(client, "none"), 404)
