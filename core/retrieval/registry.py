"""The encoders of a workspace: where they came from, how good they are, which one is in use."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import CoreError, ModelError, UnreadableError
from core.json_store import load, save
from core.model_files import check_encoder_files
from core.retrieval.encoder_files import PRESETS, EncoderModel, base_here, find_base, weights_sha256, with_prefixes
from core.retrieval.encoder_identity import Prefixes, changed_part, model_prefixes, part_digests, set_prefixes
from core.settings import Settings
from core.workspace import Workspace
from labels.files import drafts, is_abandoned, publish, stale_drafts

#: How the reason of a rollback begins in the history.
ROLLED_BACK = "rolled back from "
#: Bytes of an id; a file's name has 255 at most.
_MAX_ID = 200


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a trained encoder.

    Attributes:
        parent: id of the encoder it was tuned from.
        sha256: of the merged weights; another file is not this model.
        recipe: the retrain settings.
        trained_on: counts of what it learnt from.
        metrics: by name.
        judged_on: what the metrics were measured on: the validation set with its version, or the held-out queries.
        intervals: 95 %, of the metrics, by name.
        query_prefix, candidate_prefix, prefixes_from: what is put before the texts, and where that is known from.
        parts: a digest of each file that shapes its vectors; empty where an earlier version has trained it.
    """

    id: str
    parent: str
    base: str
    sha256: str
    created_at: str
    recipe: dict[str, Any] = field(default_factory=dict)
    trained_on: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    query_prefix: str = ""
    candidate_prefix: str = ""
    judged_on: str = ""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    prefixes_from: str = ""
    parts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _a_name(self.id)
        _a_name(self.parent)


@dataclass(frozen=True, slots=True)
class Promotion:
    """An encoder was put in use: which, when (ISO 8601, UTC), and why."""

    model: str
    at: str
    why: str

    def __post_init__(self) -> None:
        _a_name(self.model)

    @property
    def is_rollback(self) -> bool:
        """Whether it went back to what was in use before, rather than on to another one."""
        return self.why.startswith(ROLLED_BACK)


def lineage(history: Sequence[Promotion], is_trained: Callable[[str], bool]) -> tuple[str, ...]:
    """The encoders that a rollback goes back through, the one in use last; each differs from the one before it.

    A rollback takes back the promotions after the one that it goes to, so that the next one goes further back.

    Args:
        history: every promotion, oldest first.
        is_trained: whether an encoder was trained here; nothing comes before the untuned one.
    """
    line: list[str] = []
    for promotion in history:
        model = promotion.model
        if promotion.is_rollback and model in line:
            del line[len(line) - line[::-1].index(model) :]
        elif promotion.is_rollback and not is_trained(model):
            line = [model]
        elif not line or line[-1] != model:
            line.append(model)
    return tuple(line)


def _a_name(model_id: str) -> None:
    """Refuse what cannot be the name of a folder in models/.

    Raises:
        ValueError: it is empty, far too long, or a path.
    """
    if len(model_id.encode()) > _MAX_ID or model_id in {"", ".", ".."} or set(model_id) & {"/", "\\", "\0"}:
        raise ValueError(f"{model_id[:_MAX_ID]!r} is no model's id")


#: How the ids of tuned encoders begin.
TUNED_PREFIX = "lora-"
_ANOTHER = "Roll back with `samesku models rollback`, or retrain."
#: A tuned encoder's card, in its folder: written last.
_CARD = "model.json"


