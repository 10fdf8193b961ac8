"""A language model on this machine as a judge."""

import math
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Literal

from core.errors import ModelError
from core.judge.case import Case
from core.judge.fingerprint import fingerprint
from core.judge.local import LocalModel, copied
from core.judge.odds import fork, verdict_at
from core.judge.prompt import VERSION
from core.judge.said import Question, Said, question_about, verdict_of
from core.judge.taught import taught_in
from core.judge.tuned import adapter_in
from core.judge.verdict import VERDICT, Verdict
from core.judge.writing import Sheet, written
from labels.model import Pair


class MlxJudge:
    """Asks a model that mlx-lm runs in this process; see `core.judge.judge.TalkingJudge`.

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

    def verdicts(self, cases: Iterable[Case]) -> Iterator[Verdict]:
        """One verdict for each case, in their order; several are worked on at once."""
        for said in self.said(question_about(case) for case in cases):
            yield verdict_of(said, self.name)

    def said(self, questions: Iterable[Question]) -> Iterator[Said]:
        """What the model says to each question; see `core.judge.said.LanguageModel`."""
        for sheet in written(self._local(), map(self._sheet, questions)):
            yield self._read_off(sheet)

    def talk(self, case: Case) -> Generator[str, None, Verdict]:
        """The reasoning piece by piece, and in the end the verdict. In fast mode there is no reasoning."""
        from mlx_lm import stream_generate  # noqa: PLC0415

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
        return frozenset[Pair]().union(*map(taught_in, folders))

    def close(self) -> None:
        """Let go of the model."""
        self._loaded = None

    def _local(self) -> LocalModel:
        if self._loaded is None:
            self._loaded = LocalModel(self._model_name, self._adapter)
        return self._loaded

    def _sheet(self, question: Question) -> Sheet:
        """What is to be read and written; done already where the question is not sound, and then without a verdict."""
        local = self._local()
        text = local.text(question.messages)
        parting = fork(local.encode, (text if self._fast else "\n\n") + VERDICT, question.options)
        tokens = parting.shared if self._fast else local.encode(text)
        longest = 1 if self._fast else self._max_tokens
        if not local.sound(question.messages, tokens):
            return Sheet([], [], (), longest, len(tokens), done=True)
        rest, cache = local.remembered(question.messages, tokens)
        return Sheet(rest, cache, parting.tokens, longest, len(tokens))

    def _read_off(self, sheet: Sheet) -> Said:
        if any(map(math.isnan, chain.from_iterable(sheet.logs.values()))):
            raise ModelError(
                f"{self._model_name} cannot be used: it computes probabilities that are no numbers.",
                "Name another model as judge.mlx_model, or fetch this one again.",
            )
        if self._fast:
            return Said("", sheet.logs.get(0), sheet.seconds, sheet.tokens_in, 0)
        decode = self._local().decode
        text = decode(sheet.tokens)
        place = verdict_at(decode, sheet.tokens, list(sheet.logs))
        logs = None if place is None else sheet.logs[place]
        return Said(text, logs, sheet.seconds, sheet.tokens_in, len(sheet.tokens))
