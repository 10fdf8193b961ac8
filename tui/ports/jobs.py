"""The detached jobs, as the desk starts, watches and ends them."""

from pathlib import Path
from typing import Protocol

from core.jobs.job import Job


class JobBoard(Protocol):
    """The detached jobs of the workspace."""

    folder: Path

    def start(self, home: Path, arguments: list[str]) -> str:
        """Start one; returns its id."""

    def list(self) -> list[Job]:
        """All of them, the latest first."""

    def get(self, job_id: str) -> Job:
        """One of them."""

    def cancel(self, job_id: str) -> Job:
        """End a running one; waits for its end."""
