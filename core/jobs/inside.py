"""The other end of a job: what the detached process itself does."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from core.jobs.events import EventWriter
from core.jobs.job import FOLDER_VARIABLE
from labels.errors import SameskuError


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
    writer = EventWriter(folder / "events.jsonl")
    # Children of the job (data loaders, say) are no jobs of their own.
    os.environ.pop(FOLDER_VARIABLE, None)

    def cancel(_signum: int, _frame: FrameType | None) -> None:
        raise Cancelled(1)

    previous = signal.signal(signal.SIGTERM, cancel)
    try:
        yield writer
    except Cancelled:
        writer.write("cancelled")
        raise
    except SystemExit as end:
        # How a command line ends, also a good one.
        if end.code:
            writer.write("failed", error=f"Ended with code {end.code}. See log.txt in {folder}.")
        else:
            writer.write("done")
        raise
    except SameskuError as error:
        writer.write("failed", error=" ".join(filter(None, (error.message, error.hint))))
        raise
    except BaseException as error:
        writer.write("failed", error=f"{type(error).__name__}: {error}. See log.txt in {folder}.")
        raise
    else:
        writer.write("done")
    finally:
        signal.signal(signal.SIGTERM, previous)
        writer.close()
        sys.stdout.flush()
