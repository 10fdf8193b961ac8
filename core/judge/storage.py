"""Where the trained judges of a workspace lie: a folder each, whole when it appears, its card written last."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.errors import ModelError
from core.workspace import Workspace
from labels.files import drafts, is_abandoned, stale_drafts

#: What is known of a trained judge, in its folder.
CARD = "judge.json"


def judges_folder(workspace: Workspace) -> Path:
    """The folder of all of them."""
    return workspace.models / "judge"


def unfinished_judges(workspace: Workspace) -> list[Path]:
    """What killed trainings left and cannot be resumed: drafts, and folders without a card as of old versions.

    Where a link leads elsewhere, as another member of the group may have prepared it, nothing is this workspace's.
    """
    folder = judges_folder(workspace)
    if folder.is_symlink() or folder.parent.is_symlink():
        return []
    made = [path for kind in ("judge-*", "cross-encoder-*") for path in folder.glob(kind) if not path.is_symlink()]
    begun = [path for path in made if not (path / CARD).exists()]
    return [*stale_drafts(folder), *filter(is_abandoned, begun)]


@contextmanager
def judge_drafts(workspace: Workspace) -> Iterator[Path]:
    """A folder for judges that are being made; what is not moved out of it is gone at its end.

    What killed trainings left is removed first. Only for the process that holds the lock of this work.

    Raises:
        ModelError: it cannot be made.
    """
    folder = judges_folder(workspace)
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left in unfinished_judges(workspace):
                shutil.rmtree(left, ignore_errors=True)
            place = stack.enter_context(drafts(folder))
        except OSError as error:
            raise ModelError(
                f"Nothing can be made in {folder}: {error.strerror}.", "Is there room on the disk?"
            ) from error
        yield place
