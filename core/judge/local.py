"""A language model on this machine, loaded by mlx-lm, and conversations as it reads them."""

import copy
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.judge.odds import shared_length
from core.judge.prompt import Message
from core.judge.tuned import WEIGHTS

#: What is fetched of a model: weights as safetensors, and what describes them. Nothing that runs code.
_FILES = ("*.json", "model*.safetensors", "tokenizer.model", "*.tiktoken", "*.txt", "*.jinja")


class LocalModel:
    """A loaded model with its tokenizer, its chat template, and its memory of how conversations begin.

    Args:
        name: a folder, or a name on the hub.
        adapter: a folder with a LoRA adapter for it, or nothing.

    Raises:
        ModelError: the libraries are not installed, the model is not here and cannot be had, or it is damaged.
    """

    def __init__(self, name: str, adapter: str = "") -> None:
        self.model, self.tokenizer, self.config = loaded(name, adapter)
        if not self.tokenizer.has_chat_template:
            raise ModelError(f"{name} has no chat template.", "Take a model that was tuned to follow instructions.")
        self._special = special_tokens(self.tokenizer)
        self._primed: dict[str, tuple[list[int], list[Any], int]] = {}

    def text(self, messages: Sequence[Message]) -> str:
        """The conversation as the model reads it, up to where its answer begins."""
        from jinja2 import TemplateError  # noqa: PLC0415

        try:
            return self._rendered(messages)
        except TemplateError:
            # Gemma and some others know no system message; to them it is the beginning of the user's.
            system, user = (message["content"] for message in messages)
            return self._rendered([{"role": "user", "content": f"{system}\n\n{user}"}])

    def encode(self, text: str) -> list[int]:
        """Its tokens; the chat template has put in all special ones."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

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
        from mlx_lm.models.cache import make_prompt_cache  # noqa: PLC0415

        beginning, cache, _ = self._beginning(messages)
        if beginning and tokens[: len(beginning)] == beginning and len(tokens) > len(beginning):
            return tokens[len(beginning) :], cache
        return tokens, make_prompt_cache(self.model)

    def _beginning(self, messages: Sequence[Message]) -> tuple[list[int], list[Any], int]:
        """The tokens that all conversations of this kind begin with, the memory of them, and how many are special."""
        system = messages[0]["content"]
        if system not in self._primed:
            import mlx.core as mx  # noqa: PLC0415
            from mlx_lm.models.cache import make_prompt_cache  # noqa: PLC0415

            # What two have in common ends at the last token that no title can change.
            ways = [
                self.encode(self.text([messages[0], {"role": "user", "content": f"<query>\ntitle: {title}"}]))
                for title in ("a", "0")
            ]
            beginning = ways[0][: shared_length(ways)]
            cache = make_prompt_cache(self.model)
            if beginning:
                self.model(mx.array(beginning)[None], cache=cache)
                mx.eval([part.state for part in cache])
            self._primed[system] = beginning, cache, sum(token in self._special for token in ways[0])
        return self._primed[system]

    def _rendered(self, messages: Sequence[Message]) -> str:
        # Thinking aloud is no part of the answer, and was none of what an adapter is tuned on.
        return str(
            self.tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        )


def copied(cache: list[Any]) -> list[Any]:
    """A memory that can be written to while the first stays as it is."""
    return copy.deepcopy(cache)


def loaded(name: str, adapter: str = "") -> tuple[Any, Any, dict[str, Any]]:
    """Model, tokenizer and configuration, ready to generate.

    Raises:
        ModelError: as `LocalModel`.
    """
    require_mlx()
    from mlx_lm import load  # noqa: PLC0415
    from mlx_lm.models.cache import make_prompt_cache  # noqa: PLC0415

    folder = find_model(name)
    if adapter and not (Path(adapter) / WEIGHTS).is_file():
        raise ModelError(f"There is no adapter in {adapter}.", "`samesku judge train` makes one.")
    try:
        model, tokenizer, config = load(str(folder), return_config=True)
    except Exception as error:  # whatever is in the files
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelError(f"{name} cannot be loaded: {said}", "Is it a model for mlx-lm?") from error
    if adapter:
        model = _with_adapter(name, model, adapter)
    if not all(hasattr(part, "merge") for part in make_prompt_cache(model)):
        raise ModelError(f"mlx-lm cannot ask {name} several questions at once.", "Take another model as the judge.")
    return model, tokenizer, config


def _with_adapter(name: str, model: Any, adapter: str) -> Any:
    from mlx_lm.tuner.utils import load_adapters  # noqa: PLC0415

    hint = "`samesku judge train` makes one for the model that it is given."
    try:
        model = load_adapters(model, adapter)
    except Exception as error:  # whatever is in the files
        # So mlx-lm says that the weights have other shapes than the model's; anything else is in the files.
        if type(error) is ValueError:
            raise ModelError(f"The adapter in {adapter} is for another model than {name}.", hint) from error
        raise ModelError(f"The adapter in {adapter} is damaged.", hint) from error
    model.eval()
    return model


def require_mlx() -> None:
    """Return if mlx-lm can run here.

    Raises:
        ModelError: it is not installed, or not for this machine.
    """
    try:
        import mlx.core  # noqa: F401, PLC0415
        import mlx_lm  # noqa: F401, PLC0415
    except ImportError as error:
        raise ModelError(
            "A language model on this machine needs mlx-lm, which is not installed here.",
            "From a clone: pip install -c constraints.txt '.[llm]', with an NVIDIA card '.[llm-cuda13]'.",
        ) from error


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
    return folder


def model_here(name: str) -> Path | None:
    """The folder of a model on this machine; None where it is not here. Nothing is downloaded.

    Raises:
        ModelError: no model can be called that, or it is a folder that is not there.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    absent = ModelError(f"There is no folder {name}.", "Name a folder, or a model on the hub.")
    if "/" in name and name.startswith(("/", ".", "~")):
        raise absent
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES), local_files_only=True))
    except HFValidationError:
        raise absent from None
    except LocalEntryNotFoundError:
        return None


def tokenizer_here(name: str) -> Any | None:
    """A model's tokenizer; None where the model or mlx-lm is not on this machine, or it knows no conversations.

    Raises:
        ModelError: as `model_here`.
    """
    folder = model_here(name)
    try:
        from mlx_lm.utils import load_tokenizer  # noqa: PLC0415

        tokenizer = None if folder is None else load_tokenizer(folder)
    except Exception:  # noqa: BLE001 - whatever is in the files; `judge train` says what is wrong
        return None
    return tokenizer if getattr(tokenizer, "has_chat_template", False) else None


def special_tokens(tokenizer: Any) -> frozenset[int]:
    """The tokens that a chat template makes turns of."""
    added = {token for token, what in tokenizer.added_tokens_decoder.items() if what.special}
    return frozenset(added | set(tokenizer.all_special_ids))


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    hint = "Name a folder with a model for mlx-lm as judge.mlx_model, or allow the hub for once: HF_HUB_OFFLINE=0."
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise ModelError(f"The model {name} is not on this machine, and the hub is switched off.", hint)
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    except Exception as error:  # every way in which a network fails
        said = str(error).strip().partition("\n")[0]
        raise ModelError(f"The model {name} cannot be had: {said}", hint) from error
