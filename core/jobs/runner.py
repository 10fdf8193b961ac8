"""The other end of a job: what the detached process itself does."""

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

#: How soon a job notices that it is to end.
_LOOK_EVERY_S = 0.25


class Cancelled(SystemExit):
    """The job was told to end. Passes through `except Exception`, so that every clean-up runs and no more."""


@contextmanager
def job_events() -> Iterator[EventWriter | None]:
    """Report to the job's folder, and leave a last word whatever happens short of kill -9; None where it is no job."""
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        yield None
        return
    folder = Path(named)
    # Children of the job (data loaders, say) are no jobs of their own.
    os.environ.pop(FOLDER_VARIABLE, None)
    locks.inherit()
    writer = EventWriter(folder / "events.jsonl")

    def cancel(_signum: int, _frame: FrameType | None) -> None:
        raise Cancelled(1)

    previous = signal.signal(signal.SIGTERM, cancel)
    over = _end_on_request(folder / CANCEL)
    try:
        with _last_word(writer, folder):
            yield writer
    finally:
        over.set()
        signal.signal(signal.SIGTERM, previous)
        writer.close()
        sys.stdout.flush()


@contextmanager
def _last_word(writer: EventWriter, folder: Path) -> Iterator[None]:
    """How the job ends; on a full disk that cannot be written, and must not hide why."""
    kind, facts = "done", {}
    try:
        yield
    except Cancelled:
        kind = "cancelled"
        raise
    except SystemExit as end:
        # How a command line ends, also a good one.
        if end.code:
            kind, facts = "failed", {"error": f"Ended with code {end.code}. See log.txt in {folder}."}
        raise
    except SameskuError as error:
        kind, facts = "failed", {"error": " ".join(filter(None, (error.message, error.hint)))}
        raise
    except BaseException as error:
        kind, facts = "failed", {"error": f"{type(error).__name__}: {error}. See log.txt in {folder}."}
        raise
    finally:
        # A watcher may start it again as soon as it reads that it has ended.
        locks.release_all_but(folder / LOCK)
        with suppress(JobError):
            writer.write(kind, **facts)


def _end_on_request(request: Path) -> threading.Event:
    """End this process, as SIGTERM does, once there is a file of that name. Returns what ends the looking for it."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY_S):
            if os.path.lexists(request):
                leads = os.getpgrp() == os.getpid()
                # Its children with it, where they are all that is in its process group.
                os.killpg(os.getpgrp(), signal.SIGTERM) if leads else os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=look, name="cancel", daemon=True).start()
    return over
