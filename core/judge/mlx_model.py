"""Local language models for mlx-lm: locating and checking their files, loading, tokenizing, and prefix caching.

Models are loaded from safetensors only, and no code from a model's folder is run.
"""

import copy
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.judge.chat_template import ChatTemplate
from core.judge.finetune.storage import ADAPTER_WEIGHTS, resolve_adapter
from core.judge.logprobs import common_prefix_length
from core.judge.prompt import Message
from core.model_files import check_adapter_files, check_language_model_files, model_errors, weights_file_with
from labels.files import open_regular

#: Files that are downloaded from the hub: safetensors weights, configuration and tokenizer; nothing that runs code.
_HUB_FILES = ("*.json", "model*.safetensors", "tokenizer.model", "*.tiktoken", "*.txt", "*.jinja")

MODEL_HINT = "Is it a model for mlx-lm? Name another one, or download this one again."
ADAPTER_HINT = "`samesku judge train` makes one for the model that it is given."


def find_model(name: str) -> Path:
    """The folder of a model, downloaded only if it is not on this machine.

    Raises:
        ModelError: it is not available, or has no safetensors weights.
    """
    folder = find_local_model(name) or _download(name)
    if not (folder / "config.json").is_file() or not any(folder.glob("model*.safetensors")):
        raise ModelError(
            f"{folder} holds no language model: config.json and model.safetensors are required.",
            "Pickled weights are not loaded: they can run code. Convert them with `python -m mlx_lm convert`.",
        )
    check_language_model_files(folder, MODEL_HINT)
    return folder


def absolute_model_path(name: str) -> str:
    """A model name from the command line or a recipe: folders become absolute, names on the hub stay.

    Jobs run in another working directory and would not find a relative folder.

    Raises:
        ModelError: the name begins with ~, and there is no such home folder.
    """
    try:
        folder = Path(name).expanduser()
    except RuntimeError as error:
        raise ModelError(f"There is no home folder for {name}.", "Write the whole path.") from error
    return str(folder.absolute()) if folder.is_dir() else name


def find_local_model(name: str) -> Path | None:
    """The folder of a model if it is on this machine, else None. Nothing is downloaded.

    Raises:
        ModelError: the name is invalid, or is the path of a missing folder.
    """
    folder = Path(name)
    if folder.is_absolute() and folder.is_dir():
        return folder
    absent = ModelError(f"There is no folder {name}.", "Name a folder, or a model on the hub.")
    if "/" in name and name.startswith(("/", ".", "~")):
        raise absent
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError:
        return None
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES), local_files_only=True))
    except HFValidationError:
        raise absent from None
    except (LocalEntryNotFoundError, RuntimeError):  # RuntimeError: no home folder, hence no hub cache
        return None


def check_local_files(name: str, adapter: str = "") -> None:
    """Check the files of a model and its adapter if they are on this machine, without loading them.

    Raises:
        ModelError: as `find_local_model`; or a file is damaged, or requires something unsafe.
    """
    if (folder := find_local_model(name)) is not None:
        check_language_model_files(folder, MODEL_HINT)
    if adapter:
        check_adapter_files(resolve_adapter(Path(adapter)), ADAPTER_HINT)


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    hint = "Name a folder with a model for mlx-lm as judge.mlx_model, or allow downloads once: HF_HUB_OFFLINE=0."
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise ModelError(f"The model {name} is not on this machine, and the hub is switched off.", hint)
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES)))
    except Exception as error:  # any kind of network failure
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"The model {name} cannot be downloaded: {reason}", hint) from error


