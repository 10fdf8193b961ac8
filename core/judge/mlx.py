"""A language model on this machine as a judge."""

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
from core.judge.calibrated import load_training_pairs
from core.judge.completion import Completion, Question, question_about, verdict_of
from core.judge.finetune.storage import adapter_in
from core.judge.logprobs import branch_token, verdict_at
from core.judge.mlx_model import LocalModel, copied, fingerprint
from core.judge.pair_context import PairContext
from core.judge.prompt import VERSION
from core.judge.verdict import VERDICT, Verdict
from labels.model import Pair

#: So many answers are written at once, and so many prompts read; more gains little and takes memory.
AT_ONCE = 32


@dataclass(slots=True)
class GenerationState:
    """An answer while it is written.

    Attributes:
        read: tokens of the prompt that are still to be read; none where nothing is asked.
        cache: the memory of those before.
        options: the token with which each option goes on where the verdict stands.
        longest: the most tokens that may be written; 1 to weigh the options only.
        tokens_in: how many the whole prompt has.
        tokens: what was written, without the token that ends it.
        logs: by place in `tokens`, the log-probability of each option, wherever one of them was written; where there
            is only one token to write, there in any case.
        seconds: its share of the time.
    """

    read: list[int]
    cache: list[Any]
    options: tuple[int, ...]
    longest: int
    tokens_in: int
    tokens: list[int] = field(default_factory=list)
    logs: dict[int, tuple[float, ...]] = field(default_factory=dict)
    seconds: float = 0.0
    done: bool = False

    def take(self, token: int, logprobs: Any, finish: str | None) -> None:
        """One more token.

        Args:
            token: which.
            logprobs: of the whole vocabulary at this place.
            finish: None, `length` where it is the last one, `stop` where it says no more than that.
        """
        if self.longest == 1 or token in self.options:
            self.logs[len(self.tokens)] = tuple(float(logprobs[option]) for option in self.options)
        if finish != "stop":
            self.tokens.append(token)
        self.done = finish is not None


def generate(local: LocalModel, sheets: Iterable[GenerationState]) -> Iterator[GenerationState]:
    """Each sheet when it is full, in their order. Closing the iterator ends the work."""
    from mlx_lm.generate import BatchGenerator

    stops = [[token] for token in local.tokenizer.eos_token_ids]
    batch = BatchGenerator(
        local.model, stop_tokens=stops, completion_batch_size=AT_ONCE, prefill_batch_size=AT_ONCE
    )  # fmt: skip
    waiting = iter(sheets)
    order: deque[GenerationState] = deque()
    busy: dict[int, GenerationState] = {}
    try:
        while True:
            # A few at a time, not one by one as places fall free: prompts are read faster together.
            if len(busy) <= AT_ONCE // 2:
                for sheet in islice(waiting, AT_ONCE - len(busy)):
                    order.append(sheet)
                    if not sheet.done:
                        [uid] = batch.insert([sheet.read], [sheet.longest], caches=[sheet.cache])
                        busy[uid] = sheet
            if busy:
                _step(batch, busy)
            elif not order:
                return
            while order and order[0].done:
                yield order.popleft()
    finally:
        batch.close()


def _step(batch: Any, busy: dict[int, GenerationState]) -> None:
    """One token more for all that are busy; those that are done leave."""
    began, sharing = time.perf_counter(), list(busy.values())
    for response in batch.next_generated():
        sheet = busy[response.uid]
        sheet.take(response.token, response.logprobs, response.finish_reason)
        if sheet.done:
            del busy[response.uid]
    share = (time.perf_counter() - began) / len(sharing)
    for sheet in sharing:
        sheet.seconds += share


