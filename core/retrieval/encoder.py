"""Texts to vectors with a sentence-transformers model."""

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.model_files import check_encoder_files, model_errors, weights_file_with
from core.retrieval.encoder_files import EncoderModel, require_model_libraries

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn


Loaded = TypeVar("Loaded", bound="nn.Module")

#: Weights of the body of a transformer. Heads and poolers may be absent: the one is new where a model gets another
#: task, the other is not used for vectors.
_BODY = re.compile(r"(^|\.)(embeddings?|embed_tokens|word_embedding|wte|layers?|blocks?|h)\.")
#: Parts of a larger model that a text does not pass.
_OTHER = re.compile(r"decoder|vision|image|audio")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def load_checked(make: Callable[[], Loaded], first_use: Callable[[Loaded], object], folder: Path, hint: str) -> Loaded:
    """A model that sentence-transformers makes of the files in a folder.

    transformers gives weights that are missing random values, each time others, leaves out weights that the
    configuration has no place for, and only logs both: here they are errors, as are NaN and infinity.

    Args:
        make: makes it, with `trust_remote_code=False`, from safetensors alone.
        first_use: uses it once, so that what does not fit together shows now, and not in the middle of a run.
        folder: where the files are.
        hint: the way out that the error gives.

    Raises:
        ModelError: the files ask for something that is never done, or are damaged; which, and why.
    """
    check_encoder_files(folder, hint)
    with model_errors(folder, hint), _load_report() as report:
        try:
            model = make()
        except Exception as error:
            if wrong := report.having("MISMATCH"):
                raise _unfit(folder, wrong, hint) from error
            raise
    wrong = [name for name in report.having("MISSING", "UNEXPECTED") if _BODY.search(name) and not _OTHER.search(name)]
    if wrong:
        raise _unfit(folder, wrong, hint)
    if (name := weight_without_numbers(model)) is not None:
        raise ModelError(
            f"{weights_file_with(folder, name)} cannot be loaded: {name} holds values that are no finite numbers.", hint
        )
    _without_chat_template(model)
    with model_errors(folder, hint):
        first_use(model)
    return model


def weight_without_numbers(model: "nn.Module") -> str | None:
    """The first weight that holds NaN or infinity, by its name; None where all are finite."""
    import torch

    weights = ((name, weight) for name, weight in model.state_dict().items() if weight.is_floating_point())
    return next((name for name, weight in weights if not bool(torch.isfinite(weight).all())), None)


def _without_chat_template(model: Any) -> None:
    """Let no text be taken for a conversation: the template of a model's folder would run, for as long as it likes."""
    processor = getattr(model, "processor", None)
    if processor is not None and hasattr(processor, "chat_template"):
        processor.chat_template = None


def _unfit(folder: Path, names: list[str], hint: str) -> ModelError:
    return ModelError(
        f"{folder / 'config.json'} cannot be loaded: the weights beside it do not fit it, such as {names[0]}.", hint
    )


