"""Encoding texts with a sentence-transformers model, and loading such a model safely.

Models are loaded from safetensors only, without code from their folder. Missing, unexpected or non-finite weights,
which transformers only logs, are errors here.
"""

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

from core.errors import ModelError, SettingsError
from core.model_files import check_encoder_files, model_errors, weights_file_with
from core.retrieval.encoder_files import EncoderModel, require_model_libraries

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn


_HINT = "`samesku models list` shows the others; `samesku models rollback` goes back to the one before."

#: Texts encoded between two progress reports, and between two commits of the cache.
CHUNK = 512


class Encoder:
    """An encoder that is loaded on first use: loading takes seconds, and a warm vector cache does not need it."""

    chunk = CHUNK

    def __init__(self, model: EncoderModel, *, max_tokens: int, batch_size: int) -> None:
        self.model = model
        self._max_tokens = max_tokens
        self._batch_size = batch_size
        self._loaded: SentenceTransformer | None = None

    @property
    def loaded(self) -> "SentenceTransformer":
        """The model itself.

        Raises:
            ModelError: it cannot be loaded.
        """
        if self._loaded is None:
            self._loaded = load(self.model, self._max_tokens)
        return self._loaded

    def __getstate__(self) -> dict[str, object]:
        """Without what was loaded: another process loads it from the same folder."""
        return vars(self) | {"_loaded": None}

    @property
    def uses_accelerator(self) -> bool:
        """Whether the model is on a GPU. Raises ModelError as `loaded`."""
        return bool(self.loaded.device.type != "cpu")

    def encode(
        self, texts: Sequence[str], on_chunk: Callable[[slice, NDArray[np.float32]], None] | None = None
    ) -> NDArray[np.float32]:
        """As `TextEncoder.encode` of `core.retrieval.vector_cache`."""
        model = self.loaded
        chunks = [np.empty((0, model.get_embedding_dimension() or 0), np.float32)]
        for start in range(0, len(texts), CHUNK):
            part = slice(start, min(start + CHUNK, len(texts)))
            with model_errors(self.model.path, _HINT):
                vectors = _vectors(model, list(texts[part]), self._batch_size)
            chunks.append(vectors)
            if on_chunk:
                on_chunk(part, vectors)
        return np.concatenate(chunks)


def load(model: EncoderModel, max_tokens: int, *, quantized: bool = False) -> "SentenceTransformer":
    """Load the sentence-transformers model in a folder, from safetensors only and without its code.

    Args:
        model: the encoder.
        max_tokens: longer texts are truncated.
        quantized: load the linear layers in 4 bits (NF4, double quantisation: Dettmers et al. 2023, arXiv:2305.14314).

    Raises:
        ModelError: the libraries are not installed, or the folder is damaged.
    """
    require_model_libraries()
    silence_libraries()
    from sentence_transformers import SentenceTransformer

    def make() -> SentenceTransformer:
        made = SentenceTransformer(
            str(model.path),
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True, **(_in_4_bits() if quantized else {})},
        )
        if quantized:
            _disable_cpu_packing(made)
        # The texts include their prefix already.
        made.default_prompt_name = None
        made.max_seq_length = min(max_tokens, made.max_seq_length or max_tokens)
        return made

    return load_checked(make, _first_vectors, model.path, _HINT)


def _in_4_bits() -> dict[str, Any]:
    import torch
    from transformers import BitsAndBytesConfig

    bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if bf16 else torch.float32,
    )
    return {"quantization_config": config}