class LocalModel:
    """A loaded model with its tokenizer, its chat template, and a cache of prompt prefixes.

    Args:
        name: a folder, or a name on the hub.
        adapter: the folder of a LoRA adapter, or an empty string.

    Raises:
        ModelError: the libraries are not installed, or the model is not available or damaged.
    """

    def __init__(self, name: str, adapter: str = "") -> None:
        self._name = name
        self.model, self.tokenizer, self.config = load_model(name, adapter)
        if not self.tokenizer.has_chat_template:
            raise ModelError(f"{name} has no chat template.", "Use a model that is tuned to follow instructions.")
        # Thinking is not part of the answer, and adapters are trained without it.
        self._template = ChatTemplate(self.tokenizer, str(find_model(name)), thinking=False)
        self._special = special_tokens(self.tokenizer)
        self._vocabulary = vocabulary_size(self.model, self.tokenizer, name)
        self._prefixes: dict[str, tuple[list[int], list[Any], int]] = {}

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as text, up to the beginning of the model's answer."""
        return self._template.render(messages, answer_begins=True)

    def encode(self, text: str) -> list[int]:
        """The tokens of rendered text, which contains all special tokens already.

        Raises:
            ModelError: a token is outside the model's vocabulary.
        """
        tokens = list(self.tokenizer.encode(text, add_special_tokens=False))
        require_in_vocabulary(tokens, self._vocabulary, self._name)
        return tokens

    def decode(self, tokens: list[int]) -> str:
        """The text of tokens."""
        return str(self.tokenizer.decode(tokens))

    def has_only_template_specials(self, messages: Sequence[Message], tokens: Sequence[int]) -> bool:
        """Whether all special tokens come from the chat template and none from a listing's text."""
        return sum(token in self._special for token in tokens) == self._cached_prefix(messages)[2]

    def split_cached_prefix(self, messages: Sequence[Message], tokens: list[int]) -> tuple[list[int], list[Any]]:
        """Split a prompt into its cached prefix, up to the first listing, and the rest.

        Returns:
            the remaining tokens, and the key-value cache of the prefix. mlx-lm's batches copy the cache; anything else
            that writes to it needs `copy_cache`.
        """
        from mlx_lm.models.cache import make_prompt_cache

        prefix, cache, _ = self._cached_prefix(messages)
        if prefix and tokens[: len(prefix)] == prefix and len(tokens) > len(prefix):
            return tokens[len(prefix) :], cache
        return tokens, make_prompt_cache(self.model)

    def _cached_prefix(self, messages: Sequence[Message]) -> tuple[list[int], list[Any], int]:
        """The prefix shared by all prompts with this system message, its key-value cache, and its special tokens."""
        system = messages[0]["content"]
        if system not in self._prefixes:
            import mlx.core as mx
            from mlx.utils import tree_flatten
            from mlx_lm.models.cache import make_prompt_cache

            # The common prefix of two prompts ends before the first token that depends on a title.
            prompts = [
                self.encode(self.render([messages[0], {"role": "user", "content": f"<query>\ntitle: {title}"}]))
                for title in ("a", "0")
            ]
            prefix = prompts[0][: common_prefix_length(prompts)]
            cache = make_prompt_cache(self.model)
            if prefix:
                self.model(mx.array(prefix)[None], cache=cache)
                states = [state for _, state in tree_flatten([layer.state for layer in cache]) if state is not None]
                mx.eval(states)
                if any(bool(mx.isnan(state).any()) for state in states):
                    raise _computes_nan(self._name)
            self._prefixes[system] = prefix, cache, sum(token in self._special for token in prompts[0])
        return self._prefixes[system]


def copy_cache(cache: list[Any]) -> list[Any]:
    """A copy of a key-value cache that can be written to."""
    return copy.deepcopy(cache)


def load_model(name: str, adapter: str = "") -> tuple[Any, Any, dict[str, Any]]:
    """Load a model for generation.

    Returns:
        model, tokenizer and configuration.

    Raises:
        ModelError: as `LocalModel`.
    """
    require_mlx()
    from mlx_lm import load
    from mlx_lm.models.cache import make_prompt_cache

    folder = find_model(name)
    if adapter and not (Path(adapter) / ADAPTER_WEIGHTS).is_file():
        raise ModelError(f"There is no adapter in {adapter}.", ADAPTER_HINT)
    with model_errors(folder, MODEL_HINT):
        model, tokenizer, config = load(
            str(folder), return_config=True, trust_remote_code=False, tokenizer_config={"trust_remote_code": False}
        )
        _require_finite(model, folder, MODEL_HINT)
    if not all(isinstance(token, int) for token in tokenizer.eos_token_ids):
        reason = "eos_token_id in config.json or generation_config.json names no tokens"
        raise ModelError(f"{folder} cannot be loaded: {reason}.", MODEL_HINT)
    if adapter:
        model = _load_adapter(name, model, adapter)
    if not all(hasattr(layer, "merge") for layer in make_prompt_cache(model)):
        raise ModelError(f"mlx-lm cannot run {name} in batches.", "Use another model as the judge.")
    return model, tokenizer, config


def _load_adapter(name: str, model: Any, adapter: str) -> Any:
    from mlx_lm.tuner.utils import load_adapters

    check_adapter_files(Path(adapter), ADAPTER_HINT)
    try:
        model = load_adapters(model, adapter)
    except Exception as error:  # the files may contain anything
        # mlx-lm raises a plain ValueError if the shapes differ from the model's.
        if type(error) is ValueError:
            raise ModelError(f"The adapter in {adapter} is for another model than {name}.", ADAPTER_HINT) from error
        raise ModelError(f"The adapter in {adapter} is damaged.", ADAPTER_HINT) from error
    _require_finite(model, Path(adapter), ADAPTER_HINT)
    _require_effect(model, adapter)
    model.eval()
    return model


def _require_effect(model: Any, adapter: str) -> None:
    """Require that a LoRA adapter changes the model. mlx-lm leaves layers without weights in the file as they are.

    Raises:
        ModelError: its product of matrices is zero in all layers.
    """
    from mlx.utils import tree_flatten

    factors = [weight for name, weight in tree_flatten(model.parameters()) if name.endswith(".lora_b")]
    if factors and not any(weight.any().item() for weight in factors):
        raise ModelError(f"The adapter in {adapter} changes nothing: it holds no trained weights.", ADAPTER_HINT)