class MlxJudge:
    """Asks a model that mlx-lm runs in this process; see `core.judge.interface.StreamingJudge`.

    The most likely token is taken each time, so the same case gets the same verdict.

    Args:
        model: a folder, or a name on the hub.
        adapter: a folder with a LoRA adapter for it, or a tuned judge's folder, or nothing.
        mode: whether it writes its reasons, or only its two verdicts are weighed.
        max_tokens: how long an answer may become.
    """

    def __init__(self, model: str, adapter: str, *, mode: Literal["reasoned", "fast"], max_tokens: int) -> None:
        self._model_name = model
        self._adapter = str(adapter_in(Path(adapter))) if adapter else ""
        self._fast = mode == "fast"
        self._max_tokens = max_tokens
        self._loaded: LocalModel | None = None

    @cached_property
    def name(self) -> str:
        """Model, adapter, mode and version of the prompt; folders with a digest of what is in them."""
        mode = "fast" if self._fast else f"reasoned in {self._max_tokens} tokens"
        adapter = f" + {fingerprint(self._adapter)}" if self._adapter else ""
        return f"{fingerprint(self._model_name)}{adapter}, {mode}, prompt {VERSION}"

    def verdicts(self, cases: Iterable[PairContext]) -> Iterator[Verdict]:
        """One verdict for each case, in their order; several are worked on at once."""
        for said in self.said(question_about(case) for case in cases):
            yield verdict_of(said, self.name)

    def said(self, questions: Iterable[Question]) -> Iterator[Completion]:
        """What the model says to each question; see `core.judge.completion.LanguageModel`."""
        for sheet in generate(self._local(), map(self._sheet, questions)):
            yield self._read_off(sheet)

    def stream(self, case: PairContext) -> Generator[str, None, Verdict]:
        """The reasoning piece by piece, and in the end the verdict. In fast mode there is no reasoning."""
        from mlx_lm import stream_generate

        sheet = self._sheet(question_about(case))
        if not sheet.done:
            local = self._local()
            began = time.perf_counter()
            answer = stream_generate(
                local.model, local.tokenizer, sheet.read, max_tokens=sheet.longest, prompt_cache=copied(sheet.cache)
            )
            with closing(answer):
                for piece in answer:
                    sheet.take(int(piece.token), piece.logprobs, piece.finish_reason)
                    if piece.text and not self._fast:
                        yield piece.text
            sheet.seconds = time.perf_counter() - began
        return verdict_of(self._read_off(sheet), self.name)

    def taught(self) -> frozenset[Pair]:
        """The labelled pairs that its adapter was trained on, or what was fused into it."""
        folders = [Path(name) for name in (self._adapter, self._model_name) if name]
        return frozenset[Pair]().union(*map(load_training_pairs, folders))

    def close(self) -> None:
        """Let go of the model."""
        self._loaded = None

    def _local(self) -> LocalModel:
        if self._loaded is None:
            self._loaded = LocalModel(self._model_name, self._adapter)
        return self._loaded

    def _sheet(self, question: Question) -> GenerationState:
        """What is to be read and written; done already where the question is not sound, and then without a verdict."""
        local = self._local()
        text = local.text(question.messages)
        parting = branch_token(local.encode, (text if self._fast else "\n\n") + VERDICT, question.options)
        tokens = parting.shared if self._fast else local.encode(text)
        longest = 1 if self._fast else self._max_tokens
        if not local.sound(question.messages, tokens):
            return GenerationState([], [], (), longest, len(tokens), done=True)
        rest, cache = local.remembered(question.messages, tokens)
        return GenerationState(rest, cache, parting.tokens, longest, len(tokens))

    def _read_off(self, sheet: GenerationState) -> Completion:
        if any(map(math.isnan, chain.from_iterable(sheet.logs.values()))):
            raise ModelError(
                f"{self._model_name} cannot be used: it computes probabilities that are no numbers.",
                "Name another model as judge.mlx_model, or fetch this one again.",
            )
        if self._fast:
            return Completion("", sheet.logs.get(0), sheet.seconds, sheet.tokens_in, 0)
        decode = self._local().decode
        text = decode(sheet.tokens)
        place = verdict_at(decode, sheet.tokens, list(sheet.logs))
        logs = None if place is None else sheet.logs[place]
        return Completion(text, logs, sheet.seconds, sheet.tokens_in, len(sheet.tokens))
