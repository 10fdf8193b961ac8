"""What a retrain of this workspace would do."""

from dataclasses import dataclass

from core.jobs.board import Jobs
from core.rights import is_lead
from core.settings import load_settings
from core.train.plan import RetrainPlan, plan_retrain
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class WorkspaceRetraining:
    """A `tui.ports.retraining.Retraining`."""

    workspace: Workspace
    jobs: Jobs
    annotator: str

    def plan(self) -> RetrainPlan:
        """What one would do now, by the settings as they are now: a job reads them when it starts, too."""
        settings = load_settings(self.workspace.settings)
        return plan_retrain(self.workspace, settings, self.jobs, lead=is_lead(settings, self.annotator))
