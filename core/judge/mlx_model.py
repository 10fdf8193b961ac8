"""A language model on this machine, loaded by mlx-lm, and conversations as it reads them."""

import copy
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.judge.chat_template import ChatTemplate
from core.judge.finetune.storage import WEIGHTS, adapter_in
from core.judge.logprobs import shared_length
from core.judge.prompt import Message
from core.model_files import check_adapter_files, check_language_model_files, model_errors, weights_file_with
from labels.files import open_regular

#: What is fetched of a model: weights as safetensors, and what describes them. Nothing that runs code.
_FILES = ("*.json", "model*.safetensors", "tokenizer.model", "*.tiktoken", "*.txt", "*.jinja")

MODEL_HINT = "Is it a model for mlx-lm? Name another one, or fetch this one again."
ADAPTER_HINT = "`samesku judge train` makes one for the model that it is given."


def find_model(name: str) -> Path:
    """The folder of a model, downloaded only if it is nowhere on this machine.

    Raises:
        ModelError: it cannot be had, or has no safetensors weights.
    """
    folder = model_here(name) or _from_hub(name)
    if not (folder / "config.json").is_file() or not any(folder.glob("model*.safetensors")):
        raise ModelError(
            f"{folder} holds no language model: config.json and model.safetensors are wanted.",
            "Pickled weights are not loaded: they can run code. Convert them with `python -m mlx_lm convert`.",
        )
    check_language_model_files(folder, MODEL_HINT)
    return folder


def whole_path(name: str) -> str:
    """A model as it is named on the command line or in a recipe: a folder by its whole path; a name on the hub stays.

    A job, which may go on with it, runs in another working folder.

    Raises:
        ModelError: the name begins with ~, and there is no such home folder.
    """
    try:
        folder = Path(name).expanduser()
    except RuntimeError as error:
        raise ModelError(f"There is no home folder for {name}.", "Write the whole path.") from error
    return str(folder.absolute()) if folder.is_dir() else name


