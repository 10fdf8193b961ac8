"""Watching the jobs from the desk, as cheaply as can be: nothing is read while nothing runs."""

from collections.abc import Iterable

from core.jobs.board import Jobs
from core.jobs.job import Job, JobState

#: A job's folder is there a moment before its first file.
_LOOKS_AFTER_A_CHANGE = 3


class JobWatch:
    """Knows when there is something to read, and which jobs have ended since the last reading."""

    def __init__(self, board: Jobs, away_since: float | None = None) -> None:
        self._board = board
        self._away_since = away_since
        self._folder_time = -1
        self._looks = _LOOKS_AFTER_A_CHANGE
        self._running: set[str] = set()

    def is_due(self) -> bool:
        """Whether to read: a job runs, or the folder of jobs has changed. Costs one `stat`."""
        try:
            changed = self._board.folder.stat().st_mtime_ns
        except OSError:
            changed = 0
        if changed != self._folder_time:
            self._folder_time, self._looks = changed, _LOOKS_AFTER_A_CHANGE
        self._looks -= 1
        return bool(self._running) or self._looks >= 0

    def read(self) -> tuple[Job, ...]:
        """The jobs, the latest first; only those that run where nothing else has changed. Any thread."""
        if self._looks >= 0 or not self._running:
            return tuple(self._board.list())
        return tuple(self._board.get(job_id) for job_id in sorted(self._running, reverse=True))

    def note(self, jobs: Iterable[Job]) -> list[Job]:
        """Take note of a reading; returns the jobs that ended since the one before, or since the person left."""
        jobs = list(jobs)
        ended = [job for job in jobs if job.id in self._running and job.state is not JobState.RUNNING]
        if self._away_since is not None:
            ended += [job for job in jobs if job.ended_at is not None and job.ended_at > self._away_since][:1]
            self._away_since = None
        self._running = {job.id for job in jobs if job.state is JobState.RUNNING}
        return ended
