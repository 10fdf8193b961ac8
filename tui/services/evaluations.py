"""The evaluations that were kept, and how far the audit has certified the bands."""

from core.evaluate.report import kept_evaluations
from core.match.audit import Audit, audit
from core.match.bands import Band
from core.search.candidates import CandidateStore
from core.settings import Settings
from core.workspace import Workspace
from labels.store import LabelStore
from tui.ports.evaluations import Measured


class EvaluationFiles:
    """A `tui.ports.evaluations.Evaluations`."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._target = settings.match.precision

    def read(self) -> Measured:
        """All of it, through connections of its own: SQLite's stay in their thread."""
        return Measured(kept_evaluations(self._workspace), self._audits(), self._target)

    def _audits(self) -> dict[Band, Audit]:
        candidates = CandidateStore(self._workspace.derived)
        try:
            standing = candidates.standing
        finally:
            candidates.close()
        if standing is None or not standing.calibrated:
            return {}
        with LabelStore(self._workspace.labels) as store:
            return audit(store, standing, self._target)
