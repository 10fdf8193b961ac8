"""The client of a worker process: start, restart, time-outs and refusals."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_bench import Bench, screen_text, settled
from feature_tables import write_features
from samples import until

from tui.errors import WorkerError
from tui.worker_client import WorkerClient

#: Answers every request with its own id; `die` and `hang` do what they say.
CHILD = """
import json, sys, time
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "die": sys.exit(3)
    if request["do"] == "hang": time.sleep(600)
    if request["do"] == "babble": print("no json"); print("[]"); print('{"id": 99}')
    answer = {"error": "It cannot.", "hint": "Try."} if request["do"] == "fail" else {"result": {"did": request["do"]}}
    print(json.dumps({"id": request["id"], **answer}), flush=True)
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[WorkerClient]:
    made = WorkerClient(tmp_path, [sys.executable, "-c", CHILD], restart_delays_s=(600, 600))
    yield made
    if made.pid and made._process and made._process.poll() is None:
        made._process.kill()
    made.close(wait_s=5)


def pass_the_pause(engine: WorkerClient) -> None:
    """Let the pause before a restart be over."""
    engine._restart_at = 0.0


def test_it_starts_on_the_first_request_in_a_session_of_its_own(engine: WorkerClient) -> None:
    assert engine.pid is None
    assert engine.ask("this") == {"did": "this"}
    assert engine.pid
    assert os.getsid(engine.pid) == engine.pid != os.getsid(0)


def test_a_refusal_is_an_error_with_a_hint(engine: WorkerClient) -> None:
    with pytest.raises(WorkerError, match="It cannot") as refused:
        engine.ask("fail")
    assert refused.value.hint == "Try."
    assert engine.ask("babble") == {"did": "babble"}


def test_it_is_restarted_when_it_dies(engine: WorkerClient) -> None:
    engine.ask("this")
    first = engine.pid
    with pytest.raises(WorkerError, match="ended"):
        engine.ask("die")
    with pytest.raises(WorkerError, match="just ended"):
        engine.ask("this")
    pass_the_pause(engine)
    assert engine.ask("this") == {"did": "this"}
    assert engine.pid != first


def test_after_several_deaths_it_is_not_started_again(engine: WorkerClient) -> None:
    for _ in range(3):
        with pytest.raises(WorkerError, match="ended unexpectedly"):
            engine.ask("die")
        pass_the_pause(engine)
    with pytest.raises(WorkerError, match="not started again"):
        engine.ask("this")


def test_killing_it_fails_pending_requests(engine: WorkerClient) -> None:
    engine.ask("this")
    assert engine.pid
    threading.Timer(0.2, os.kill, [engine.pid, signal.SIGKILL]).start()
    began = time.monotonic()
    with pytest.raises(WorkerError, match="ended unexpectedly"):
        engine.ask("hang")
    assert time.monotonic() - began < 60


def test_closing_fails_pending_requests(engine: WorkerClient) -> None:
    engine.ask("this")
    threading.Timer(0.2, engine.close).start()
    began = time.monotonic()
    with pytest.raises(WorkerError, match="being left"):
        engine.ask("hang")
    assert time.monotonic() - began < 60
    with pytest.raises(WorkerError, match="being left"):
        engine.ask("this")


def test_a_request_times_out(engine: WorkerClient) -> None:
    with pytest.raises(WorkerError, match="too long"):
        engine.ask("hang", timeout_s=0.1)


def test_a_missing_program_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="cannot be started"):
        WorkerClient(tmp_path, [str(tmp_path / "nothing")]).ask("this")


@pytest.mark.slow
async def test_the_matcher_worker_refits_and_may_be_killed(bench: Bench) -> None:
    write_features(bench.workspace)
    engine = WorkerClient(bench.workspace.home)
    app = bench.app(engine=engine)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert "bands (uncalibrated)" in screen_text(app)
        await pilot.press("a")
        await settled(pilot)
        assert "matcher: 10 labelled pairs" in screen_text(app)
        assert engine.pid
        os.kill(engine.pid, signal.SIGKILL)
        await pilot.press("n")
        await settled(pilot)
        await pilot.press("w")
        await settled(pilot)
        assert app.is_running
        await pilot.press("escape", "n")
        await settled(pilot)
    assert len(bench.decided()) == 30
    pid = engine.pid
    engine.close(wait_s=10)
    until(lambda: not Path(f"/proc/{pid}").exists() or not Path("/proc").exists())
