"""The encoders of a workspace: where they came from, how good they are, which one is in use."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.encode.models import EncoderModel, find_base, weights_sha256
from core.errors import ModelError
from core.settings import Settings
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a trained encoder.

    Attributes:
        parent: id of the encoder it was tuned from.
        sha256: of the merged weights; another file is not this model.
        recipe: the retrain settings.
        trained_on: counts of what it learnt from.
        metrics: on the validation set, by name.
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


class Registry:
    """models/: a folder per trained encoder, and champion.json with every promotion in order."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._folder = workspace.models
        self._base_name = settings.encoder.model

    def folder(self, model_id: str) -> Path:
        """Where a trained encoder lies."""
        return self._folder / model_id

    def add(self, card: ModelCard) -> None:
        """Write down a trained encoder whose files are in its folder."""
        _write(self.folder(card.id) / "model.json", asdict(card))

    def cards(self) -> list[ModelCard]:
        """All trained encoders, the oldest first."""
        if not self._folder.is_dir():
            return []
        folders = [folder for folder in self._folder.iterdir() if (folder / "model.json").is_file()]
        return sorted((self.card(folder.name) for folder in folders), key=lambda card: (card.created_at, card.id))

    def card(self, model_id: str) -> ModelCard:
        """One trained encoder.

        Raises:
            ModelError: there is none of that id, or its card is damaged.
        """
        try:
            return ModelCard(**json.loads((self.folder(model_id) / "model.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"There is no model {model_id} here.", "`samesku models list` shows them.") from error

    def get(self, model_id: str) -> EncoderModel:
        """A trained encoder, or the base by its id, ready to be loaded.

        Raises:
            ModelError: unknown, or its weights are not those that were trained.
        """
        if not (self.folder(model_id) / "model.json").is_file():
            base = self.base()
            if model_id == base.id:
                return base
        card = self.card(model_id)
        merged = self.folder(model_id) / "merged"
        if weights_sha256(merged) != card.sha256:
            raise ModelError(
                f"The weights of {model_id} are not those that were trained.",
                "Roll back with `samesku models rollback`, or retrain.",
            )
        return EncoderModel(card.id, merged, card.query_prefix, card.candidate_prefix)

    def base(self) -> EncoderModel:
        """The untuned encoder of the settings."""
        return find_base(self._base_name)

    def champion(self) -> EncoderModel:
        """The encoder in use: the one promoted last, else the base."""
        history = self.history()
        return self.get(history[-1]["model"]) if history else self.base()

    def champion_id(self) -> str | None:
        """Id of the encoder promoted last; None while it is the base."""
        history = self.history()
        return history[-1]["model"] if history else None

    def history(self) -> list[dict[str, str]]:
        """Every promotion, oldest first: `model`, `at`, `why`."""
        try:
            history = json.loads((self._folder / "champion.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{self._folder / 'champion.json'} is damaged.", "Remove it to go back to the base encoder."
            ) from error
        return [dict(entry) for entry in history]

    def promote(self, model_id: str, why: str) -> None:
        """Put an encoder in use; index again afterwards.

        Raises:
            ModelError: it is not here, or damaged.
        """
        self.get(model_id)
        entry = {"model": model_id, "at": datetime.now(UTC).isoformat(timespec="seconds"), "why": why}
        _write(self._folder / "champion.json", [*self.history(), entry])

    def rollback(self) -> str:
        """Go back to the encoder before the champion. Returns its id.

        Raises:
            ModelError: nothing was ever promoted.
        """
        history = self.history()
        if not history:
            raise ModelError("The base encoder is in use; there is nothing to go back to.")
        before = history[-2]["model"] if len(history) > 1 else self.base().id
        self.promote(before, f"rolled back from {history[-1]['model']}")
        return before

    def discard(self, model_id: str) -> None:
        """Remove what a failed run left."""
        shutil.rmtree(self.folder(model_id), ignore_errors=True)


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(path)
