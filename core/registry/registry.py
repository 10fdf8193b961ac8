"""The encoders of a workspace: where they came from, how good they are, which one is in use."""

import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from core.encode.models import EncoderModel, find_base, weights_sha256
from core.errors import CoreError, ModelError
from core.kept import keep, kept
from core.registry.card import ModelCard, Promotion
from core.settings import Settings
from core.workspace import Workspace


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
        keep(self.folder(card.id) / "model.json", asdict(card))

    def ids(self) -> list[str]:
        """Ids of all trained encoders, in no order."""
        if not self._folder.is_dir():
            return []
        return [folder.name for folder in self._folder.iterdir() if (folder / "model.json").is_file()]

    def is_trained(self, model_id: str) -> bool:
        """Whether it was trained here; else it is the base, or unknown."""
        return (self.folder(model_id) / "model.json").is_file()

    def cards(self) -> list[ModelCard]:
        """All trained encoders, the oldest first."""
        return sorted((self.card(model_id) for model_id in self.ids()), key=lambda card: (card.created_at, card.id))

    def card(self, model_id: str) -> ModelCard:
        """One trained encoder.

        Raises:
            ModelError: there is none of that id, or its card is damaged.
        """
        try:
            card = kept(self.folder(model_id) / "model.json", ModelCard)
        except FileNotFoundError:
            raise ModelError(f"There is no model {model_id} here.", "`samesku models list` shows them.") from None
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
        return self.get(history[-1].model) if history else self.base()

    def champion_id(self) -> str | None:
        """Id of the encoder promoted last; None while it is the base."""
        history = self.history()
        return history[-1].model if history else None

    def history(self) -> tuple[Promotion, ...]:
        """Every promotion, oldest first.

        Raises:
            ModelError: its file is damaged.
        """
        path = self._folder / "champion.json"
        try:
            return kept(path, tuple[Promotion, ...])
        except FileNotFoundError:
            return ()
        except CoreError as error:
            raise ModelError(f"{path} is damaged.", "Remove it to go back to the base encoder.") from error

    def promote(self, model_id: str, why: str) -> None:
        """Put an encoder in use; index again afterwards.

        Raises:
            ModelError: it is not here, or damaged.
        """
        self.get(model_id)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        history = (*self.history(), Promotion(model_id, now, why))
        keep(self._folder / "champion.json", [asdict(promotion) for promotion in history])

    def rollback(self) -> str:
        """Go back to the encoder before the champion. Returns its id.

        Raises:
            ModelError: nothing was ever promoted.
        """
        history = self.history()
        if not history:
            raise ModelError("The base encoder is in use; there is nothing to go back to.")
        before = history[-2].model if len(history) > 1 else self.base().id
        self.promote(before, f"rolled back from {history[-1].model}")
        return before

    def discard(self, model_id: str) -> None:
        """Remove what a failed run left."""
        shutil.rmtree(self.folder(model_id), ignore_errors=True)
