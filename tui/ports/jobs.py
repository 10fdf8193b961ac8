"""The detached jobs, as the desk starts, watches and ends them."""

from pathlib import Path
from typing import Protocol

from core.jobs.course import Course
from core.jobs.job import Job


class JobBoard(Protocol):
    """The detached jobs of the workspace. Every method but `refusal` reads files: any thread but the desk's own."""

    folder: Path

    def start(self, home: Path, arguments: list[str]) -> str:
        """Start one; returns its id."""

    def list(self) -> list[Job]:
        """All of them, the latest first. What has ended is read once."""

    def get(self, job_id: str) -> Job:
        """One of them."""

    def course(self, job_id: str, so_far: Course | None = None) -> Course:
        """What one told on its way; of what was read before, only what was added is read."""

    def log(self, job_id: str) -> tuple[str, ...]:
        """The last lines that one printed, safe to show."""

    def refusal(self, job: Job) -> str:
        """Why this person may not end one, a sentence; empty where they may."""

    def cancel(self, job_id: str) -> Job:
        """End a running one; waits for its end."""

    def resume(self, home: Path, job_id: str) -> str:
        """Start the work of one that has ended again; returns the id of the new one."""