def model_here(name: str) -> Path | None:
    """The folder of a model on this machine; None where it is not here. Nothing is downloaded.

    Raises:
        ModelError: no model can be called that, or it is a folder that is not there.
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
        return Path(snapshot_download(name, allow_patterns=list(_FILES), local_files_only=True))
    except HFValidationError:
        raise absent from None
    except (LocalEntryNotFoundError, RuntimeError):  # the last where there is no home folder with a cache in it
        return None


def check_here(name: str, adapter: str = "") -> None:
    """Check the files of a model and of its adapter, if they are on this machine; nothing is loaded.

    Raises:
        ModelError: as `model_here`, or a file asks for something that is never done, or is damaged.
    """
    if (folder := model_here(name)) is not None:
        check_language_model_files(folder, MODEL_HINT)
    if adapter:
        check_adapter_files(adapter_in(Path(adapter)), ADAPTER_HINT)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    hint = "Name a folder with a model for mlx-lm as judge.mlx_model, or allow the hub for once: HF_HUB_OFFLINE=0."
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise ModelError(f"The model {name} is not on this machine, and the hub is switched off.", hint)
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    except Exception as error:  # every way in which a network fails
        said = str(error).strip().partition("\n")[0]
        raise ModelError(f"The model {name} cannot be had: {said}", hint) from error


class LocalModel:
    """A loaded model with its tokenizer, its chat template, and its memory of how conversations begin.

    Args:
        name: a folder, or a name on the hub.
        adapter: a folder with a LoRA adapter for it, or nothing.

    Raises:
        ModelError: the libraries are not installed, the model is not here and cannot be had, or it is damaged.
    """

    def __init__(self, name: str, adapter: str = "") -> None:
        self._name = name
        self.model, self.tokenizer, self.config = loaded(name, adapter)
        if not self.tokenizer.has_chat_template:
            raise ModelError(f"{name} has no chat template.", "Take a model that was tuned to follow instructions.")
        # Thinking aloud is no part of the answer, and was none of what an adapter is tuned on.
        self._template = ChatTemplate(self.tokenizer, str(find_model(name)), thinking=False)
        self._special = special_tokens(self.tokenizer)
        self._vocabulary = vocabulary_size(self.model, self.tokenizer, name)
        self._primed: dict[str, tuple[list[int], list[Any], int]] = {}

    def text(self, messages: Sequence[Message]) -> str:
        """The conversation as the model reads it, up to where its answer begins."""
        return self._template.write(messages, answer_begins=True)

    def encode(self, text: str) -> list[int]:
        """Its tokens; the chat template has put in all special ones.

        Raises:
            ModelError: a token has no place in the model.
        """
        tokens = list(self.tokenizer.encode(text, add_special_tokens=False))
        require_known(tokens, self._vocabulary, self._name)
        return tokens

    def decode(self, tokens: list[int]) -> str:
        """The text of tokens."""
        return str(self.tokenizer.decode(tokens))

    def sound(self, messages: Sequence[Message], tokens: Sequence[int]) -> bool:
        """Whether all special tokens are the template's: no product's text became one."""
        return sum(token in self._special for token in tokens) == self._beginning(messages)[2]

    def remembered(self, messages: Sequence[Message], tokens: list[int]) -> tuple[list[int], list[Any]]:
        """What is still to be read of a conversation, and the memory of what comes before: all up to the listings.

        Whoever writes to the memory takes a copy, `copied`; mlx-lm's batches do so by themselves.
        """
        from mlx_lm.models.cache import make_prompt_cache

        beginning, cache, _ = self._beginning(messages)
        if beginning and tokens[: len(beginning)] == beginning and len(tokens) > len(beginning):
            return tokens[len(beginning) :], cache
        return tokens, make_prompt_cache(self.model)

    def _beginning(self, messages: Sequence[Message]) -> tuple[list[int], list[Any], int]:
        """The tokens that all conversations of this kind begin with, the memory of them, and how many are special."""
        system = messages[0]["content"]
        if system not in self._primed:
            import mlx.core as mx
            from mlx.utils import tree_flatten
            from mlx_lm.models.cache import make_prompt_cache

            # What two have in common ends at the last token that no title can change.
            ways = [
                self.encode(self.text([messages[0], {"role": "user", "content": f"<query>\ntitle: {title}"}]))
                for title in ("a", "0")
            ]
            beginning = ways[0][: shared_length(ways)]
            cache = make_prompt_cache(self.model)
            if beginning:
                self.model(mx.array(beginning)[None], cache=cache)
                states = [state for _, state in tree_flatten([part.state for part in cache]) if state is not None]
                mx.eval(states)
                if any(bool(mx.isnan(state).any()) for state in states):
                    raise _no_numbers(self._name)
            self._primed[system] = beginning, cache, sum(token in self._special for token in ways[0])
        return self._primed[system]


def copied(cache: list[Any]) -> list[Any]:
    """A memory that can be written to while the first stays as it is."""
    return copy.deepcopy(cache)


def loaded(name: str, adapter: str = "") -> tuple[Any, Any, dict[str, Any]]:
    """Model, tokenizer and configuration, ready to generate.

    Raises:
        ModelError: as `LocalModel`.
    """
    require_mlx()
    from mlx_lm import load
    from mlx_lm.models.cache import make_prompt_cache

    folder = find_model(name)
    if adapter and not (Path(adapter) / WEIGHTS).is_file():
        raise ModelError(f"There is no adapter in {adapter}.", ADAPTER_HINT)
    with model_errors(folder, MODEL_HINT):
        model, tokenizer, config = load(
            str(folder), return_config=True, trust_remote_code=False, tokenizer_config={"trust_remote_code": False}
        )
        _require_finite(model, folder, MODEL_HINT)
    if not all(isinstance(token, int) for token in tokenizer.eos_token_ids):
        named = "eos_token_id in config.json or generation_config.json names no tokens"
        raise ModelError(f"{folder} cannot be loaded: {named}.", MODEL_HINT)
    if adapter:
        model = _with_adapter(name, model, adapter)
    if not all(hasattr(part, "merge") for part in make_prompt_cache(model)):
        raise ModelError(f"mlx-lm cannot ask {name} several questions at once.", "Take another model as the judge.")
    return model, tokenizer, config


def _with_adapter(name: str, model: Any, adapter: str) -> Any:
    from mlx_lm.tuner.utils import load_adapters

    check_adapter_files(Path(adapter), ADAPTER_HINT)
    try:
        model = load_adapters(model, adapter)
    except Exception as error:  # whatever is in the files
        # So mlx-lm says that the weights have other shapes than the model's; anything else is in the files.
        if type(error) is ValueError:
            raise ModelError(f"The adapter in {adapter} is for another model than {name}.", ADAPTER_HINT) from error
        raise ModelError(f"The adapter in {adapter} is damaged.", ADAPTER_HINT) from error
    _require_finite(model, Path(adapter), ADAPTER_HINT)
    model.eval()
    return model


def _require_finite(model: Any, folder: Path, hint: str) -> None:
    """Return if all weights are finite numbers; those that are quantised are, and their scales are looked at.

    Raises:
        ModelError: one is not; the file and the weight are named.
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
    """How many tokens the model knows, of which the tokenizer's must be some: mlx reads past the end of a matrix.

    Raises:
        ModelError: the model's output is no number, or it cannot compute any.
    """
    import mlx.core as mx

    with model_errors(Path(name), MODEL_HINT):
        output = model(mx.array([[min(tokenizer.encode("a", add_special_tokens=False), default=0)]]))
        mx.eval(output)
    if bool(mx.isnan(output).any()):
        raise _no_numbers(name)
    return int(output.shape[-1])


