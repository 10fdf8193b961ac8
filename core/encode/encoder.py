"""Texts to vectors with a sentence-transformers model."""

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.encode.installed import require_model_libraries
from core.encode.models import EncoderModel
from core.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

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
        self, texts: Sequence[str], on_chunk: Callable[[slice, "NDArray[np.float32]"], None] | None = None
    ) -> "NDArray[np.float32]":
        """Vectors of the texts: float32, one row each, length 1, so that a dot product is the cosine.

        Args:
            texts: with their prefix already on.
            on_chunk: is given each chunk's place and vectors as soon as they are there.

        Raises:
            ModelError: the model cannot be loaded.
        """
        import numpy as np  # noqa: PLC0415

        if self._loaded is None:
            self._loaded = load(self.model, self._max_tokens)
        chunks = [np.empty((0, self._loaded.get_embedding_dimension() or 0), np.float32)]
        for start in range(0, len(texts), CHUNK):
            part = slice(start, min(start + CHUNK, len(texts)))
            vectors: NDArray[np.float32] = self._loaded.encode(
                list(texts[part]), batch_size=self._batch_size, normalize_embeddings=True, show_progress_bar=False
            ).astype(np.float32)
            chunks.append(vectors)
            if on_chunk:
                on_chunk(part, vectors)
        return np.concatenate(chunks)


def load(model: EncoderModel, max_tokens: int) -> "SentenceTransformer":
    """The sentence-transformers model in a folder: safetensors alone, none of the folder's own code.

    Raises:
        ModelError: the libraries are not installed, or the folder is damaged.
    """
    require_model_libraries()
    quiet()
    from safetensors import SafetensorError  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    try:
        loaded = SentenceTransformer(
            str(model.path),
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, KeyError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"The encoder in {model.path} cannot be loaded: {str(error).splitlines()[0]}",
            "`samesku models list` shows the others; `samesku models rollback` goes back to the one before.",
        ) from error
    loaded.max_seq_length = min(max_tokens, loaded.max_seq_length or max_tokens)
    return loaded


def quiet() -> None:
    """Keep the libraries' own bars and notes off the terminal: progress is ours to show."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Notes to programmers on what will change in later releases.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|peft|torch")
    for name in ("sentence_transformers", "transformers", "peft", "datasets", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
    from transformers.utils import logging as transformers_logging  # noqa: PLC0415

    transformers_logging.disable_progress_bar()
