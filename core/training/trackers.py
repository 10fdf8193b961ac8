"""Experiment trackers that receive the curves of a training. The trainer of transformers writes to them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from core.errors import CoreError, SettingsError
from core.packages import require_packages
from core.text.safe import safe

#: Name of the project or experiment.
PROJECT = "samesku"

#: Modules whose exceptions are the tracker's, such as a server that cannot be reached.
_MODULES = {"mlflow", "wandb", "trackio", "tensorboard", "requests", "urllib3", "httpx"}


class Tracker(StrEnum):
    """A tracker by its name, which is also that of its package."""

    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"
    WANDB = "wandb"
    TRACKIO = "trackio"


@dataclass(frozen=True, slots=True)
class Tracking:
    """Where the curves of a run go.

    Attributes:
        tracker: that receives them.
        home: folder of the workspace, for trackers that write files.
    """

    tracker: Tracker
    home: Path


def require_tracker(tracker: Tracker) -> None:
    """Check that a tracker is installed.

    Raises:
        SettingsError: it is not.
    """
    require_packages(f"--report-to {tracker} needs", [tracker], f"Install it: pip install {tracker}", SettingsError)


def tracker_environment(tracking: Tracking, run: str) -> dict[str, str]:
    """The environment variables that keep a tracker's files in the workspace, unless they are set already.

    Args:
        tracking: the tracker.
        run: name of the run.
    """
    home = tracking.home
    match tracking.tracker:
        case Tracker.TENSORBOARD:
            return {"TENSORBOARD_LOGGING_DIR": str(home / "tensorboard" / run)}
        case Tracker.MLFLOW:
            # Its database needs packages that mlflow-skinny does not bring.
            has_database = all(find_spec(name) for name in ("sqlalchemy", "alembic"))
            store = f"sqlite:///{home / 'mlflow.db'}" if has_database else (home / "mlruns").as_uri()
            return {
                "MLFLOW_TRACKING_URI": store, "MLFLOW_EXPERIMENT_NAME": PROJECT, "MLFLOW_ALLOW_FILE_STORE": "true",
                "MLFLOW_DISABLE_TELEMETRY": "true",
            }  # fmt: skip
        case Tracker.WANDB:
            return {"WANDB_DIR": str(home), "WANDB_PROJECT": PROJECT}
        case Tracker.TRACKIO:
            return {"TRACKIO_DIR": str(home / "trackio")}


@contextmanager
def tracked(tracking: Tracking | None, run: str) -> Iterator[None]:
    """Set the environment of a tracker in a `with` block, and turn its errors into sentences.

    Raises:
        CoreError: the tracker failed.
    """
    if tracking is None:
        yield
        return
    added = {name: value for name, value in tracker_environment(tracking, run).items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _MODULES:
            raise
        reason = safe(str(error).strip().partition("\n")[0])[:300]
        raise CoreError(
            f"{tracking.tracker} failed: {reason.rstrip('.')}.",
            "Correct its settings, or do without it: samesku retrain without --report-to.",
        ) from error
    finally:
        for name in added:
            os.environ.pop(name, None)
