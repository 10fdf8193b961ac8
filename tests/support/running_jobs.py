"""Jobs that run, as their locks tell: this process, or another one, stands for theirs."""

import os
import subprocess
import sys
from pathlib import Path

from core.jobs import locks
from core.jobs.job import FOLDER_VARIABLE, LOCK

_HELD: dict[Path, int] = {}

_SLEEPS = """
import time
from core.jobs.runner import job_events
with job_events():
    time.sleep(120)
"""


def hold(folder: Path) -> None:
    """Let the job of a folder run, until it is ended or this process is."""
    _HELD[folder] = locks.acquire(folder / LOCK)


def end(folder: Path) -> None:
    """Let it end, as a process does that is killed."""
    os.close(_HELD.pop(folder))


def sleeping(folder: Path) -> "subprocess.Popen[bytes]":
    """A process of its own that runs the job of a folder, and does nothing."""
    lock = locks.acquire(folder / LOCK)
    try:
        return subprocess.Popen(
            [sys.executable, "-c", _SLEEPS],
            pass_fds=[lock],
            start_new_session=True,
            env={**os.environ, FOLDER_VARIABLE: str(folder), **locks.lock_environment([lock])},
        )
    finally:
        os.close(lock)
