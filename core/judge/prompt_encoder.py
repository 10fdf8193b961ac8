"""Prompts as tokens of one local model, and the key-value cache of the part that all prompts share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from core.errors import ModelError
from core.judge.chat_template import ChatTemplate
from core.judge.logprobs import common_prefix_length
from core.judge.model_folder import MODEL_HINT, find_model
from core.judge.prompt import Message


class PromptEncoder(ABC):
    """Renders and tokenizes conversations for a loaded model, and reads what they share once.

    Args:
        tokenizer: the model's.
        name: a folder, or a name on the hub.
        vocabulary: number of tokens that the model knows.

    Raises:
        ModelError: the model has no chat template.
    """

    def __init__(self, tokenizer: Any, name: str, vocabulary: int) -> None:
        self.name = name
        self.tokenizer = tokenizer
        if not has_chat_template(tokenizer):
            raise ModelError(f"{name} has no chat template.", "Use a model that is tuned to follow instructions.")
        # Thinking is not part of the answer, and adapters are trained without it.
        self._template = ChatTemplate(tokenizer, str(find_model(name)), thinking=False)
        self._special = special_tokens(tokenizer)
        self._vocabulary = vocabulary
        self._prefixes: dict[str, tuple[list[int], Any, int]] = {}

    @abstractmethod
    def _new_cache(self) -> Any:
        """An empty key-value cache."""

    @abstractmethod
    def _read(self, tokens: list[int], cache: Any) -> None:
        """Run the model over tokens and add their keys and values to the cache.

        Raises:
            ModelError: it computes NaN.
        """

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as text, up to the beginning of the model's answer."""
        return self._template.render(messages, answer_begins=True)

    def encode(self, text: str) -> list[int]:
        """The tokens of rendered text, which contains all special tokens already.

        Raises:
            ModelError: a token is outside the model's vocabulary.
        """
        tokens = list(self.tokenizer.encode(text, add_special_tokens=False))
        require_in_vocabulary(tokens, self._vocabulary, self.name)
        return tokens

    def decode(self, tokens: list[int]) -> str:
        """The text of tokens."""
        return str(self.tokenizer.decode(tokens))

    def has_only_template_specials(self, messages: Sequence[Message], tokens: Sequence[int]) -> bool:
        """Whether all special tokens come from the chat template and none from a listing's text."""
        return sum(token in self._special for token in tokens) == self._cached_prefix(messages)[2]

    def split_cached_prefix(self, messages: Sequence[Message], tokens: list[int]) -> tuple[list[int], Any]:
        """Split a prompt into its cached prefix, up to the first listing, and the rest.

        Returns:
            the remaining tokens, and the key-value cache of the prefix. What writes to the cache has to copy it.
        """
        prefix, cache, _ = self._cached_prefix(messages)
        if prefix and tokens[: len(prefix)] == prefix and len(tokens) > len(prefix):
            return tokens[len(prefix) :], cache
        return tokens, self._new_cache()

    def _cached_prefix(self, messages: Sequence[Message]) -> tuple[list[int], Any, int]:
        """The prefix shared by all prompts with this system message, its key-value cache, and its special tokens."""
        system = messages[0]["content"]
        if system not in self._prefixes:
            # The common prefix of two prompts ends before the first token that depends on a title.
            before_title = messages[1]["content"].partition(": ")[0]
            prompts = [
                self.encode(self.render([messages[0], {"role": "user", "content": f"{before_title}: {title}"}]))
                for title in ("a", "0")
            ]
            prefix = prompts[0][: common_prefix_length(prompts)]
            cache = self._new_cache()
            if prefix:
                self._read(prefix, cache)
            self._prefixes[system] = prefix, cache, sum(token in self._special for token in prompts[0])
        return self._prefixes[system]


def has_chat_template(tokenizer: Any) -> bool:
    """Whether a tokenizer of mlx-lm or of transformers has a chat template."""
    return bool(getattr(tokenizer, "has_chat_template", getattr(tokenizer, "chat_template", None)))


def special_tokens(tokenizer: Any) -> frozenset[int]:
    """The ids of all special tokens, such as those that delimit the turns of a conversation."""
    added = {token for token, entry in tokenizer.added_tokens_decoder.items() if entry.special}
    return frozenset(added | set(tokenizer.all_special_ids))


def require_in_vocabulary(tokens: Sequence[int], vocabulary: int, name: str) -> None:
    """Require token ids within a model's vocabulary.

    Raises:
        ModelError: one is not: the tokenizer belongs to another model.
    """
    if max(tokens, default=0) >= vocabulary:
        raise ModelError(
            f"{name} cannot be loaded: tokenizer.json has tokens that the model does not know.", MODEL_HINT
        )


def computes_nan(name: str) -> ModelError:
    """The error of a model whose arithmetic fails."""
    return ModelError(f"{name} cannot be used: it computes NaN from its weights.", MODEL_HINT)
