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
from core.signal_exceptions import RaisedException
from labels.errors import SameskuError

#: Interval at which a job looks for the request to end, in seconds.
_POLL_INTERVAL_S = 0.25


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

    cancelled = RaisedException()

    def cancel(_signum: int, _frame: FrameType | None) -> None:
        if not cancelled.exists:
            raise cancelled.remember(Cancelled(1))

    previous = signal.signal(signal.SIGTERM, cancel)
    try:
        # The final event outside, so that it is written for a request that is there from the start.
        with _final_event(writer, folder), _ended_on_request(folder / CANCEL, cancelled):
            yield writer
    finally:
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


@contextmanager
def _ended_on_request(request: Path, cancelled: RaisedException) -> Iterator[None]:
    """Watch for a file on a thread and send SIGTERM as soon as it exists.

    The process group is told once, this process until the exception of its handler is on its way.
    """
    left = threading.Event()
    sending = threading.Lock()
    main = threading.main_thread().ident or 0

    def watch() -> None:
        while not os.path.lexists(request):
            if left.wait(_POLL_INTERVAL_S):
                return
        with sending:
            if not left.is_set() and os.getpgrp() == os.getpid():  # otherwise the group is not the job's own
                os.killpg(os.getpgrp(), signal.SIGTERM)
        while not left.is_set():
            with sending:
                if not (left.is_set() or cancelled.exists):
                    signal.pthread_kill(main, signal.SIGTERM)
            left.wait(_POLL_INTERVAL_S)

    def stop() -> None:
        with sending:  # so that no signal is sent afterwards
            left.set()

    try:
        # Inside, since the request may be there already.
        threading.Thread(target=watch, name="cancel", daemon=True).start()
        yield
    finally:
        try:
            stop()
        finally:
            stop()  # once more, since the first may be interrupted by the request, but only one of them