def require_known(tokens: Sequence[int], vocabulary: int, name: str) -> None:
    """Return if a model has a place for all tokens.

    Raises:
        ModelError: its tokenizer is another model's.
    """
    if max(tokens, default=0) >= vocabulary:
        raise ModelError(
            f"{name} cannot be loaded: tokenizer.json has tokens that the model does not know.", MODEL_HINT
        )


def _no_numbers(name: str) -> ModelError:
    return ModelError(f"{name} cannot be used: it computes values that are no numbers from its weights.", MODEL_HINT)


def require_mlx() -> None:
    """Return if mlx-lm can run here.

    Raises:
        ModelError: it is not installed, or not for this machine.
    """
    try:
        import mlx.core  # noqa: F401
        import mlx_lm  # noqa: F401
    except ImportError as error:
        raise ModelError(
            "A language model on this machine needs mlx-lm, which is not installed here.",
            "From a clone: pip install -c constraints.txt '.[llm]', with an NVIDIA card '.[llm-cuda13]'.",
        ) from error


def tokenizer_here(name: str) -> Any | None:
    """A model's tokenizer; None where the model or mlx-lm is not on this machine, or it knows no conversations.

    Raises:
        ModelError: as `model_here`.
    """
    folder = model_here(name)
    try:
        from mlx_lm.utils import load_tokenizer

        if folder is None:
            return None
        check_language_model_files(folder, MODEL_HINT)
        with model_errors(folder, MODEL_HINT):
            tokenizer = load_tokenizer(folder, {"trust_remote_code": False})
    except Exception:  # noqa: BLE001 - whatever is in the files; `judge train` says what is wrong
        return None
    return tokenizer if getattr(tokenizer, "has_chat_template", False) else None


def special_tokens(tokenizer: Any) -> frozenset[int]:
    """The tokens that a chat template makes turns of."""
    added = {token for token, what in tokenizer.added_tokens_decoder.items() if what.special}
    return frozenset(added | set(tokenizer.all_special_ids))


_NAMED = (".json", ".safetensors", ".jinja")

#: Adapters are read whole; of weights larger than this, only both ends.
_WHOLE, _END = 64 * 2**20, 2**20


def fingerprint(model: str) -> str:
    """The folder's name and a digest of its files; the name alone of what is no folder here, a model on the hub.

    A model of several gigabytes takes milliseconds: of each large file, its size and both its ends count.

    Raises:
        ModelError: a file cannot be read.
    """
    folder = Path(model)
    if not (folder.is_absolute() and folder.is_dir()):
        return model
    digest = hashlib.sha256()
    try:
        for file in sorted(path for path in folder.iterdir() if path.suffix in _NAMED and path.is_file()):
            _add(digest, file)
    except OSError as error:
        raise ModelError(
            f"{error.filename or folder} cannot be read: {error.strerror}.", "Name another folder as the judge's model."
        ) from error
    return f"{folder.name}@{digest.hexdigest()[:8]}"


def _add(digest: "hashlib._Hash", file: Path) -> None:
    with open_regular(file) as opened:
        size = os.fstat(opened.fileno()).st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        if size <= _WHOLE:
            digest.update(hashlib.sha256(opened.read(_WHOLE)).digest())
        else:
            digest.update(opened.read(_END))
            opened.seek(-_END, os.SEEK_END)
            digest.update(opened.read(_END))
