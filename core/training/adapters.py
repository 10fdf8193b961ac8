"""LoRA adapters on disk: which base an adapter belongs to, loading it onto that base, and merging it into the weights.

An adapter alone does not say which weights it changes. Beside the files of peft lies `base.json` with the name and the
SHA-256 of the base; on another base the adapter is refused. An adapter that was trained elsewhere has no such file: the
shapes of its weights are all that ties it to a base.
"""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CoreError, ModelError
from core.json_store import load as load_json
from core.json_store import save
from core.model_files import check_peft_adapter_files, model_errors
from core.retrieval.encoder import load, non_finite_weight
from core.retrieval.encoder_files import EncoderModel, readable_save_errors, weights_sha256
from core.text.safe import safe
from core.training.adapter_check import verify_merge
from core.training.joined_model_numbers import join_model_numbers, joins_model_numbers, keep_normalizer

if TYPE_CHECKING:
    from peft import PeftModel
    from sentence_transformers import SentenceTransformer

#: Files of an adapter.
ADAPTER_CONFIG, ADAPTER_WEIGHTS, BASE_FILE = "adapter_config.json", "adapter_model.safetensors", "base.json"

_HINT = "Name the base that it was trained on: `samesku models merge FOLDER --base NAME`."
_DAMAGED_HINT = "Copy the adapter again from where it was trained, or train another."


@dataclass(frozen=True, slots=True)
class AdapterBase:
    """The base that an adapter was trained on.

    Attributes:
        model: its id.
        sha256: of its weights.
        join_model_numbers: whether the adapter was trained with a tokenizer that joins model numbers.
    """

    model: str
    sha256: str
    join_model_numbers: bool = False


def record_base(adapter: Path, base: EncoderModel, *, join_model_numbers: bool = False) -> None:
    """Write the base of an adapter into its folder, and whether its tokenizer joined model numbers.

    Raises:
        ModelError: the base cannot be read.
        CoreError: the file cannot be written.
    """
    record = AdapterBase(base.id, weights_sha256(base.path), join_model_numbers)
    save(adapter / BASE_FILE, asdict(record))


def recorded_base(adapter: Path) -> AdapterBase | None:
    """The base that is recorded in an adapter's folder; None for an adapter that was trained elsewhere.

    Raises:
        ModelError: the record is damaged.
        UnreadableError: this account may not read it.
    """
    try:
        return load_json(adapter / BASE_FILE, AdapterBase)
    except FileNotFoundError:
        return None
    except CoreError as error:
        raise ModelError(error.message, error.hint) from error


def require_base(adapter: Path, base: EncoderModel) -> None:
    """Require that an adapter belongs to a base, if it says which one it was trained on.

    Raises:
        ModelError: it was trained on other weights, or a file cannot be read.
    """
    recorded = recorded_base(adapter)
    if recorded is None:
        return
    actual = weights_sha256(base.path)
    if recorded.sha256 != actual:
        raise ModelError(
            f"The adapter in {adapter} was trained on {safe(recorded.model)[:100]} (SHA-256 of the weights"
            f" {safe(recorded.sha256)[:12]}…), not on {base.id} ({actual[:12]}…).",
            _HINT,
        )


def load_base(base: EncoderModel, adapter: Path, max_tokens: int) -> "SentenceTransformer":
    """Load the base of an adapter with the tokenizer that the adapter was trained with.

    Raises:
        ModelError: the base or the record of the adapter is damaged.
    """
    model = load(base, max_tokens)
    recorded = recorded_base(adapter)
    if recorded is not None and recorded.join_model_numbers:
        join_model_numbers(model)
    return model


