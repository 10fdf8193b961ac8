"""The job's side: being told to end."""

import signal
import threading
import time
from pathlib import Path

import pytest
from samples import until

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


def test_a_request_that_is_lost_in_a_finalizer_is_repeated(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[type[BaseException]] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: lost.append(args.exc_type))
    before = signal.getsignal(signal.SIGTERM)

    class Finalized:
        def __del__(self) -> None:
            threading.Event().wait(600)

    def work() -> None:
        Finalized()
        time.sleep(600)

    with pytest.raises(Cancelled):
        work_until_cancelled(job, work)
    assert lost == [Cancelled]
    assert '"cancelled"' in (job / "events.jsonl").read_text()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("time_", range(20))
def test_a_request_before_the_work_begins_is_answered(job: Path, time_: int) -> None:
    (job / CANCEL).touch()
    with pytest.raises(Cancelled):
        work_until_cancelled(job, lambda: time.sleep(600))
    assert '"cancelled"' in (job / "events.jsonl").read_text()
    # Nothing goes on sending signals, which would then end the process.
    until(lambda: not any(thread.name == "cancel" for thread in threading.enumerate()))


def test_clean_up_is_not_interrupted_by_further_requests(job: Path) -> None:
    cleaned = []

    def work() -> None:
        try:
            time.sleep(600)
        finally:
            for _ in range(5):
                signal.raise_signal(signal.SIGTERM)
                time.sleep(0.1)
            cleaned.append(True)

    with pytest.raises(Cancelled):
        work_until_cancelled(job, work)
    assert cleaned
