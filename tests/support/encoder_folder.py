"""An encoder's folder as far as its files go: enough to be found, checked and told from another, not to encode."""

import json
from pathlib import Path
from typing import Any

MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


def write_encoder_folder(folder: Path, weight: float = 1.0) -> Path:
    """The layout of sentence-transformers: a transformer, mean pooling, vectors of length 1."""
    write_weights(folder / "model.safetensors", weight)
    write_json(folder / "config.json", {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2})
    write_json(folder / "tokenizer.json", {"version": "1.0"})
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    write_json(folder / "modules.json", MODULES)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 256, "do_lower_case": False})
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True})
    return folder


def write_weights(path: Path, weight: float = 1.0) -> None:
    """One small matrix."""
    import numpy as np  # noqa: PLC0415
    from safetensors.numpy import save_file  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"a.weight": np.full((4, 4), weight, np.float32)}, path)


def write_json(path: Path, value: Any) -> None:
    """A file, its folder made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def edit_json(path: Path, **values: Any) -> None:
    """Some keys of the object in a file."""
    write_json(path, {**json.loads(path.read_text()), **values})
