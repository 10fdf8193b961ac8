"""Cached judge probabilities for the review queue, which never waits for a judge."""

from contextlib import suppress

from core.errors import CoreError
from core.judge.cache import VerdictCache
from core.judge.factory import make_judge
from core.judge.report import latest_report
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair


class JudgeScores:
    """The probabilities of the configured judge, reloaded whenever there are new verdicts or reports.

    A judge without a report, or without a significant gain over the matcher, has no scores and so no influence on the
    queue.
    """

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._settings = settings
        self._loaded_version: tuple[int, int] | None = None
        self._probabilities: dict[Pair, float] = {}

    def probabilities(self) -> dict[Pair, float]:
        """P(match) by pair; empty without a judge that improves on the matcher."""
        if not self._settings.judge.use:
            return {}
        # The queue works without scores while they cannot be read; the next verdict triggers another attempt.
        with suppress(CoreError):
            version = self._current_version()
            if version != self._loaded_version:
                self._loaded_version, self._probabilities = version, {}
                self._probabilities = self._load()
        return self._probabilities

    def _current_version(self) -> tuple[int, int]:
        """Changes with every verdict and every report."""
        cache = VerdictCache(self._workspace.derived)
        try:
            reports = self._workspace.reports
            return cache.version, reports.stat().st_mtime_ns if reports.exists() else 0
        finally:
            cache.close()

    def _load(self) -> dict[Pair, float]:
        judge = make_judge(self._workspace, self._settings)
        try:
            report = latest_report(self._workspace, judge.name)
            if report is None or report.added is None or not report.added.significant:
                return {}
            verdicts = judge.latest_verdicts()
        finally:
            judge.close()
        return {pair: verdict.probability for pair, verdict in verdicts.items() if verdict.probability is not None}
