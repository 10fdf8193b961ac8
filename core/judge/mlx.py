"""A judge that runs a language model in this process with mlx-lm."""

import math
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from core.errors import ModelError
from core.judge.completion import Completion, Question, verdict_from_completion, verdict_question
from core.judge.finetune.storage import load_training_pairs, resolve_adapter
from core.judge.logprobs import branch_token, find_verdict_position
from core.judge.mlx_model import LocalModel, copy_cache, fingerprint
from core.judge.pair_context import PairContext
from core.judge.prompt import PROMPT_VERSION
from core.judge.verdict import VERDICT, Verdict
from labels.model import Pair


class MlxJudge:
    """Judges with a local language model; implements `StreamingJudge`, `TrainedJudge` and `LanguageModel`.

    Decoding is greedy, so the same pair always gets the same verdict.

    Args:
        model: a folder, or a name on the hub.
        adapter: the folder of a LoRA adapter or of a tuned judge, or an empty string.
        mode: `reasoned` generates reasons before the verdict; `fast` only scores the two verdicts.
        max_tokens: maximum tokens of an answer.
    """

    def __init__(self, model: str, adapter: str, *, mode: Literal["reasoned", "fast"], max_tokens: int) -> None:
        self._model_name = model
        self._adapter = str(resolve_adapter(Path(adapter))) if adapter else ""
        self._fast = mode == "fast"
        self._max_tokens = max_tokens
        self._loaded: LocalModel | None = None

    @cached_property
    def name(self) -> str:
        """Model, adapter, mode and prompt version; folders are identified by a digest of their files."""
        mode = "fast" if self._fast else f"reasoned in {self._max_tokens} tokens"
        adapter = f" + {fingerprint(self._adapter)}" if self._adapter else ""
        return f"{fingerprint(self._model_name)}{adapter}, {mode}, prompt {PROMPT_VERSION}"

    def verdicts(self, contexts: Iterable[PairContext]) -> Iterator[Verdict]:
        """Yield one verdict per pair, in input order; pairs are processed in batches."""
        for completion in self.complete(verdict_question(context) for context in contexts):
            yield verdict_from_completion(completion, self.name)

    def complete(self, questions: Iterable[Question]) -> Iterator[Completion]:
        """Yield one completion per question, in input order; see `LanguageModel.complete`."""
        for state in generate(self._model(), map(self._new_state, questions)):
            yield self._completion(state)

    def stream(self, context: PairContext) -> Generator[str, None, Verdict]:
        """Stream the reasoning; return the verdict. In fast mode there is no reasoning."""
        from mlx_lm import stream_generate

        state = self._new_state(verdict_question(context))
        if not state.done:
            model = self._model()
            start = time.perf_counter()
            responses = stream_generate(
                model.model, model.tokenizer, state.prompt,
                max_tokens=state.max_tokens, prompt_cache=copy_cache(state.cache),
            )  # fmt: skip
            with closing(responses):
                for response in responses:
                    state.add(int(response.token), response.logprobs, response.finish_reason)
                    if response.text and not self._fast:
                        yield response.text
            state.seconds = time.perf_counter() - start
        return verdict_from_completion(self._completion(state), self.name)

    def training_pairs(self) -> frozenset[Pair]:
        """The pairs that the adapter, or the model if an adapter was fused into it, was trained on."""
        folders = [Path(name) for name in (self._adapter, self._model_name) if name]
        return frozenset[Pair]().union(*map(load_training_pairs, folders))

    def close(self) -> None:
        """Release the model."""
        self._loaded = None

    def _model(self) -> LocalModel:
        if self._loaded is None:
            self._loaded = LocalModel(self._model_name, self._adapter)
        return self._loaded

    def _new_state(self, question: Question) -> "GenerationState":
        """The state before generation. A prompt with injected special tokens is done at once, without a verdict."""
        model = self._model()
        text = model.render(question.messages)
        branch = branch_token(model.encode, (text if self._fast else "\n\n") + VERDICT, question.options)
        tokens = branch.shared if self._fast else model.encode(text)
        max_tokens = 1 if self._fast else self._max_tokens
        if not model.has_only_template_specials(question.messages, tokens):
            return GenerationState([], [], (), max_tokens, len(tokens), done=True)
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
    cache: list[Any]
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


#: Answers generated, and prompts read, concurrently; larger batches gain little and take memory.
BATCH_SIZE = 32


def generate(model: LocalModel, states: Iterable[GenerationState]) -> Iterator[GenerationState]:
    """Run continuous batching: yield each state when it is done, in input order. Closing the iterator cancels."""
    from mlx_lm.generate import BatchGenerator

    end_tokens = [[token] for token in model.tokenizer.eos_token_ids]
    batch = BatchGenerator(
        model.model, stop_tokens=end_tokens, completion_batch_size=BATCH_SIZE, prefill_batch_size=BATCH_SIZE
    )  # fmt: skip
    waiting = iter(states)
    order: deque[GenerationState] = deque()
    running: dict[int, GenerationState] = {}
    try:
        while True:
            # Refill in groups instead of one by one: prompts are read faster together.
            if len(running) <= BATCH_SIZE // 2:
                for state in islice(waiting, BATCH_SIZE - len(running)):
                    order.append(state)
                    if not state.done:
                        [uid] = batch.insert([state.prompt], [state.max_tokens], caches=[state.cache])
                        running[uid] = state
            if running:
                _generate_tokens(batch, running)
            elif not order:
                return
            while order and order[0].done:
                yield order.popleft()
    finally:
        batch.close()


def _generate_tokens(batch: Any, running: dict[int, GenerationState]) -> None:
    """Generate one token for every running state; finished ones are removed."""
    start, participants = time.perf_counter(), list(running.values())
    for response in batch.next_generated():
        state = running[response.uid]
        state.add(response.token, response.logprobs, response.finish_reason)
        if state.done:
            del running[response.uid]
    share = (time.perf_counter() - start) / len(participants)
    for state in participants:
        state.seconds += share
