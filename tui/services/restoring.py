"""The ledger put back while no desk of this process has it open."""

from pathlib import Path

from core.workspace import Workspace
from labels.errors import SameskuError
from labels.wording import counted
from tui.services.verbs import ChildVerbs


def _within(workspace: Workspace, path: str) -> str:
    """As somebody finds it who knows the workspace."""
    inside = Path(path)
    return str(inside.relative_to(workspace.home) if inside.is_relative_to(workspace.home) else inside)


def put_back(workspace: Workspace, annotator: str, backup: Path) -> str:
    """Restore a backup, as was agreed to, in a process of its own: one that is cut off from its terminal still ends.

    Returns:
        what became of it, for whoever opens the desk again; where it failed the ledger is as it was.
    """
    try:
        done = ChildVerbs(workspace.home, annotator).ask("labels", "restore", "--yes", str(backup)).answer()
    except SameskuError as error:
        return " ".join(filter(None, ("The ledger is as it was.", error.message, error.hint)))
    kept = f" What was there before is kept as {_within(workspace, done['kept'])}." if done["kept"] else ""
    return f"The ledger is that of the backup again, with {counted(done['events'], 'event')}.{kept}"
