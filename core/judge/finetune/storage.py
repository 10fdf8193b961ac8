"""Trained judges on disk: one folder each under `models/judge`, published atomically.

A folder contains a metadata card, which is written last, the weights, and the list of training pairs.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.errors import CoreError, ModelError, UnreadableError
from core.json_store import load, save, text_file
from core.workspace import Workspace
from labels.files import drafts, is_abandoned, open_regular, read_bounded, stale_drafts
from labels.model import Pair, ProductRef

#: The metadata file in a trained judge's folder.
CARD_FILE = "judge.json"
#: The weights file in an adapter's folder.
ADAPTER_WEIGHTS = "adapters.safetensors"


def judges_folder(workspace: Workspace) -> Path:
    """The folder that contains all trained judges."""
    return workspace.models / "judge"


def unfinished_judges(workspace: Workspace) -> list[Path]:
    """Remains of killed trainings that cannot be resumed: drafts, and folders of earlier versions without a card.

    Empty if the folder is a link: its content may belong to another workspace.
    """
    folder = judges_folder(workspace)
    if folder.is_symlink() or folder.parent.is_symlink():
        return []
    judges = [path for kind in ("judge-*", "cross-encoder-*") for path in folder.glob(kind) if not path.is_symlink()]
    without_card = [path for path in judges if not (path / CARD_FILE).exists()]
    return [*stale_drafts(folder), *filter(is_abandoned, without_card)]


@contextmanager
def judge_drafts(workspace: Workspace) -> Iterator[Path]:
    """A temporary folder in which judges are prepared before they are published.

    Remains of killed trainings are removed first. The caller must hold the lock for model training.

    Raises:
        ModelError: the folder cannot be created.
    """
    folder = judges_folder(workspace)
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in unfinished_judges(workspace):
                shutil.rmtree(path, ignore_errors=True)
            draft = stack.enter_context(drafts(folder))
        except OSError as error:
            raise ModelError(
                f"Nothing can be made in {folder}: {error.strerror}.", "Is there room on the disk?"
            ) from error
        yield draft


@dataclass(frozen=True, slots=True)
class TunedCard:
    """The metadata of a fine-tuned language model.

    Attributes:
        id: name of its folder.
        base: the model that the adapter applies to; the value for `judge.mlx_model`.
        prompt: the prompt version that it was trained on.
        recipe: the recipe's keys and values.
        created_at: ISO 8601, UTC.
        steps: training steps completed.
        sha256: of the adapter's weights; empty until the training is finished.
        trained_on: number of training and validation examples, and of those skipped for their length.
        losses: last training loss, and last validation loss if there is one.
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


def judge_folder(workspace: Workspace, judge_id: str) -> Path:
    """The folder of a tuned judge."""
    return judges_folder(workspace) / judge_id


def adapter_folder(workspace: Workspace, judge_id: str) -> Path:
    """The adapter of a tuned judge; a value for `judge.mlx_adapter`."""
    return judge_folder(workspace, judge_id) / "adapter"


def resolve_adapter(folder: Path) -> Path:
    """The adapter for a folder that the user names: the folder itself, or its `adapter` if it is a tuned judge's."""
    inner = folder / "adapter"
    return inner if not (folder / ADAPTER_WEIGHTS).exists() and (inner / ADAPTER_WEIGHTS).is_file() else folder


def save_card(workspace: Workspace, card: TunedCard, draft: Path | None = None) -> None:
    """Write a card to its judge's folder, or to the draft of that folder."""
    save((draft or judge_folder(workspace, card.id)) / CARD_FILE, asdict(card))


def load_card(workspace: Workspace, judge_id: str) -> TunedCard:
    """The card of a tuned judge.

    Raises:
        ModelError: there is no such judge, or its card is damaged.
    """
    if not judge_id or Path(judge_id).name != judge_id:
        raise ModelError(f"{judge_id} is not a valid judge id.", "`samesku judge train` prints the id of a new judge.")
    try:
        return load(judge_folder(workspace, judge_id) / CARD_FILE, TunedCard)
    except FileNotFoundError:
        raise ModelError(f"There is no tuned judge {judge_id} here.", "`samesku judge train` makes one.") from None
    except UnreadableError:
        raise
    except CoreError as error:
        raise ModelError(f"The card of {judge_id} is damaged.", error.hint) from error


def adapter_sha256(folder: Path) -> str:
    """SHA-256 of an adapter's weights."""
    with open_regular(folder / ADAPTER_WEIGHTS) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


#: Records a judge's training pairs in its folder.
_TRAINING_PAIRS_FILE = "taught.json"
#: Upper bound of its size, far above what all labelled pairs of a large workspace take.
_MAX_BYTES = 256 * 2**20


def save_training_pairs(folder: Path, pairs: Iterable[Pair]) -> None:
    """Record the training pairs of the judge in a folder."""
    rows = sorted([*pair.query, *pair.candidate] for pair in pairs)
    with text_file(folder / _TRAINING_PAIRS_FILE) as out:
        out.write(json.dumps(rows) + "\n")


def load_training_pairs(folder: Path) -> frozenset[Pair]:
    """The training pairs of the judge in a folder; empty if it has no record.

    Raises:
        ModelError: the record is damaged.
    """
    path = folder / _TRAINING_PAIRS_FILE
    try:
        rows = json.loads(read_bounded(path, _MAX_BYTES))
        return frozenset(Pair(ProductRef(a, b), ProductRef(c, d)) for a, b, c, d in rows)
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(
            f"{path} cannot be read; it records the pairs that the judge was trained on.", "Train the judge again."
        ) from error
