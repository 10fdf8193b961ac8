"""Many answers at once: mlx-lm's continuous batches, told apart again and in order."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from core.judge.local import LocalModel

#: So many answers are written at once, and so many prompts read; more gains little and takes memory.
AT_ONCE = 32


@dataclass(slots=True)
class Sheet:
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


def written(local: LocalModel, sheets: Iterable[Sheet]) -> Iterator[Sheet]:
    """Each sheet when it is full, in their order. Closing the iterator ends the work."""
    from mlx_lm.generate import BatchGenerator  # noqa: PLC0415

    stops = [[token] for token in local.tokenizer.eos_token_ids]
    batch = BatchGenerator(
        local.model, stop_tokens=stops, completion_batch_size=AT_ONCE, prefill_batch_size=AT_ONCE
    )  # fmt: skip
    waiting = iter(sheets)
    order: deque[Sheet] = deque()
    busy: dict[int, Sheet] = {}
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


def _step(batch: Any, busy: dict[int, Sheet]) -> None:
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