def _disable_cpu_packing(model: "nn.Module") -> None:
    """Keep bitsandbytes from packing weights on some processors at the first forward pass.

    Packed weights are for inference: they have no gradients, and need a width that is a multiple of 64.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def leading_dimensions(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """Unit vectors of the leading dimensions of some vectors (Kusupati et al. 2022, arXiv:2205.13147).

    Args:
        vectors: unit vectors, float32 of shape (n, dimensions of the encoder).
        dimensions: number of dimensions to keep; 0 for all.

    Raises:
        SettingsError: the vectors are shorter.
    """
    if dimensions > vectors.shape[1]:
        raise SettingsError(
            f"encoder.dimensions is {dimensions}, and the vectors of the encoder have {vectors.shape[1]} dimensions.",
            "0 keeps all of them.",
        )
    if dimensions in {0, vectors.shape[1]}:
        return vectors
    prefixes = vectors[:, :dimensions]
    # A prefix of zeros stays one: its cosine with everything is 0.
    lengths = np.maximum(np.linalg.norm(prefixes, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    shortened: NDArray[np.float32] = prefixes / lengths
    return shortened


#: Two unit vectors are the same if all entries differ by less than this: float32 has a step of 1.2e-7 at 1. A cosine
#: near 1 cannot show it, since its own rounding is as large as the difference.
_SAME_VECTOR_TOLERANCE = 1e-5

#: Lower bound of the squared length of a unit vector, whatever its precision.
_MIN_SQUARED_LENGTH = 0.5

#: A tokenizer with a smaller vocabulary cannot tell two products apart.
_MIN_VOCABULARY = 2


def _first_vectors(model: "SentenceTransformer") -> None:
    """Encode two unrelated texts.

    Raises:
        ValueError: the vectors are not finite, zero, identical, or not of the declared dimension.
    """
    words = set(model.tokenizer.get_vocab()) - set(getattr(model.tokenizer, "all_special_tokens", ()))
    if len(words) < _MIN_VOCABULARY:
        raise ValueError("its tokenizer has no vocabulary, so that all texts are identical to it")
    first, second = _vectors(model, ["a", "b 2 c 3 d 4 e 5 f 6"], batch_size=2)
    declared = model.get_embedding_dimension()
    if declared is not None and len(first) != declared:
        raise ValueError(f"its vectors have {len(first)} dimensions, and its configuration says {declared}")
    if float(first @ first) < _MIN_SQUARED_LENGTH:
        raise ValueError("its vectors are all zero")
    if float(np.abs(first - second).max()) < _SAME_VECTOR_TOLERANCE:
        raise ValueError("it gives all texts the same vector")


def _vectors(model: "SentenceTransformer", texts: list[str], batch_size: int) -> NDArray[np.float32]:
    """Unit vectors of some texts.

    Raises:
        ValueError: a vector has NaN or infinite entries.
    """
    vectors: NDArray[np.float32] = model.encode(
        texts, batch_size=batch_size, normalize_embeddings=True, show_progress_bar=False
    ).astype(np.float32)
    if not np.isfinite(vectors).all():
        raise ValueError("it gives vectors with NaN or infinite entries")
    return vectors


Loaded = TypeVar("Loaded", bound="nn.Module")

#: Names of weights in the body of a transformer. Heads and poolers may be missing: a head is new when a model gets
#: another task, and a pooler is not used for the vectors.
_BODY = re.compile(r"(^|\.)(embeddings?|embed_tokens|word_embedding|wte|layers?|blocks?|h)\.")

#: Parts of a multimodal model that texts do not pass through.
_NON_TEXT = re.compile(r"decoder|vision|image|audio")


def load_checked(make: Callable[[], Loaded], first_use: Callable[[Loaded], object], folder: Path, hint: str) -> Loaded:
    """Load a model with sentence-transformers and check it.

    transformers initialises missing weights at random, drops weights that the configuration does not declare, and only
    logs both. Here they are errors, as are NaN and infinite weights.

    Args:
        make: constructs the model, with `trust_remote_code=False`, from safetensors only.
        first_use: runs the model once, so that inconsistent files fail now rather than in the middle of a run.
        folder: of the model files.
        hint: second sentence of the error.

    Raises:
        ModelError: the files require code, or are damaged.
    """
    check_encoder_files(folder, hint)
    with model_errors(folder, hint), _load_report() as report:
        try:
            model = make()
        except Exception as error:
            if mismatched := report.having("MISMATCH"):
                raise _weights_error(folder, mismatched, hint) from error
            raise
    faulty = [
        name for name in report.having("MISSING", "UNEXPECTED") if _BODY.search(name) and not _NON_TEXT.search(name)
    ]
    if faulty:
        raise _weights_error(folder, faulty, hint)
    if (name := non_finite_weight(model)) is not None:
        raise ModelError(
            f"{weights_file_with(folder, name)} cannot be loaded: {name} holds NaN or infinite values.", hint
        )
    _disable_chat_template(model)
    with model_errors(folder, hint):
        first_use(model)
    return model


def non_finite_weight(model: "nn.Module") -> str | None:
    """Name of the first weight with a NaN or infinite value; None if all are finite."""
    import torch

    weights = ((name, weight) for name, weight in model.state_dict().items() if weight.is_floating_point())
    return next((name for name, weight in weights if not bool(torch.isfinite(weight).all())), None)


def _disable_chat_template(model: Any) -> None:
    """Prevent texts from being formatted as chats: a template from the model folder is code without a time limit."""
    processor = getattr(model, "processor", None)
    if processor is not None and hasattr(processor, "chat_template"):
        processor.chat_template = None


def _weights_error(folder: Path, names: list[str], hint: str) -> ModelError:
    return ModelError(
        f"{folder / 'config.json'} cannot be loaded: the weights do not match it, such as {names[0]}.", hint
    )


_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class _LoadReport(logging.Handler):
    """Parses the table that transformers logs of missing, unexpected and mismatched weights."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[list[str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        lines = _ANSI.sub("", record.getMessage()).splitlines()
        self._rows += [[cell.strip() for cell in line.split("|")] for line in lines]

    def having(self, *statuses: str) -> list[str]:
        """Names of the weights with one of these statuses."""
        return [row[0] for row in self._rows if len(row) > 1 and row[1] in statuses]


@contextmanager
def _load_report() -> Iterator[_LoadReport]:
    """Capture the load report of transformers instead of logging it."""
    logger: Any = logging.getLogger("transformers.modeling_utils")
    before, report = (logger.level, logger.propagate), _LoadReport()
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.addHandler(report)
    try:
        yield report
    finally:
        logger.removeHandler(report)
        logger.level, logger.propagate = before


def silence_libraries() -> None:
    """Turn off the progress bars, logs and deprecation warnings of the model libraries."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|peft|torch")
    for name in ("sentence_transformers", "transformers", "peft", "datasets", "accelerate", "bitsandbytes"):
        logging.getLogger(name).setLevel(logging.ERROR)
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
