"""The job's side: being told to end."""

import signal
import threading
import time
from pathlib import Path

import pytest

from core.jobs import runner
from core.jobs.events import EventWriter
from core.jobs.job import CANCEL, FOLDER_VARIABLE
from core.jobs.runner import Cancelled, job_events


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a job that this process is."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def work_until_cancelled(job: Path, work: object) -> None:
    with job_events() as events:
        assert isinstance(events, EventWriter)
        (job / CANCEL).touch()
        work()  # type: ignore[operator]


@pytest.mark.slow
def test_a_request_that_is_lost_in_a_finalizer_is_repeated(
    job: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "_REPEAT_INTERVAL_S", 0.1)
    lost: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lost.append)
    before = signal.getsignal(signal.SIGTERM)

    class Finalized:
        def __del__(self) -> None:
            threading.Event().wait(600)

    def work() -> None:
        Finalized()
        time.sleep(600)

    with pytest.raises(Cancelled):
        work_until_cancelled(job, work)
    assert len(lost) == 1
    assert '"cancelled"' in (job / "events.jsonl").read_text()
    assert signal.getsignal(signal.SIGTERM) is before
