"""A notice about settings under their former names, shown once per workspace."""

from collections.abc import Iterable
from contextlib import suppress

from core.errors import CoreError
from core.json_store import load, save
from core.settings import RENAMED, former_names
from core.workspace import Workspace


def renamed_settings_notice(workspace: Workspace, overrides: Iterable[str] = ()) -> str:
    """A sentence that lists the settings given under former names, and record in the workspace that it was shown.

    Args:
        workspace: its settings and `notices.json` are read; the latter is updated.
        overrides: dotted keys from the command line.

    Returns:
        An empty text if no former name is used, or all of them were reported before. If `notices.json` cannot be
        written, because there is no workspace yet or no permission, the notice is repeated next time.

    Raises:
        SettingsError: the settings cannot be read.
    """
    reported = _reported_names(workspace)
    new = sorted({*former_names(workspace.settings, overrides)} - {*reported})
    if not new:
        return ""
    if workspace.home.is_dir():
        with suppress(CoreError):
            save(workspace.notices, sorted({*reported, *new}))
    renamed = ", ".join(f"{former} is now {RENAMED[former]}" for former in new)
    return f"Settings were renamed: {renamed}. The former names still work; please use the new ones."


def _reported_names(workspace: Workspace) -> list[str]:
    with suppress(FileNotFoundError, CoreError):
        return load(workspace.notices, list[str])
    return []
