"""Identity of an encoder: a digest of everything that determines its vectors.

It covers the weights, configuration, tokenizer, the modules after the transformer (pooling, normalisation, dense
layers) and the prefixes, but not library versions or the origin of a copy. Two encoders with the same identity give
the same vector to a text.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.model_files import RefusedError, encoder_modules, read_json, weight_files

#: Value of the prefix settings for the prefixes that the model was trained with.
AUTO = "auto"

#: Prompt names that sentence-transformers' `encode_query` and `encode_document` look up, in their order.
_QUERY_PROMPTS = ("query",)
_CANDIDATE_PROMPTS = ("document", "passage", "corpus")

_E5 = ("query: ", "passage: ")
_NOMIC = ("search_query: ", "search_document: ")
_NONE = ("", "")
_SIZES = ("small", "base", "large")
#: Query and candidate prefixes by name on the hub, from the model cards. BGE's cards advise no prefix where both texts
#: are of the same kind, as two listings are.
_PREFIXES_BY_MODEL: dict[str, tuple[str, str]] = {
    **dict.fromkeys((f"intfloat/e5-{size}{end}" for size in _SIZES for end in ("", "-v2")), _E5),
    **dict.fromkeys((f"intfloat/multilingual-e5-{size}" for size in _SIZES), _E5),
    **dict.fromkeys(("nomic-ai/nomic-embed-text-v1", "nomic-ai/nomic-embed-text-v1.5"), _NOMIC),
    **dict.fromkeys((f"BAAI/bge-{size}-en{end}" for size in _SIZES for end in ("", "-v1.5")), _NONE),
    **dict.fromkeys(("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-mpnet-base-v2"), _NONE),
}  # fmt: skip
_BY_SHORT_NAME = {name.rpartition("/")[2].casefold(): name for name in _PREFIXES_BY_MODEL}


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Prefixes of query and candidate texts.

    Attributes:
        origin: source of the prefixes, a few words.
    """

    query: str = ""
    candidate: str = ""
    origin: str = ""

    def __str__(self) -> str:
        """For display: `"query: " before queries, "passage: " before candidates (known for intfloat/e5-base-v2)`."""
        if not (self.query or self.candidate):
            return f"none ({self.origin})"
        return f'"{self.query}" before queries, "{self.candidate}" before candidates ({self.origin})'


def model_prefixes(name: str, folder: Path) -> Prefixes:
    """The prefixes that a model was trained with.

    Args:
        name: encoder.model of the settings: a path, or a name on the hub.
        folder: of the model.
    """
    if own := _own_prompts(folder):
        return Prefixes(*own, "the model's own prompts")
    if (hub_name := hub_name_of(name, folder)) in _PREFIXES_BY_MODEL:
        return Prefixes(*_PREFIXES_BY_MODEL[hub_name], f"known for {hub_name}")
    return Prefixes(origin="the model names no prompts; encoder.query_prefix and encoder.candidate_prefix set some")


def set_prefixes(found: Prefixes, query: str, candidate: str) -> Prefixes:
    """The prefixes with those of the settings substituted; AUTO keeps the model's."""
    if (query, candidate) == (AUTO, AUTO):
        return found
    return Prefixes(
        found.query if query == AUTO else query, found.candidate if candidate == AUTO else candidate, "settings"
    )


def hub_name_of(name: str, folder: Path) -> str:
    """The name on the hub of a model with known prefixes; empty if it is not recognised."""
    for candidate in _possible_names(name, folder):
        # intfloat/e5-base-v2, intfloat--e5-base-v2, intfloat_e5-base-v2
        short = candidate.replace("--", "/").rpartition("/")[2].casefold()
        for part in (short, short.partition("_")[2]):
            if part in _BY_SHORT_NAME:
                return _BY_SHORT_NAME[part]
    return ""


def cached_name(folder: Path) -> str:
    """The name on the hub of a folder in the Hugging Face cache; empty for other folders."""
    cached = (part for part in reversed(folder.parts) if part.startswith("models--"))
    return next((part.removeprefix("models--").replace("--", "/") for part in cached), "")


