"""A cross-encoder as a judge: a small encoder that reads both listings of a pair, trained on the labels."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from scipy.special import expit

from core.errors import ModelError
from core.json_store import load
from core.judge.finetune.storage import CARD_FILE, judges_folder, load_training_pairs
from core.judge.pair_context import PairContext
from core.judge.prompt import cross_encoder_texts
from core.judge.verdict import Answer, Verdict
from core.model_files import check_encoder_files, model_errors
from core.retrieval.encoder import load_checked, silence_libraries
from core.retrieval.encoder_files import require_model_libraries, weights_sha256
from core.retrieval.encoder_identity import changed_part
from core.workspace import Workspace
from labels.model import Pair

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

#: Tokens of both texts together; 97 % of Walmart-Amazon's pairs are shorter.
MAX_TOKENS = 224
_BATCH_SIZE = 32
_HINT = "`samesku judge train --cross-encoder` trains another."


@dataclass(frozen=True, slots=True)
class CrossEncoderCard:
    """The metadata file of a trained cross-encoder.

    Attributes:
        id: name of its folder.
        base: id of the encoder that it was initialised from.
        sha256: of its weights.
        created_at: ISO 8601, UTC.
        pairs: labelled pairs that it was trained on.
        matches: matches among them.
        seconds: duration of the training.
        parts: digests of the other files that affect its output; empty on cards of earlier versions.
    """

    id: str
    base: str
    sha256: str
    created_at: str
    pairs: int
    matches: int
    seconds: float
    parts: dict[str, str] = field(default_factory=dict)


def load_cross_encoder_card(folder: Path) -> CrossEncoderCard:
    """The card of a trained cross-encoder.

    Raises:
        CoreError: it is damaged.
        FileNotFoundError: there is none.
    """
    return load(folder / CARD_FILE, CrossEncoderCard)


def cross_encoder_folder(workspace: Workspace) -> Path:
    """The folder of the latest trained cross-encoder.

    Raises:
        ModelError: none was trained yet.
    """
    folders = [card.parent for card in judges_folder(workspace).glob(f"cross-encoder-*/{CARD_FILE}")]
    if not folders:
        raise ModelError("No cross-encoder was trained yet.", "`samesku judge train --cross-encoder` trains one.")
    # The name begins with the time of training.
    return max(folders, key=lambda folder: folder.name)


def check_cross_encoder(workspace: Workspace) -> None:
    """Check the files of the latest trained cross-encoder, without loading it.

    Raises:
        ModelError: none was trained yet, or a file is damaged or requires something unsafe.
    """
    check_encoder_files(cross_encoder_folder(workspace), _HINT)


class CrossEncoderJudge:
    """Judges with the cross-encoder in a folder, which is loaded on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._model: CrossEncoder | None = None

    @property
    def name(self) -> str:
        """Its unique id."""
        return self._folder.name

    def verdicts(self, contexts: Iterable[PairContext]) -> Iterator[Verdict]:
        """Yield one verdict per pair, in input order, batch by batch."""
        model = self._load()
        remaining = iter(contexts)
        while batch := list(islice(remaining, _BATCH_SIZE)):
            start = time.monotonic()
            with model_errors(self._folder, _HINT):
                scores = predict_log_odds(model, [cross_encoder_texts(context) for context in batch])
            seconds = (time.monotonic() - start) / len(batch)
            for context, log_odds in zip(batch, scores, strict=True):
                answer = Answer.MATCH if log_odds >= 0 else Answer.NO_MATCH
                yield Verdict(answer, float(expit(log_odds)), log_odds, _reasoning(context), self.name, seconds)

    def training_pairs(self) -> frozenset[Pair]:
        """The labelled pairs that it was trained on."""
        return load_training_pairs(self._folder)

    def close(self) -> None:
        """Release the model."""
        self._model = None

    def _load(self) -> "CrossEncoder":
        if self._model is None:
            try:
                card = load_cross_encoder_card(self._folder)
            except FileNotFoundError:
                raise ModelError(f"There is no cross-encoder {self.name}.", _HINT) from None
            if weights_sha256(self._folder) != card.sha256:
                raise ModelError(f"The weights of {self.name} are not those that were trained.", _HINT)
            if card.parts and (changed := changed_part(self._folder, card.parts)):
                raise ModelError(f"{changed}.", _HINT)
            self._model = load_cross_encoder(self._folder)
        return self._model


def load_cross_encoder(folder: Path) -> "CrossEncoder":
    """Load a cross-encoder with one output, from safetensors only; a plain encoder gets an untrained head.

    Raises:
        ModelError: the libraries are not installed, or the folder is damaged.
    """
    require_model_libraries()
    silence_libraries()
    from sentence_transformers import CrossEncoder

    def construct() -> CrossEncoder:
        return CrossEncoder(
            str(folder),
            num_labels=1,
            max_length=MAX_TOKENS,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )

    return load_checked(construct, lambda model: predict_log_odds(model, [("a", "b")]), folder, _HINT)


def predict_log_odds(model: "CrossEncoder", texts: list[tuple[str, str]]) -> list[float]:
    """Ln P(match) / P(no match) of each pair of texts.

    Raises:
        ValueError: a score is NaN or infinite.
    """
    from torch import nn

    raw = model.predict(texts, batch_size=_BATCH_SIZE, activation_fn=nn.Identity(), show_progress_bar=False)
    scores = [float(value) for value in raw]
    if not all(map(math.isfinite, scores)):
        raise ValueError("it gives scores that are no numbers")
    return scores


def _reasoning(context: PairContext) -> str:
    """A cross-encoder generates no text; the findings that it read stand in for a reasoning."""
    equal, differs = (
        "\n".join(f"- {text}" for text in statements)
        for statements in (context.findings.equal, context.findings.differs)
    )
    return f"Similarities:\n{equal or '- none found'}\nDifferences:\n{differs or '- none found'}"