class Registry:
    """models/: a folder per trained encoder, and champion.json with every promotion in order."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._folder = workspace.models
        self._vectors = workspace.index
        self._encoder = settings.encoder

    def folder(self, model_id: str) -> Path:
        """Where a trained encoder lies."""
        return self._folder / model_id

    @contextmanager
    def drafts(self) -> Iterator[Path]:
        """A folder for encoders that are being made; those that are not added until its end are gone then.

        Raises:
            ModelError: it cannot be made.
        """
        with ExitStack() as stack:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                place = stack.enter_context(drafts(self._folder))
            except OSError as error:
                raise ModelError(
                    f"Nothing can be made in {self._folder}: {error.strerror}.", "Is there room on the disk?"
                ) from error
            yield place

    def add(self, card: ModelCard, made: Path | None = None) -> None:
        """Write down a trained encoder.

        Args:
            card: what is known of it.
            made: the folder with its files, which becomes its own; None where it has them already.

        Raises:
            CoreError: it cannot be written.
        """
        folder = self.folder(card.id)
        save((made or folder) / _CARD, asdict(card))
        if made is not None:
            try:
                publish(made, folder)
            except OSError as error:
                raise ModelError(f"{folder} cannot be written: {error.strerror}.", "Look at what is there.") from error

    def remove_unfinished(self) -> None:
        """Remove what killed runs left. Only for who holds the lock of this work: no other retrain is at it."""
        for folder in self.unfinished():
            shutil.rmtree(folder, ignore_errors=True)

    def unfinished(self) -> list[Path]:
        """What killed runs left: drafts, models without a card as earlier versions left them, and their vectors.

        Where a link leads elsewhere, as another member of the group may have prepared it, nothing is this workspace's.
        """
        trained = set(self.ids())
        models, vectors = (
            [path for path in parent.glob(f"{TUNED_PREFIX}*") if path.name not in trained and not path.is_symlink()]
            for parent in (self._folder, self._vectors)
        )
        left = [] if self._folder.is_symlink() else [*stale_drafts(self._folder), *filter(is_abandoned, models)]
        return left if self._vectors.is_symlink() else [*left, *vectors]

    def ids(self) -> list[str]:
        """Ids of all trained encoders, in no order."""
        if not self._folder.is_dir():
            return []
        return [folder.name for folder in self._folder.iterdir() if (folder / _CARD).is_file()]

    def is_trained(self, model_id: str) -> bool:
        """Whether it was trained here; else it is the base, or unknown."""
        return os.path.isfile(self.folder(model_id) / _CARD)  # noqa: PTH113 - takes a name that is too long

    def cards(self) -> list[ModelCard]:
        """All trained encoders, the oldest first."""
        return sorted((self.card(model_id) for model_id in self.ids()), key=lambda card: (card.created_at, card.id))

    def card(self, model_id: str) -> ModelCard:
        """One trained encoder.

        Raises:
            ModelError: there is none of that id, or its card is damaged.
            UnreadableError: this account may not read its card.
        """
        try:
            card = load(self.folder(model_id) / _CARD, ModelCard)
        except FileNotFoundError:
            raise ModelError(f"There is no model {model_id} here.", "`samesku models list` shows them.") from None
        except UnreadableError:
            raise
        except CoreError as error:
            raise ModelError(f"The card of {model_id} is damaged.", error.hint) from error
        if card.id != model_id:
            raise ModelError(f"The card of {model_id} is another model's.", "Move its folder away.")
        return card

    def get(self, model_id: str) -> EncoderModel:
        """A trained encoder, or the base by its id, ready to be loaded.

        Raises:
            ModelError: unknown, or its weights are not those that were trained.
        """
        if not self.is_trained(model_id):
            base = self.base()
            if model_id and model_id in {base.id, base.former_id}:
                return base
            if not model_id.startswith(TUNED_PREFIX):
                raise ModelError(
                    f"There is no model {model_id} here; the base encoder is {base.id} now.",
                    f"Was another one set, or its folder changed? `samesku models promote {base.id}` puts it in use.",
                )
        card = self.card(model_id)
        merged = self.folder(model_id) / "merged"
        if weights_sha256(merged) != card.sha256:
            raise ModelError(f"The weights of {model_id} are not those that were trained.", _ANOTHER)
        self._check_parts(card, merged)
        return EncoderModel(card.id, merged, card.query_prefix, card.candidate_prefix, card.prefixes_from)

    def _check_parts(self, card: ModelCard, merged: Path) -> None:
        """Hold a trained encoder's files against its card; what earlier versions trained is written down now.

        Raises:
            ModelError: a part is missing, or another one than was trained; which.
        """
        if not card.parts:
            with suppress(CoreError):  # what is not sound is refused when it is loaded
                check_encoder_files(merged, _ANOTHER)
                self.add(replace(card, parts=part_digests(merged)))
            return
        if changed := changed_part(merged, card.parts):
            raise ModelError(f"{changed}.", _ANOTHER)

    def base(self) -> EncoderModel:
        """The untuned encoder of the settings, with their prefixes."""
        wanted = self._encoder
        return with_prefixes(find_base(wanted.model), wanted.query_prefix, wanted.candidate_prefix)

    def champion(self) -> EncoderModel:
        """The encoder in use: the one promoted last, else the base."""
        history = self.history()
        return self.get(history[-1].model) if history else self.base()

    def champion_folder(self) -> Path | None:
        """Where the encoder in use lies; None where it is the base, and that is not on this machine.

        Raises:
            ModelError: its history is damaged, or the model libraries are missing.
        """
        champion = self.champion_id()
        if champion is not None and self.is_trained(champion):
            return self.folder(champion) / "merged"
        return base_here(self._encoder.model)

    def champion_prefixes(self, folder: Path) -> Prefixes:
        """What is put before the texts of the encoder in use, which lies in this folder.

        Raises:
            ModelError: its card or the history is damaged.
        """
        champion, wanted = self.champion_id(), self._encoder
        if champion is not None and self.is_trained(champion):
            card = self.card(champion)
            return Prefixes(card.query_prefix, card.candidate_prefix, card.prefixes_from or "as it was trained")
        found = model_prefixes(PRESETS.get(wanted.model, wanted.model), folder)
        return set_prefixes(found, wanted.query_prefix, wanted.candidate_prefix)

    def champion_id(self) -> str | None:
        """Id of the encoder promoted last; None while it is the base."""
        history = self.history()
        return history[-1].model if history else None

    def history(self) -> tuple[Promotion, ...]:
        """Every promotion, oldest first.

        Raises:
            ModelError: its file is damaged.
            UnreadableError: this account may not read it.
        """
        path = self._folder / "champion.json"
        try:
            return load(path, tuple[Promotion, ...])
        except FileNotFoundError:
            return ()
        except UnreadableError:
            raise
        except CoreError as error:
            raise ModelError(f"{path} is damaged.", "Remove it to go back to the base encoder.") from error

    def promote(self, model_id: str, why: str) -> bool:
        """Put an encoder in use; index again afterwards. Returns whether it was not the champion already.

        Raises:
            ModelError: it is not here, or damaged.
        """
        self.get(model_id)
        history = self.history()
        if history and history[-1].model == model_id:
            return False
        now = datetime.now(UTC).isoformat(timespec="seconds")
        save(
            self._folder / "champion.json",
            [asdict(promotion) for promotion in (*history, Promotion(model_id, now, why))],
        )
        return True

    def rollback(self) -> str:
        """Go back to the last encoder before the champion that is another one. Returns its id.

        Raises:
            ModelError: there is none, or it is not here any more.
        """
        line = lineage(self.history(), self.is_trained)
        before = line[-2] if len(line) > 1 else self.base().id if line else ""
        if not line or line[-1] == before:
            raise ModelError(
                "The base encoder is in use; there is nothing to go back to.", "`samesku models promote` goes forward."
            )
        self.promote(before, f"{ROLLED_BACK}{line[-1]}")
        return before
