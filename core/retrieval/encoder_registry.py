"""Model registry: the trained encoders of a workspace, their model cards and the history of champions."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from core.catalog.references import did_you_mean
from core.errors import CoreError, ModelError, UnreadableError
from core.json_store import load, save, text_file
from core.model_files import check_encoder_files
from core.retrieval.encoder_files import PRESETS, EncoderModel, find_base, local_base, weights_sha256, with_prefixes
from core.retrieval.encoder_identity import Prefixes, changed_part, model_prefixes, part_digests, set_prefixes
from core.retrieval.model_card_page import README, card_page, loading_section, python_literal
from core.settings import Settings
from core.workspace import Workspace
from labels.files import drafts, is_abandoned, publish, stale_drafts

#: Name of the base encoder of the settings on the command line.
BASE = "base"

#: Ids of encoders that were fine-tuned with an adapter, or in full, by earlier versions too.
_TUNED_ID = re.compile(r"lora-.*|full-\d{8}-\d{6}-[0-9a-f]{4}")

#: Prefix of the reason of a rollback in the history.
ROLLED_BACK = "rolled back from "

#: File names are limited to 255 bytes.
_MAX_ID_BYTES = 200

#: File of the model card in the folder of a trained encoder; written last.
_CARD_FILE = "model.json"
_DAMAGED_HINT = "Roll back with `samesku models rollback`, or retrain."


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Model card of a trained encoder.

    Attributes:
        parent: id of the encoder it was fine-tuned from.
        base: encoder.model of the settings.
        sha256: of the merged weights.
        created_at: ISO 8601, UTC.
        recipe: the training recipe.
        trained_on: counts of training examples, by kind.
        metrics: by name.
        judged_on: the evaluation set: the validation set with its version, or the held-out queries.
        intervals: 95 % intervals of the metrics, by name.
        query_prefix, candidate_prefix, prefixes_from: text prefixes and their source.
        parts: digest of each file that shapes the vectors; empty in cards of earlier versions.
        decision: `outcome` (`promoted`, `waiting` or `rejected`), `reason`, `ranking` and `metric` of the decision on
            its promotion after training; empty in cards of earlier versions.
        data: card of the training data: SHA-256 of the rows, counts by source, split and leakage check; likewise.
        origin: where its weights come from if they were not trained here, a few words.
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
    decision: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    origin: str = ""

    def __post_init__(self) -> None:
        _require_folder_name(self.id)
        _require_folder_name(self.parent)

    @property
    def template(self) -> str:
        """The template of the texts that it was trained on; empty if the card does not say."""
        settings = self.data.get("settings")
        template = settings.get("template") if isinstance(settings, dict) else None
        return template if isinstance(template, str) else ""

    @property
    def prefixes(self) -> Prefixes:
        """The prefixes of the texts that it was trained on, and their source."""
        return Prefixes(self.query_prefix, self.candidate_prefix, self.prefixes_from or "as it was trained")


@dataclass(frozen=True, slots=True)
class Promotion:
    """A change of champion: the model, the time (ISO 8601, UTC) and the reason."""

    model: str
    at: str
    why: str

    def __post_init__(self) -> None:
        _require_folder_name(self.model)

    @property
    def is_rollback(self) -> bool:
        """Whether it returned to an earlier champion."""
        return self.why.startswith(ROLLED_BACK)


def new_tuned_id(*, has_adapter: bool) -> str:
    """An id for an encoder that is fine-tuned now: how, when, and a random suffix."""
    return f"{'lora' if has_adapter else 'full'}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(2)}"


def _require_folder_name(model_id: str) -> None:
    """Require an id that is a valid folder name in models/.

    Raises:
        ValueError: it is empty, too long, or a path.
    """
    if len(model_id.encode()) > _MAX_ID_BYTES or model_id in {"", ".", ".."} or set(model_id) & {"/", "\\", "\0"}:
        raise ValueError(f"{model_id[:_MAX_ID_BYTES]!r} is not a model id")


def lineage(history: Sequence[Promotion], is_trained: Callable[[str], bool]) -> tuple[str, ...]:
    """The stack of champions that rollbacks pop, the current one last; neighbours differ.

    A rollback removes the promotions after its target, so that the next rollback goes further back.

    Args:
        history: every promotion, oldest first.
        is_trained: whether an encoder was trained here; the base encoder is the bottom of the stack.
    """
    stack: list[str] = []
    for promotion in history:
        model = promotion.model
        if promotion.is_rollback and model in stack:
            del stack[len(stack) - stack[::-1].index(model) :]
        elif promotion.is_rollback and not is_trained(model):
            stack = [model]
        elif not stack or stack[-1] != model:
            stack.append(model)
    return tuple(stack)


def _loading_code(card: ModelCard) -> str:
    return f"""
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("merged")  # the folder beside this file
queries = model.encode([{python_literal(card.query_prefix)} + text for text in texts], normalize_embeddings=True)
products = model.encode([{python_literal(card.candidate_prefix)} + text for text in texts], normalize_embeddings=True)
"""


class Registry:
    """The folder models/: one folder per trained encoder, and champion.json with all promotions, oldest first."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._folder = workspace.models
        self._vectors = workspace.index
        self._encoder = settings.encoder

    def folder(self, model_id: str) -> Path:
        """The folder of a trained encoder."""
        return self._folder / model_id

    @contextmanager
    def drafts(self) -> Iterator[Path]:
        """A temporary folder for encoders in training; what is not added to the registry is deleted at the end.

        Raises:
            ModelError: it cannot be created.
        """
        with ExitStack() as stack:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                draft_folder = stack.enter_context(drafts(self._folder))
            except OSError as error:
                raise ModelError(
                    f"Nothing can be made in {self._folder}: {error.strerror}.", "Is there room on the disk?"
                ) from error
            yield draft_folder

    def add(self, card: ModelCard, draft: Path | None = None) -> None:
        """Add a trained encoder, or update its card.

        Args:
            card: of the encoder.
            draft: folder with its files, which is moved into the registry; None if they are there already.

        Raises:
            CoreError: it cannot be written.
        """
        folder = self.folder(card.id)
        self._write_page(card, draft or folder, self.history())
        save((draft or folder) / _CARD_FILE, asdict(card))
        if draft is not None:
            try:
                publish(draft, folder)
            except OSError as error:
                raise ModelError(f"{folder} cannot be written: {error.strerror}.", "Look at what is there.") from error

    def _write_page(self, card: ModelCard, folder: Path, history: Sequence[Promotion]) -> None:
        """Write the model card as Markdown, for people who look into the folder.

        Raises:
            CoreError: it cannot be written.
        """
        loading = loading_section(_loading_code(card), card.prefixes, card.template or self._encoder.template)
        with text_file(folder / README) as out:
            out.write(card_page(card, history, loading))

    def remove_unfinished(self) -> None:
        """Remove the files of killed runs. The caller holds the lock of this work, so that no retrain is running."""
        for folder in self.unfinished():
            shutil.rmtree(folder, ignore_errors=True)

    def unfinished(self) -> list[Path]:
        """Files of killed runs: drafts, models without a card (earlier versions), and vectors without a model.

        Folders that are symbolic links are skipped: their contents may belong to somebody else.
        """
        trained = set(self.ids())
        models, vectors = (
            [
                path
                for path in parent.glob("*")
                if _TUNED_ID.fullmatch(path.name) and path.name not in trained and not path.is_symlink()
            ]
            for parent in (self._folder, self._vectors)
        )
        found = [] if self._folder.is_symlink() else [*stale_drafts(self._folder), *filter(is_abandoned, models)]
        return found if self._vectors.is_symlink() else [*found, *vectors]

    def ids(self) -> list[str]:
        """Ids of all trained encoders, unordered."""
        if not self._folder.is_dir():
            return []
        return [folder.name for folder in self._folder.iterdir() if (folder / _CARD_FILE).is_file()]

    def is_trained(self, model_id: str) -> bool:
        """Whether the encoder was trained in this workspace."""
        return os.path.isfile(self.folder(model_id) / _CARD_FILE)  # noqa: PTH113 - False for a name that is too long

    def cards(self) -> list[ModelCard]:
        """All trained encoders, the oldest first."""
        return sorted((self.card(model_id) for model_id in self.ids()), key=lambda card: (card.created_at, card.id))

    def card(self, model_id: str) -> ModelCard:
        """The model card of a trained encoder.

        Raises:
            ModelError: there is no such encoder, or its card is damaged.
            UnreadableError: this account may not read the card.
        """
        try:
            card = load(self.folder(model_id) / _CARD_FILE, ModelCard)
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
        """A trained encoder, or the base encoder, by its id.

        Raises:
            ModelError: it is unknown, or its files are not those that were trained.
        """
        if not self.is_trained(model_id):
            base = self.base()
            if model_id and model_id in {base.id, base.former_id}:
                return base
            if not _TUNED_ID.fullmatch(model_id):
                raise ModelError(
                    f"There is no model {model_id} here; the base encoder is {base.id} now.",
                    f"If encoder.model was changed, `samesku models promote {base.id}` makes it the champion.",
                )
        card = self.card(model_id)
        merged = self.folder(model_id) / "merged"
        if weights_sha256(merged) != card.sha256:
            raise ModelError(f"The weights of {model_id} are not those that were trained.", _DAMAGED_HINT)
        self._check_parts(card, merged)
        return EncoderModel(card.id, merged, card.query_prefix, card.candidate_prefix, card.prefixes_from)

    def find(self, name: str) -> EncoderModel:
        """An encoder by its id, by `base` for the base encoder of the settings, or by the path of a folder.

        Raises:
            ModelError: it is unknown; the hint names the nearest id. Or its files are damaged.
        """
        if self.is_trained(name):
            return self.get(name)
        if os.path.isdir(name):  # noqa: PTH112 - False for a name that is no path
            return find_base(str(Path(name).absolute()))
        base = self.base()
        if name in {BASE, base.id, base.former_id} - {""}:
            return base
        known = sorted({*self.ids(), base.id})
        question = did_you_mean(name, [*known, BASE])
        what = f"no folder {name}" if os.sep in name else f"no model {name} here"
        raise ModelError(
            f"There is {what}.",
            f"{question} `samesku models list` shows the trained encoders; `{BASE}` is {base.id}; a path names a"
            " folder".strip()
            + ".",
        )

    def _check_parts(self, card: ModelCard, merged: Path) -> None:
        """Compare the files of a trained encoder with its card; a card of an earlier version gets its digests now.

        Raises:
            ModelError: a file is missing or changed.
        """
        if not card.parts:
            with suppress(CoreError):  # damaged files are an error on loading
                check_encoder_files(merged, _DAMAGED_HINT)
                self.add(replace(card, parts=part_digests(merged)))
            return
        if changed := changed_part(merged, card.parts):
            raise ModelError(f"{changed}.", _DAMAGED_HINT)

    def base(self) -> EncoderModel:
        """The base encoder of the settings, with their prefixes."""
        settings = self._encoder
        return with_prefixes(find_base(settings.model), settings.query_prefix, settings.candidate_prefix)

    def champion(self) -> EncoderModel:
        """The encoder that was promoted last, or the base encoder."""
        history = self.history()
        return self.get(history[-1].model) if history else self.base()

    def champion_folder(self) -> Path | None:
        """The folder of the champion; None if it is the base encoder and not on this machine.

        Raises:
            ModelError: the history is damaged, or the model libraries are missing.
        """
        champion = self.champion_id()
        if champion is not None and self.is_trained(champion):
            return self.folder(champion) / "merged"
        return local_base(self._encoder.model)

    def champion_prefixes(self, folder: Path) -> Prefixes:
        """The prefixes of the champion, whose folder is given.

        Raises:
            ModelError: its card or the history is damaged.
        """
        champion, settings = self.champion_id(), self._encoder
        if champion is not None and self.is_trained(champion):
            return self.card(champion).prefixes
        found = model_prefixes(PRESETS.get(settings.model, settings.model), folder)
        return set_prefixes(found, settings.query_prefix, settings.candidate_prefix)

    def champion_id(self) -> str | None:
        """Id of the encoder that was promoted last; None if there was no promotion."""
        history = self.history()
        return history[-1].model if history else None

    def history(self) -> tuple[Promotion, ...]:
        """All promotions, oldest first.

        Raises:
            ModelError: champion.json is damaged.
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

    def rejection(self, model_id: str) -> str:
        """Why an encoder was not promoted after training; empty if it was, may be, or has been champion since.

        Raises:
            ModelError: its card or the history is damaged.
        """
        if not self.is_trained(model_id) or any(promotion.model == model_id for promotion in self.history()):
            return ""
        decision = self.card(model_id).decision
        return decision.get("reason", "") if decision.get("outcome") == "rejected" else ""

    def promote(self, model_id: str, why: str) -> bool:
        """Make an encoder the champion; the caller indexes afterwards. Returns False if it was the champion already.

        Raises:
            ModelError: it is missing or damaged.
        """
        self.get(model_id)
        history = self.history()
        if history and history[-1].model == model_id:
            return False
        now = datetime.now(UTC).isoformat(timespec="seconds")
        history = (*history, Promotion(model_id, now, why))
        save(self._folder / "champion.json", [asdict(promotion) for promotion in history])
        if self.is_trained(model_id):
            self._write_page(self.card(model_id), self.folder(model_id), history)
        return True

    def rollback(self) -> str:
        """Make the previous champion the champion again. Returns its id.

        Raises:
            ModelError: there is no previous champion, or it is missing.
        """
        stack = lineage(self.history(), self.is_trained)
        previous = stack[-2] if len(stack) > 1 else self.base().id if stack else ""
        if not stack or stack[-1] == previous:
            raise ModelError(
                "The base encoder is the champion; there is nothing to roll back to.",
                "`samesku models promote` makes another encoder the champion.",
            )
        self.promote(previous, f"{ROLLED_BACK}{stack[-1]}")
        return previous
