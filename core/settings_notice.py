"""The notice that settings go by former names, which a workspace is given once."""

from collections.abc import Iterable
from contextlib import suppress

from core.errors import CoreError
from core.json_store import load, save
from core.settings import RENAMED, former_names
from core.workspace import Workspace


def take_notice(workspace: Workspace, overrides: Iterable[str] = ()) -> str:
    """Which settings go by former names, in a sentence, and note that it was said.

    Args:
        workspace: its settings file and `notices.json` are read; the latter is written.
        overrides: dotted keys from the command line.

    Returns:
        Empty where there is none, or this workspace was told of each. Where nothing can be noted, because there is
        no workspace yet or this account may not write in it, it is said again the next time.

    Raises:
        SettingsError: the settings cannot be read.
    """
    found = former_names(workspace.settings, overrides)
    if not found or not (new := sorted({*found} - {*(told := _told(workspace))})):
        return ""
    if workspace.home.is_dir():
        with suppress(CoreError):
            save(workspace.notices, sorted({*told, *new}))
    renamed = ", ".join(f"{former} is now {RENAMED[former]}" for former in new)
    return f"Settings were renamed: {renamed}. The former names still work; please write the new ones."


def _told(workspace: Workspace) -> list[str]:
    with suppress(FileNotFoundError, CoreError):
        return load(workspace.notices, list[str])
    return []