class _Report(logging.Handler):
    """What transformers logs of weights that a file lacks, or that have another shape."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[list[str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        lines = _ANSI.sub("", record.getMessage()).splitlines()
        self._rows += [[cell.strip() for cell in line.split("|")] for line in lines]

    def having(self, *statuses: str) -> list[str]:
        """The weights of one of these statuses."""
        return [row[0] for row in self._rows if len(row) > 1 and row[1] in statuses]


@contextmanager
def _load_report() -> Iterator[_Report]:
    """Hear the report, which goes nowhere else."""
    logger: Any = logging.getLogger("transformers.modeling_utils")
    before, report = (logger.level, logger.propagate), _Report()
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.addHandler(report)
    try:
        yield report
    finally:
        logger.removeHandler(report)
        logger.level, logger.propagate = before


_HINT = "`samesku models list` shows the others; `samesku models rollback` goes back to the one before."

#: The entries of two unit vectors that differ by less than this are equal but for the rounding of float32, whose step
#: at 1 is 1.2e-7. A cosine near 1 cannot tell this: its own rounding is as large as the difference.
_SAME = 1e-5
#: A vector of length 1 is no shorter than this, squared, whatever it is rounded to.
_SHORTEST = 0.5
#: Without as many words, no two products differ.
_FEWEST_WORDS = 2
#: How many texts are encoded between two reports of progress, and between two commits of the cache.
CHUNK = 512


class Encoder:
    """An encoder, loaded when it is first used: loading takes seconds, and a warm cache needs none of it."""

    def __init__(self, model: EncoderModel, *, max_tokens: int, batch_size: int) -> None:
        self.model = model
        self._max_tokens = max_tokens
        self._batch_size = batch_size
        self._loaded: SentenceTransformer | None = None

    def encode(
        self, texts: Sequence[str], on_chunk: Callable[[slice, NDArray[np.float32]], None] | None = None
    ) -> NDArray[np.float32]:
        """Vectors of the texts: float32, one row each, length 1, so that a dot product is the cosine.

        Args:
            texts: with their prefix already on.
            on_chunk: is given each chunk's place and vectors as soon as they are there.

        Raises:
            ModelError: the model cannot be loaded.
        """
        if self._loaded is None:
            self._loaded = load(self.model, self._max_tokens)
        chunks = [np.empty((0, self._loaded.get_embedding_dimension() or 0), np.float32)]
        for start in range(0, len(texts), CHUNK):
            part = slice(start, min(start + CHUNK, len(texts)))
            with model_errors(self.model.path, _HINT):
                vectors = _vectors(self._loaded, list(texts[part]), self._batch_size)
            chunks.append(vectors)
            if on_chunk:
                on_chunk(part, vectors)
        return np.concatenate(chunks)


def _vectors(model: "SentenceTransformer", texts: list[str], batch_size: int) -> NDArray[np.float32]:
    """The vectors of some texts.

    Raises:
        ValueError: one is no vector of numbers.
    """
    vectors: NDArray[np.float32] = model.encode(
        texts, batch_size=batch_size, normalize_embeddings=True, show_progress_bar=False
    ).astype(np.float32)
    if not np.isfinite(vectors).all():
        raise ValueError("it gives vectors that are no numbers")
    return vectors


def _first_vectors(model: "SentenceTransformer") -> None:
    """Encode something.

    Raises:
        ValueError: the vectors are none of numbers, or the same for texts that have nothing in common.
    """
    words = set(model.tokenizer.get_vocab()) - set(getattr(model.tokenizer, "all_special_tokens", ()))
    if len(words) < _FEWEST_WORDS:
        raise ValueError("its tokenizer has no words, so that all texts are the same to it")
    first, second = _vectors(model, ["a", "b 2 c 3 d 4 e 5 f 6"], batch_size=2)
    if float(first @ first) < _SHORTEST:
        raise ValueError("its vectors are all zero")
    if float(np.abs(first - second).max()) < _SAME:
        raise ValueError("it gives all texts one vector")


def load(model: EncoderModel, max_tokens: int) -> "SentenceTransformer":
    """The sentence-transformers model in a folder: safetensors alone, none of the folder's own code.

    Raises:
        ModelError: the libraries are not installed, or the folder is damaged.
    """
    require_model_libraries()
    quiet()
    from sentence_transformers import SentenceTransformer

    def make() -> SentenceTransformer:
        made = SentenceTransformer(
            str(model.path),
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
        # What is put before the texts stands in front of them already.
        made.default_prompt_name = None
        made.max_seq_length = min(max_tokens, made.max_seq_length or max_tokens)
        return made

    return load_checked(make, _first_vectors, model.path, _HINT)


def quiet() -> None:
    """Keep the libraries' own bars and notes off the terminal: progress is ours to show."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Notes to programmers on what will change in later releases.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|peft|torch")
    for name in ("sentence_transformers", "transformers", "peft", "datasets", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
