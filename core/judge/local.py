"""A judge that runs a language model in this process, whichever library computes it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from core.errors import ModelError
from core.judge.completion import Completion, Question, verdict_from_completion, verdict_question
from core.judge.finetune.storage import load_training_pairs, resolve_adapter
from core.judge.logprobs import branch_token, find_verdict_position
from core.judge.model_folder import fingerprint
from core.judge.pair_context import PairContext
from core.judge.prompt import PROMPT_VERSION
from core.judge.prompt_encoder import PromptEncoder
from core.judge.verdict import VERDICT, Verdict
from labels.model import Pair

#: How a language model is asked: with its reasoning, for the verdict alone, or for the verdict in a short prompt.
Mode = Literal["reasoned", "fast", "short"]
_Model = TypeVar("_Model", bound=PromptEncoder)


class LocalJudge(ABC, Generic[_Model]):
    """Judges with a local language model; implements `StreamingJudge`, `TrainedJudge` and `LanguageModel`.

    Decoding is greedy, so the same pair always gets the same verdict. The name does not tell the library that computes
    the model, since its verdicts differ by rounding only.

    Args:
        model: a folder, or a name on the hub.
        adapter: the folder of a LoRA adapter or of a tuned judge, or an empty string.
        mode: `reasoned` generates reasons before the verdict; `fast` and `short` only score the two verdicts.
        max_tokens: maximum tokens of an answer.
    """

    def __init__(self, model: str, adapter: str, *, mode: Mode, max_tokens: int) -> None:
        self._model_name = model
        self._adapter = str(resolve_adapter(Path(adapter))) if adapter else ""
        self._fast = mode != "reasoned"
        self._mode = mode
        self._max_tokens = max_tokens
        self._loaded: _Model | None = None

    @abstractmethod
    def _load(self, model: str, adapter: str) -> _Model:
        """Load the model.

        Raises:
            ModelError: it is not available, or damaged.
        """

    @abstractmethod
    def _generate(self, model: _Model, states: Iterable["GenerationState"]) -> Iterator["GenerationState"]:
        """Yield each state when it is done, in input order. Closing the iterator cancels."""

    @abstractmethod
    def _stream(self, model: _Model, state: "GenerationState") -> Generator[str, None, None]:
        """Generate one answer, and yield its text in chunks."""

    @cached_property
    def name(self) -> str:
        """Model, adapter, mode and prompt version; folders are identified by a digest of their files."""
        mode = self._mode if self._fast else f"reasoned in {self._max_tokens} tokens"
        adapter = f" + {fingerprint(self._adapter)}" if self._adapter else ""
        return f"{fingerprint(self._model_name)}{adapter}, {mode}, prompt {PROMPT_VERSION}"

    def verdicts(self, contexts: Iterable[PairContext]) -> Iterator[Verdict]:
        """Yield one verdict per pair, in input order."""
        for completion in self.complete(map(partial(verdict_question, mode=self._mode), contexts)):
            yield verdict_from_completion(completion, self.name)

    def complete(self, questions: Iterable[Question]) -> Iterator[Completion]:
        """Yield one completion per question, in input order; see `LanguageModel.complete`."""
        for state in self._generate(self._model(), map(self._new_state, questions)):
            yield self._completion(state)

    def stream(self, context: PairContext) -> Generator[str, None, Verdict]:
        """Stream the reasoning; return the verdict. Without reasoning there is nothing to stream."""
        state = self._new_state(verdict_question(context, mode=self._mode))
        if not state.done:
            for text in self._stream(self._model(), state):
                if text and not self._fast:
                    yield text
        return verdict_from_completion(self._completion(state), self.name)

    def training_pairs(self) -> frozenset[Pair]:
        """The pairs that the adapter, or the model if an adapter was fused into it, was trained on."""
        folders = [Path(name) for name in (self._adapter, self._model_name) if name]
        return frozenset[Pair]().union(*map(load_training_pairs, folders))

    def close(self) -> None:
        """Release the model."""
        self._loaded = None

    def _model(self) -> _Model:
        if self._loaded is None:
            self._loaded = self._load(self._model_name, self._adapter)
        return self._loaded

    def _new_state(self, question: Question) -> "GenerationState":
        """The state before generation. A prompt with injected special tokens is done at once, without a verdict."""
        model = self._model()
        text = model.render(question.messages)
        branch = branch_token(model.encode, (text if self._fast else "\n\n") + VERDICT, question.options)
        tokens = branch.shared if self._fast else model.encode(text)
        max_tokens = 1 if self._fast else self._max_tokens
        if not model.has_only_template_specials(question.messages, tokens):
            return GenerationState([], None, (), max_tokens, len(tokens), done=True)
        prompt, cache = model.split_cached_prefix(question.messages, tokens)
        return GenerationState(prompt, cache, branch.tokens, max_tokens, len(tokens))

    def _completion(self, state: "GenerationState") -> Completion:
        if any(map(math.isnan, chain.from_iterable(state.logprobs.values()))):
            raise ModelError(
                f"{self._model_name} cannot be used: it computes probabilities that are NaN.",
                "Name another model as judge.mlx_model, or download this one again.",
            )
        if self._fast:
            return Completion("", state.logprobs.get(0), state.seconds, state.tokens_in, 0)
        decode = self._model().decode
        position = find_verdict_position(decode, state.tokens, list(state.logprobs))
        logprobs = None if position is None else state.logprobs[position]
        return Completion(decode(state.tokens), logprobs, state.seconds, state.tokens_in, len(state.tokens))


@dataclass(slots=True)
class GenerationState:
    """An answer while it is generated.

    Attributes:
        prompt: prompt tokens after the cached prefix; empty if nothing is to be generated.
        cache: the model's key-value cache of the prefix.
        options: the branch token of each option.
        max_tokens: tokens generated at most; 1 to score the options only.
        tokens_in: tokens of the whole prompt.
        tokens: the generated tokens, without the end token.
        logprobs: log-probability of each option, by position in `tokens`, wherever a branch token was generated; with
            `max_tokens` 1 at position 0 in any case.
        seconds: this answer's share of the processing time.
        done: whether generation has ended.
    """

    prompt: list[int]
    cache: Any
    options: tuple[int, ...]
    max_tokens: int
    tokens_in: int
    tokens: list[int] = field(default_factory=list)
    logprobs: dict[int, tuple[float, ...]] = field(default_factory=dict)
    seconds: float = 0.0
    done: bool = False

    def add(self, token: int, logprobs: Any, finish_reason: str | None) -> None:
        """Append a generated token.

        Args:
            token: the token.
            logprobs: of the whole vocabulary at this position, shape (vocabulary,).
            finish_reason: None; `length` for the last allowed token; `stop` for the end token, which is not kept.
        """
        if self.max_tokens == 1 or token in self.options:
            self.logprobs[len(self.tokens)] = tuple(float(logprobs[option]) for option in self.options)
        if finish_reason != "stop":
            self.tokens.append(token)
        self.done = finish_reason is not None
