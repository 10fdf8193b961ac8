"""What the judge in use has said so far, for those who would never wait for it: the queue."""

from contextlib import suppress

from core.errors import CoreError
from core.judge.cache import VerdictCache
from core.judge.factory import make_judge
from core.judge.report import latest_report
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair


class JudgeScores:
    """Its probabilities by pair, read anew when it has said something new.

    One that was not measured, or adds nothing certain to the matcher, has no say in what people are asked about.
    """

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._settings = settings
        self._mark: tuple[int, int] | None = None
        self._said: dict[Pair, float] = {}

    def probabilities(self) -> dict[Pair, float]:
        """P(match) of the pairs that it was asked about; nothing where there is no judge, or none that helps."""
        if not self._settings.judge.use:
            return {}
        # What cannot be read now is read with the next verdict; the queue does without it meanwhile.
        with suppress(CoreError):
            mark = self._now()
            if mark != self._mark:
                self._mark, self._said = mark, {}
                self._said = self._read()
        return self._said

    def _now(self) -> tuple[int, int]:
        """Another one after every verdict and every report."""
        cache = VerdictCache(self._workspace.derived)
        try:
            reports = self._workspace.reports
            return cache.mark, reports.stat().st_mtime_ns if reports.exists() else 0
        finally:
            cache.close()

    def _read(self) -> dict[Pair, float]:

        judge = make_judge(self._workspace, self._settings)
        try:
            report = latest_report(self._workspace, judge.name)
            if report is None or report.added is None or not report.added.something:
                return {}
            latest = judge.latest()
        finally:
            judge.close()
        return {pair: said.probability for pair, said in latest.items() if said.probability is not None}