def _require_finite(model: Any, folder: Path, hint: str) -> None:
    """Require finite weights. Quantised weights are integers; their scales are checked.

    Raises:
        ModelError: a weight is NaN or infinite; the message names it and its file.
    """
    import mlx.core as mx
    from mlx.utils import tree_flatten

    for name, weight in tree_flatten(model.parameters()):
        if mx.issubdtype(weight.dtype, mx.floating) and not mx.isfinite(weight).all().item():
            raise ModelError(
                f"{weights_file_with(folder, name)} cannot be loaded: {name} holds values that are no finite numbers.",
                hint,
            )


def vocabulary_size(model: Any, tokenizer: Any, name: str) -> int:
    """The size of the model's vocabulary, from a forward pass. mlx does not check that token ids are within it.

    Raises:
        ModelError: the forward pass fails, or its output is NaN.
    """
    import mlx.core as mx

    with model_errors(Path(name), MODEL_HINT):
        output = model(mx.array([[min(tokenizer.encode("a", add_special_tokens=False), default=0)]]))
        mx.eval(output)
    if bool(mx.isnan(output).any()):
        raise _computes_nan(name)
    return int(output.shape[-1])


def require_in_vocabulary(tokens: Sequence[int], vocabulary: int, name: str) -> None:
    """Require token ids within a model's vocabulary.

    Raises:
        ModelError: one is not: the tokenizer belongs to another model.
    """
    if max(tokens, default=0) >= vocabulary:
        raise ModelError(
            f"{name} cannot be loaded: tokenizer.json has tokens that the model does not know.", MODEL_HINT
        )


def _computes_nan(name: str) -> ModelError:
    return ModelError(f"{name} cannot be used: it computes NaN from its weights.", MODEL_HINT)


def require_mlx() -> None:
    """Require mlx-lm.

    Raises:
        ModelError: it is not installed, or not for this platform.
    """
    try:
        import mlx.core  # noqa: F401
        import mlx_lm  # noqa: F401
    except ImportError as error:
        raise ModelError(
            "A language model on this machine needs mlx-lm, which is not installed here.",
            "From a clone: pip install -c constraints.txt '.[llm]', with an NVIDIA card '.[llm-cuda13]'.",
        ) from error


def load_local_tokenizer(name: str) -> Any | None:
    """The tokenizer of a local model; None if the model or mlx-lm is missing, or there is no chat template.

    Raises:
        ModelError: as `find_local_model`.
    """
    folder = find_local_model(name)
    try:
        from mlx_lm.utils import load_tokenizer

        if folder is None:
            return None
        check_language_model_files(folder, MODEL_HINT)
        with model_errors(folder, MODEL_HINT):
            tokenizer = load_tokenizer(folder, {"trust_remote_code": False})
    except Exception:  # noqa: BLE001 - the files may contain anything; `judge train` reports the problem
        return None
    return tokenizer if getattr(tokenizer, "has_chat_template", False) else None


def special_tokens(tokenizer: Any) -> frozenset[int]:
    """The ids of all special tokens, such as those that delimit the turns of a conversation."""
    added = {token for token, entry in tokenizer.added_tokens_decoder.items() if entry.special}
    return frozenset(added | set(tokenizer.all_special_ids))


#: Files that `fingerprint` covers.
_FINGERPRINTED_SUFFIXES = (".json", ".safetensors", ".jinja")
#: Files up to this many bytes are hashed completely, which includes every adapter; larger ones by both ends.
_MAX_HASHED_WHOLE = 64 * 2**20
_HASHED_END = 2**20


def fingerprint(model: str) -> str:
    """The folder's name and a digest of its files, or the name itself if it is a model on the hub.

    A model of several gigabytes takes milliseconds: of large files only the size and both ends are hashed.

    Raises:
        ModelError: a file cannot be read.
    """
    folder = Path(model)
    if not (folder.is_absolute() and folder.is_dir()):
        return model
    digest = hashlib.sha256()
    try:
        for file in sorted(p for p in folder.iterdir() if p.suffix in _FINGERPRINTED_SUFFIXES and p.is_file()):
            _hash_file(digest, file)
    except OSError as error:
        raise ModelError(
            f"{error.filename or folder} cannot be read: {error.strerror}.", "Name another folder as the judge's model."
        ) from error
    return f"{folder.name}@{digest.hexdigest()[:8]}"


def _hash_file(digest: "hashlib._Hash", path: Path) -> None:
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        if size <= _MAX_HASHED_WHOLE:
            digest.update(hashlib.sha256(file.read(_MAX_HASHED_WHOLE)).digest())
        else:
            digest.update(file.read(_HASHED_END))
            file.seek(-_HASHED_END, os.SEEK_END)
            digest.update(file.read(_HASHED_END))
