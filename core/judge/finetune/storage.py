"""Where the trained judges of a workspace lie: a folder each, whole when it appears, its card written last."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.errors import CoreError, ModelError, UnreadableError
from core.json_store import load, save
from core.workspace import Workspace
from labels.files import drafts, is_abandoned, open_regular, stale_drafts

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


#: An adapter's weights, in its folder.
WEIGHTS = "adapters.safetensors"


@dataclass(frozen=True, slots=True)
class TunedCard:
    """What is known of a tuned judge.

    Attributes:
        id: the name of its folder.
        base: the model that the adapter is for: what `judge.mlx_model` must be.
        prompt: the version of the prompt that it was tuned on.
        recipe: the keys of mlx-lm.
        steps: how many it has made; fewer than the recipe's while it is not finished.
        sha256: of the adapter; empty while it is not finished.
        trained_on: how many lessons, and how many were left out because they are too long.
        losses: the last of the training, and of the validation where there was one.
        created_at: ISO 8601, UTC.
    """

    id: str
    base: str
    prompt: str
    recipe: dict[str, Any]
    created_at: str
    steps: int = 0
    sha256: str = ""
    trained_on: dict[str, int] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)


def folder_of(workspace: Workspace, judge_id: str) -> Path:
    """Where a tuned judge lies."""
    return judges_folder(workspace) / judge_id


def adapter_of(workspace: Workspace, judge_id: str) -> Path:
    """Its adapter: what `judge.mlx_adapter` may be."""
    return folder_of(workspace, judge_id) / "adapter"


def adapter_in(folder: Path) -> Path:
    """The adapter in a folder that somebody names: the folder itself, or a part of it where it is a tuned judge's."""
    inner = folder / "adapter"
    return inner if not (folder / WEIGHTS).exists() and (inner / WEIGHTS).is_file() else folder


def write_card(workspace: Workspace, card: TunedCard, made: Path | None = None) -> None:
    """Put a card into its judge's folder, or into a draft of that."""
    save((made or folder_of(workspace, card.id)) / CARD, asdict(card))


def card_of(workspace: Workspace, judge_id: str) -> TunedCard:
    """The card of one.

    Raises:
        ModelError: there is no such judge, or its card is damaged.
    """
    if not judge_id or Path(judge_id).name != judge_id:
        raise ModelError(f"{judge_id} is no judge's id.", "`samesku judge train` says the id of what it makes.")
    try:
        return load(folder_of(workspace, judge_id) / CARD, TunedCard)
    except FileNotFoundError:
        raise ModelError(f"There is no tuned judge {judge_id} here.", "`samesku judge train` makes one.") from None
    except UnreadableError:
        raise
    except CoreError as error:
        raise ModelError(f"The card of {judge_id} is damaged.", error.hint) from error


def adapter_sha256(folder: Path) -> str:
    """SHA-256 of an adapter's weights."""
    with open_regular(folder / WEIGHTS) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
