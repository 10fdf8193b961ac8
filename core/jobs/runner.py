"""The job's side: set-up, cancellation and the final event in the detached process."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from core.errors import JobError
from core.jobs import locks
from core.jobs.events import EventWriter
from core.jobs.job import CANCEL, FOLDER_VARIABLE, LOCK
from labels.errors import SameskuError

#: Interval at which a job looks for the request to end, in seconds.
_POLL_INTERVAL_S = 0.25

#: Seconds until a job that was told to end is told again. Longer than clean-up takes, which it would interrupt.
_REPEAT_INTERVAL_S = 30.0


class Cancelled(SystemExit):
    """The job was cancelled. Not an `Exception`, so that handlers do not catch it but all clean-up runs."""


@contextmanager
def job_events() -> Iterator[EventWriter | None]:
    """Set up reporting if this process is a job: yields its event writer, or None outside a job.

    A final event is written in any case except SIGKILL.
    """
    # Removed from the environment, since children of the job, such as data loaders, are not jobs.
    variable = os.environ.pop(FOLDER_VARIABLE, "")
    if not variable:
        yield None
        return
    folder = Path(variable)
    locks.inherit()
    writer = EventWriter(folder / "events.jsonl")

    def cancel(_signum: int, _frame: FrameType | None) -> None:
        raise Cancelled(1)

    previous = signal.signal(signal.SIGTERM, cancel)
    stop_watching = _end_on_request(folder / CANCEL)
    try:
        with _final_event(writer, folder):
            yield writer
    finally:
        stop_watching.set()
        signal.signal(signal.SIGTERM, previous)
        writer.close()
        sys.stdout.flush()


@contextmanager
def _final_event(writer: EventWriter, folder: Path) -> Iterator[None]:
    """Write how the job ended. If the disk is full, the original exception is raised all the same."""
    kind, facts = "done", {}
    try:
        yield
    except Cancelled:
        kind = "cancelled"
        raise
    except SystemExit as end:
        if end.code:  # a command that succeeds exits with code 0
            kind, facts = "failed", {"error": f"Ended with code {end.code}. See log.txt in {folder}."}
        raise
    except SameskuError as error:
        kind, facts = "failed", {"error": " ".join(filter(None, (error.message, error.hint)))}
        raise
    except BaseException as error:
        kind, facts = "failed", {"error": f"{type(error).__name__}: {error}. See log.txt in {folder}."}
        raise
    finally:
        # Released first, since a watcher may start the job again as soon as it reads the final event.
        locks.release_all_but(folder / LOCK)
        with suppress(JobError):
            writer.write(kind, **facts)


def _end_on_request(request: Path) -> threading.Event:
    """Watch for a file on a thread and send this process SIGTERM as soon as it exists. Set the returned event to stop.

    The signal is repeated, since an exception raised inside a finalizer or a callback of a library is lost.
    """
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_POLL_INTERVAL_S):
            if os.path.lexists(request):
                _send_sigterm()
                while not stop.wait(_REPEAT_INTERVAL_S):
                    _send_sigterm()
                return

    threading.Thread(target=watch, name="cancel", daemon=True).start()
    return stop


def _send_sigterm() -> None:
    """Send SIGTERM to this process, and to its children if the process group is its own."""
    is_group_leader = os.getpgrp() == os.getpid()
    os.killpg(os.getpgrp(), signal.SIGTERM) if is_group_leader else os.kill(os.getpid(), signal.SIGTERM)
