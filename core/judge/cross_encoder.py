"""A judge without a language model: a small cross-encoder that reads both listings at once, trained on the labels."""

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
from core.judge.calibrated import load_training_pairs
from core.judge.finetune.storage import CARD, judges_folder
from core.judge.pair_context import PairContext
from core.judge.prompt import pair_of_texts
from core.judge.verdict import Answer, Verdict
from core.model_files import check_encoder_files, model_errors
from core.retrieval.encoder import load_checked, silence_libraries
from core.retrieval.encoder_files import require_model_libraries, weights_sha256
from core.retrieval.encoder_identity import changed_part
from core.workspace import Workspace
from labels.model import Pair

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

#: Tokens of both texts; of Walmart-Amazon's pairs, 97 in 100 are shorter.
MAX_TOKENS = 224
_BATCH = 32
_HINT = "`samesku judge train --cross-encoder` trains another."


@dataclass(frozen=True, slots=True)
class CrossEncoderCard:
    """What is written down of a trained cross-encoder.

    Attributes:
        base: id of the encoder that it was tuned from.
        sha256: of its weights; another file is not this model.
        created_at: ISO 8601, UTC.
        pairs: labelled pairs that it learnt from.
        matches: how many of them are matches.
        seconds: how long the training took.
        parts: a digest of each file that shapes its answers; empty where an earlier version has trained it.
    """

    id: str
    base: str
    sha256: str
    created_at: str
    pairs: int
    matches: int
    seconds: float
    parts: dict[str, str] = field(default_factory=dict)


def card_of(folder: Path) -> CrossEncoderCard:
    """The card of a trained cross-encoder.

    Raises:
        CoreError: it is damaged. FileNotFoundError: there is none.
    """
    return load(folder / CARD, CrossEncoderCard)


def cross_encoder_folder(workspace: Workspace) -> Path:
    """The newest trained cross-encoder.

    Raises:
        ModelError: none was trained yet.
    """
    folders = [card.parent for card in judges_folder(workspace).glob(f"cross-encoder-*/{CARD}")]
    if not folders:
        raise ModelError("No cross-encoder was trained yet.", "`samesku judge train --cross-encoder` does it.")
    # The id begins with the time of its training.
    return max(folders, key=lambda folder: folder.name)


def check_cross_encoder(workspace: Workspace) -> None:
    """Check the files of the newest trained cross-encoder; nothing is loaded.

    Raises:
        ModelError: none was trained yet, or a file asks for something that is never done, or is damaged.
    """
    check_encoder_files(cross_encoder_folder(workspace), _HINT)


class CrossEncoderJudge:
    """The cross-encoder in a folder, loaded when it is first asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._model: CrossEncoder | None = None

    @property
    def name(self) -> str:
        """Its id, which no other model has."""
        return self._folder.name

    def verdicts(self, cases: Iterable[PairContext]) -> Iterator[Verdict]:
        """One verdict for each case, batch by batch."""
        model = self._loaded()

        waiting = iter(cases)
        while batch := list(islice(waiting, _BATCH)):
            begun = time.monotonic()
            with model_errors(self._folder, _HINT):
                scores = log_odds_of(model, [pair_of_texts(case) for case in batch])
            seconds = (time.monotonic() - begun) / len(batch)
            for case, log_odds in zip(batch, scores, strict=True):
                answer = Answer.MATCH if log_odds >= 0 else Answer.NO_MATCH
                yield Verdict(answer, float(expit(log_odds)), log_odds, _reasoning(case), self.name, seconds)

    def taught(self) -> frozenset[Pair]:
        """The labelled pairs that it learnt from."""
        return load_training_pairs(self._folder)

    def close(self) -> None:
        """Let go of the model."""
        self._model = None

    def _loaded(self) -> "CrossEncoder":
        if self._model is None:
            try:
                card = card_of(self._folder)
            except FileNotFoundError:
                raise ModelError(
                    f"There is no cross-encoder {self.name}.", "`samesku judge train` makes one."
                ) from None
            if weights_sha256(self._folder) != card.sha256:
                raise ModelError(f"The weights of {self.name} are not those that were trained.", "Train it anew.")
            if card.parts and (changed := changed_part(self._folder, card.parts)):
                raise ModelError(f"{changed}.", _HINT)
            self._model = load_cross_encoder(self._folder)
        return self._model


def load_cross_encoder(folder: Path) -> "CrossEncoder":
    """A cross-encoder with one output, from safetensors alone; an encoder gets a new, untrained head.

    Raises:
        ModelError: the libraries are not installed, or the folder is damaged.
    """
    require_model_libraries()
    silence_libraries()
    from sentence_transformers import CrossEncoder

    def make() -> CrossEncoder:
        return CrossEncoder(
            str(folder),
            num_labels=1,
            max_length=MAX_TOKENS,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )

    return load_checked(make, lambda made: log_odds_of(made, [("a", "b")]), folder, _HINT)


def log_odds_of(model: "CrossEncoder", texts: list[tuple[str, str]]) -> list[float]:
    """The model's ln P(match) / P(no match) of each pair of texts.

    Raises:
        ValueError: a score is no number.
    """
    from torch import nn

    found = model.predict(texts, batch_size=_BATCH, activation_fn=nn.Identity(), show_progress_bar=False)
    scores = [float(value) for value in found]
    if not all(map(math.isfinite, scores)):
        raise ValueError("it gives scores that are no numbers")
    return scores


def _reasoning(case: PairContext) -> str:
    """A cross-encoder gives no reasons of its own; what it was told is what can be told."""
    equal, differs = (
        "\n".join(f"- {text}" for text in found) for found in (case.findings.equal, case.findings.differs)
    )
    return f"Similarities:\n{equal or '- none found'}\nDifferences:\n{differs or '- none found'}"
