"""What makes an encoder's vectors what they are, as digests: two encoders of one identity give one vector to a text.

Weights, configuration, tokenizer, the modules after the transformer (pooling, normalisation, dense layers), and the
prefixes. Not the file formats' own versions, nor where a copy came from.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.model_files import RefusedError, encoder_modules, read_json, weight_files

#: As a setting: what the model was trained with.
AUTO = "auto"

#: By the names that sentence-transformers' `encode_query` and `encode_document` look for, in their order.
_QUERY_PROMPTS = ("query",)
_CANDIDATE_PROMPTS = ("document", "passage", "corpus")

_E5 = ("query: ", "passage: ")
_NOMIC = ("search_query: ", "search_document: ")
_NONE = ("", "")
_SIZES = ("small", "base", "large")
#: Prefixes by name on the hub, for queries and for candidates, from the models' cards there. BGE's cards advise none
#: where both texts are of one kind, as two listings are.
_KNOWN: dict[str, tuple[str, str]] = {
    **dict.fromkeys((f"intfloat/e5-{size}{end}" for size in _SIZES for end in ("", "-v2")), _E5),
    **dict.fromkeys((f"intfloat/multilingual-e5-{size}" for size in _SIZES), _E5),
    **dict.fromkeys(("nomic-ai/nomic-embed-text-v1", "nomic-ai/nomic-embed-text-v1.5"), _NOMIC),
    **dict.fromkeys((f"BAAI/bge-{size}-en{end}" for size in _SIZES for end in ("", "-v1.5")), _NONE),
    **dict.fromkeys(("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-mpnet-base-v2"), _NONE),
}  # fmt: skip
_BY_SHORT_NAME = {name.rpartition("/")[2].casefold(): name for name in _KNOWN}


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What is put before the texts.

    Attributes:
        origin: where that is known from, a few words.
    """

    query: str = ""
    candidate: str = ""
    origin: str = ""

    def __str__(self) -> str:
        """For people, such as `"query: " and "passage: " (known for intfloat/e5-base-v2)`."""
        if not (self.query or self.candidate):
            return f"none ({self.origin})"
        return f'"{self.query}" before queries, "{self.candidate}" before candidates ({self.origin})'


def model_prefixes(name: str, folder: Path) -> Prefixes:
    """The prefixes that a model was trained with.

    Args:
        name: as the settings call it: a path, or a name on the hub.
        folder: where it lies.
    """
    if own := _own_prompts(folder):
        return Prefixes(*own, "the model's own prompts")
    if (hub_name := hub_name_of(name, folder)) in _KNOWN:
        return Prefixes(*_KNOWN[hub_name], f"known for {hub_name}")
    return Prefixes(origin="the model names no prompts; encoder.query_prefix and encoder.candidate_prefix set some")


def set_prefixes(found: Prefixes, query: str, candidate: str) -> Prefixes:
    """The same with what the settings say in their place; AUTO leaves what was found."""
    if (query, candidate) == (AUTO, AUTO):
        return found
    return Prefixes(
        found.query if query == AUTO else query, found.candidate if candidate == AUTO else candidate, "settings"
    )


def hub_name_of(name: str, folder: Path) -> str:
    """The name on the hub, where it can be recognised, as it is written there; else an empty text."""
    for spelled in _names(name, folder):
        # intfloat/e5-base-v2, intfloat--e5-base-v2, intfloat_e5-base-v2
        short = spelled.replace("--", "/").rpartition("/")[2].casefold()
        for part in (short, short.partition("_")[2]):
            if part in _BY_SHORT_NAME:
                return _BY_SHORT_NAME[part]
    return ""


def cached_name(folder: Path) -> str:
    """The name on the hub that the Hugging Face cache has a folder under; empty where it is none of the cache."""
    cached = (part for part in reversed(folder.parts) if part.startswith("models--"))
    return next((part.removeprefix("models--").replace("--", "/") for part in cached), "")


def _names(name: str, folder: Path) -> Iterator[str]:
    yield name
    for path in (folder, folder.resolve()):
        yield cached_name(path)
        yield path.name
    yield str(_json(folder / "config.json").get("_name_or_path", ""))


def _own_prompts(folder: Path) -> tuple[str, str] | None:
    """What the model's own configuration puts before queries and candidates; None where it names nothing."""
    config = _json(folder / "config_sentence_transformers.json")
    prompts = config.get("prompts")
    if not isinstance(prompts, dict):
        return None
    # Put before every text that is encoded under no other name.
    usual = prompts.get(config.get("default_prompt_name"), "")
    query, candidate = (
        next((prompts[name] for name in names if name in prompts), usual)
        for names in (_QUERY_PROMPTS, _CANDIDATE_PROMPTS)
    )
    if not (isinstance(query, str) and isinstance(candidate, str) and (query or candidate)):
        return None  # sentence-transformers writes empty ones into every model that it saves
    return query, candidate


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; an empty one where there is none: what is damaged is refused when the model is loaded."""
    try:
        found = read_json(path)
    except (OSError, RefusedError):
        return {}
    return found if isinstance(found, dict) else {}


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
        return hashlib.sha256(json.dumps(_own(read_json(file)), sort_keys=True).encode()).hexdigest()
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _own(value: Any) -> Any:
    return {key: inner for key, inner in value.items() if key not in _FOREIGN} if isinstance(value, dict) else value
