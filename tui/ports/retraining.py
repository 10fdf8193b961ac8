"""What the desk knows of a retrain before it starts one."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.train.plan import RetrainPlan


class Retraining(Protocol):
    """The retrains of the workspace."""

    def plan(self) -> "RetrainPlan":
        """What one would do now. Any thread but the desk's own; takes its time."""