def _possible_names(name: str, folder: Path) -> Iterator[str]:
    yield name
    for path in (folder, folder.resolve()):
        yield cached_name(path)
        yield path.name
    yield str(_json(folder / "config.json").get("_name_or_path", ""))


def _own_prompts(folder: Path) -> tuple[str, str] | None:
    """The query and candidate prompts of the model's configuration; None if it defines none."""
    config = _json(folder / "config_sentence_transformers.json")
    prompts = config.get("prompts")
    if not isinstance(prompts, dict):
        return None
    # Applied where no prompt name is given.
    default = prompts.get(config.get("default_prompt_name"), "")
    query, candidate = (
        next((prompts[name] for name in names if name in prompts), default)
        for names in (_QUERY_PROMPTS, _CANDIDATE_PROMPTS)
    )
    if not (isinstance(query, str) and isinstance(candidate, str) and (query or candidate)):
        return None  # sentence-transformers saves empty prompts with every model
    return query, candidate


def _json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty if it is missing or damaged, which is an error when the model is loaded."""
    try:
        found = read_json(path)
    except (OSError, RefusedError):
        return {}
    return found if isinstance(found, dict) else {}


#: Files of each module folder that shape the vectors, besides the weights. Prompts are part of the prefixes. A fast
#: tokenizer reads tokenizer.json only; vocabularies count where that is missing.
_CONFIGS = (
    "config.json", "modules.json", "sentence_*_config.json", "cnn_config.json", "lstm_config.json",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.json",
)  # fmt: skip
_VOCABULARIES = ("vocab.json", "vocab.txt", "merges.txt", "*.model", "tekken.json", "*.tiktoken")
#: Keys without influence on the vectors: the library version and the origin.
_IGNORED_KEYS = {"_name_or_path", "name_or_path", "transformers_version", "__version__"}

_HINT = "Set another folder as encoder.model, or download this one again."


def part_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that shapes the vectors, by its path relative to the folder.

    Raises:
        ModelError: a file is unreadable or damaged.
    """
    try:
        found: dict[str, str] = {}
        for module_folder in dict.fromkeys([folder, *(module.folder for module in encoder_modules(folder))]):
            files = [file for pattern in _CONFIGS for file in module_folder.glob(pattern)]
            if not (module_folder / "tokenizer.json").exists():
                files += [file for pattern in _VOCABULARIES for file in module_folder.glob(pattern)]
            files += weight_files(module_folder)
            found |= {str(file.relative_to(folder)): _digest(file) for file in files if file.is_file()}
    except RefusedError as refused:
        raise ModelError(f"{refused.file} cannot be loaded: {refused.why}.", _HINT) from None
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read: {error.strerror}.", _HINT) from error
    return dict(sorted(found.items()))


def encoder_identity(parts: Mapping[str, str], prefixes: Prefixes) -> str:
    """SHA-256 of everything that shapes the vectors.

    Args:
        parts: from `part_digests`.
        prefixes: of queries and candidates.
    """
    return hashlib.sha256(json.dumps([dict(parts), prefixes.query, prefixes.candidate]).encode()).hexdigest()


def changed_part(folder: Path, parts: Mapping[str, str]) -> str:
    """The first file of a model folder that differs from its digest, and how; empty if none does.

    Args:
        folder: of the model.
        parts: from `part_digests` at training time.

    Raises:
        ModelError: a file is unreadable or damaged.
    """
    now = part_digests(folder)
    # modules.json first: it determines the other files.
    for name in sorted(now.keys() | parts.keys(), key=lambda name: (name != "modules.json", name)):
        if now.get(name) != parts.get(name):
            return f"{folder / name} is {'missing' if name not in now else 'not the file that was trained'}"
    return ""


def _digest(file: Path) -> str:
    if file.suffix == ".json" and file.name != "tokenizer.json":
        return hashlib.sha256(json.dumps(_without_ignored_keys(read_json(file)), sort_keys=True).encode()).hexdigest()
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _without_ignored_keys(value: Any) -> Any:
    return {key: each for key, each in value.items() if key not in _IGNORED_KEYS} if isinstance(value, dict) else value
