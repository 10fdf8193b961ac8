"""Polling the jobs for the desk: nothing is read while no job runs and the folder of jobs has not changed."""

from collections.abc import Iterable

from core.jobs.board import Jobs
from core.jobs.job import Job, JobState

#: Readings after the folder changed: a job's folder appears a moment before its first file.
_READS_AFTER_CHANGE = 3


class JobWatch:
    """Decides when to read the jobs, and detects those that have ended since the last reading.

    Args:
        jobs: the jobs of the workspace.
        away_since: when the annotator acted last, in seconds since the epoch; None for a newcomer.
    """

    def __init__(self, jobs: Jobs, away_since: float | None = None) -> None:
        self._jobs = jobs
        self._away_since = away_since
        self._folder_mtime_ns = -1
        self._reads_left = _READS_AFTER_CHANGE
        self._running: set[str] = set()

    def should_read(self) -> bool:
        """Whether to read: a job runs, or the folder of jobs has changed. Costs one `stat`."""
        try:
            mtime_ns = self._jobs.folder.stat().st_mtime_ns
        except OSError:
            mtime_ns = 0
        if mtime_ns != self._folder_mtime_ns:
            self._folder_mtime_ns, self._reads_left = mtime_ns, _READS_AFTER_CHANGE
        self._reads_left -= 1
        return bool(self._running) or self._reads_left >= 0

    def read(self) -> tuple[Job, ...]:
        """The jobs, latest first; only the running ones where the folder has not changed. Any thread."""
        if self._reads_left >= 0 or not self._running:
            return tuple(self._jobs.list())
        return tuple(self._jobs.get(job_id) for job_id in sorted(self._running, reverse=True))

    def newly_ended(self, jobs: Iterable[Job]) -> list[Job]:
        """Record a reading; returns the jobs that ended since the one before.

        The first reading returns the latest job that ended while the annotator was away.
        """
        jobs = list(jobs)
        ended = [job for job in jobs if job.id in self._running and job.state is not JobState.RUNNING]
        if self._away_since is not None:
            ended += [job for job in jobs if job.ended_at is not None and job.ended_at > self._away_since][:1]
            self._away_since = None
        self._running = {job.id for job in jobs if job.state is JobState.RUNNING}
        return ended