def load_adapter(model: "SentenceTransformer", adapter: Path, base: EncoderModel) -> "PeftModel":
    """Load an adapter onto its base, which is changed in place.

    Args:
        model: the base, from `load_base`.
        adapter: folder of the adapter.
        base: the base on disk.

    Raises:
        ModelError: the adapter belongs to another base, requests something unsafe, is damaged, or does not match the
            layers of the base.
    """
    check_peft_adapter_files(adapter, _DAMAGED_HINT)
    require_base(adapter, base)
    from peft import PeftModel

    # peft only warns of layers without weights, and says nothing of weights that the base has no layer for.
    with model_errors(adapter, _DAMAGED_HINT), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = PeftModel.from_pretrained(model.transformers_model, str(adapter))
    if differing := sorted(_tensor_names(adapter) ^ _loaded_names(adapted)):
        raise ModelError(
            f"The adapter in {adapter} does not match the layers of {base.id}, such as {safe(differing[0])[:100]}.",
            _HINT,
        )
    if (name := non_finite_weight(adapted)) is not None:
        raise ModelError(
            f"{adapter / ADAPTER_WEIGHTS} cannot be loaded: {safe(name)[:100]} holds NaN or infinite values.",
            _DAMAGED_HINT,
        )
    return adapted


def _tensor_names(adapter: Path) -> set[str]:
    from safetensors import safe_open

    with safe_open(str(adapter / ADAPTER_WEIGHTS), framework="numpy") as opened:
        return set(opened.keys())


def _loaded_names(adapted: "PeftModel") -> set[str]:
    from peft import get_peft_model_state_dict

    return set(get_peft_model_state_dict(adapted, save_embedding_layers=False))


@dataclass(frozen=True, slots=True)
class MergedVectors:
    """Vectors of the same probe texts around a merge: float32 unit vectors, shape (texts, dimensions).

    Attributes:
        base: of the base in full precision.
        unmerged: of the base with the active adapter.
        merged: of the merged encoder as read back from disk.
    """

    base: NDArray[np.float32]
    unmerged: NDArray[np.float32]
    merged: NDArray[np.float32]


def merge_adapter(
    base: EncoderModel, adapter: Path, folder: Path, texts: Sequence[str], max_tokens: int
) -> MergedVectors:
    """Merge an adapter into a fresh copy of its base, and save the result as a plain encoder.

    The caller verifies the vectors.

    Args:
        base: the base on disk.
        adapter: folder of the adapter.
        folder: receives the merged encoder.
        texts: probe texts.
        max_tokens: longer texts are truncated.

    Raises:
        ModelError: as `load_adapter`, or the result cannot be written.
    """
    fresh = load_base(base, adapter, max_tokens)
    before = unit_vectors(fresh, texts)
    adapted = load_adapter(fresh, adapter, base)
    with model_errors(adapter, _DAMAGED_HINT):
        unmerged = unit_vectors(fresh, texts)
        adapted.merge_and_unload()
    save_encoder(fresh, folder)
    merged = unit_vectors(load(EncoderModel(folder.name, folder), max_tokens), texts)
    return MergedVectors(before, unmerged, merged)


def verified_merge(
    base: EncoderModel, adapter: Path, folder: Path, texts: Sequence[str], max_tokens: int
) -> dict[str, float]:
    """`merge_adapter` with the check that the adapter took. Returns the distances of `verify_merge`."""
    vectors = merge_adapter(base, adapter, folder, texts, max_tokens)
    return verify_merge(vectors.base, vectors.unmerged, vectors.merged)


def save_encoder(model: "SentenceTransformer", folder: Path) -> None:
    """Save an encoder as safetensors, without a model card.

    Raises:
        ModelError: it cannot be written.
    """
    with readable_save_errors(folder):
        write_encoder(model, folder)


def write_encoder(model: "SentenceTransformer", folder: Path) -> None:
    """`save_encoder` with the errors of the libraries."""
    model.save(str(folder), safe_serialization=True, create_model_card=False)
    if joins_model_numbers(model):
        keep_normalizer(folder)


def unit_vectors(model: "SentenceTransformer", texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of some texts, float32 of shape (texts, dimensions)."""
    vectors: Any = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(vectors, np.float32)
