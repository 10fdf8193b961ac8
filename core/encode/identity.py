"""What makes an encoder's vectors what they are, as digests: two encoders of one identity give one vector to a text.

Weights, configuration, tokenizer, the modules after the transformer (pooling, normalisation, dense layers), and the
prefixes. Not the file formats' own versions, nor where a copy came from.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.encode.prefixes import Prefixes
from core.errors import ModelError
from core.model_config import RefusedError, parsed
from core.model_files import encoder_modules, weight_files

#: Of each module's folder, besides the weights. Prompts are in the prefixes; what a fast tokenizer reads is whole in
#: tokenizer.json, and the vocabularies beside it are then for others.
_CONFIGS = (
    "config.json", "modules.json", "sentence_*_config.json", "cnn_config.json", "lstm_config.json",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.json",
)  # fmt: skip
_VOCABULARIES = ("vocab.json", "vocab.txt", "merges.txt", "*.model", "tekken.json", "*.tiktoken")
#: Of no influence on a vector: who wrote the file, and where it was read from.
_FOREIGN = {"_name_or_path", "name_or_path", "transformers_version", "__version__"}

_HINT = "Name another folder as encoder.model, or fetch this one again."


def part_digests(folder: Path) -> dict[str, str]:
    """A digest of each file that shapes the vectors, by its place in the folder.

    Raises:
        ModelError: a file cannot be read, or is damaged.
    """
    try:
        found: dict[str, str] = {}
        for place in dict.fromkeys([folder, *(module.folder for module in encoder_modules(folder))]):
            files = [file for pattern in _CONFIGS for file in place.glob(pattern)]
            if not (place / "tokenizer.json").exists():
                files += [file for pattern in _VOCABULARIES for file in place.glob(pattern)]
            files += weight_files(place)
            found |= {str(file.relative_to(folder)): _digest(file) for file in files if file.is_file()}
    except RefusedError as refused:
        raise ModelError(f"{refused.file} cannot be loaded: {refused.why}.", _HINT) from None
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read: {error.strerror}.", _HINT) from error
    return dict(sorted(found.items()))


def encoder_identity(parts: Mapping[str, str], prefixes: Prefixes) -> str:
    """SHA-256 of all that shapes the vectors.

    Args:
        parts: as `part_digests` gives them.
        prefixes: what is put before the texts.
    """
    return hashlib.sha256(json.dumps([dict(parts), prefixes.query, prefixes.candidate]).encode()).hexdigest()


def changed_part(folder: Path, parts: Mapping[str, str]) -> str:
    """What of a model's folder is not as it was, a few words that begin with the file; empty where nothing is.

    Args:
        folder: where it lies.
        parts: as `part_digests` gave them then.

    Raises:
        ModelError: a file cannot be read, or is damaged.
    """
    now = part_digests(folder)
    # First the list of modules, which says what the others are.
    for name in sorted(now.keys() | parts.keys(), key=lambda name: (name != "modules.json", name)):
        if now.get(name) != parts.get(name):
            return f"{folder / name} is {'missing' if name not in now else 'not what was trained'}"
    return ""


def _digest(file: Path) -> str:
    if file.suffix == ".json" and file.name != "tokenizer.json":
        return hashlib.sha256(json.dumps(_own(parsed(file)), sort_keys=True).encode()).hexdigest()
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _own(value: Any) -> Any:
    return {key: inner for key, inner in value.items() if key not in _FOREIGN} if isinstance(value, dict) else value
