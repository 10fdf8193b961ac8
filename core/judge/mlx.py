"""A judge that runs a language model in this process with mlx-lm."""

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

from core.judge.local import GenerationState, LocalJudge
from core.judge.mlx_model import LocalModel, computes_on_gpu, copy_cache


class MlxJudge(LocalJudge[LocalModel]):
    """A `LocalJudge` by mlx-lm. Pairs are processed in batches where there is a GPU."""

    def _load(self, model: str, adapter: str) -> LocalModel:
        return LocalModel(model, adapter)

    def _generate(self, model: LocalModel, states: Iterable[GenerationState]) -> Iterator[GenerationState]:
        return generate(model, states)

    def _stream(self, model: LocalModel, state: GenerationState) -> Generator[str, None, None]:
        from mlx_lm import stream_generate

        start = time.perf_counter()
        responses = stream_generate(
            model.model, model.tokenizer, state.prompt,
            max_tokens=state.max_tokens, prompt_cache=copy_cache(state.cache),
        )  # fmt: skip
        with closing(responses):
            for response in responses:
                state.add(int(response.token), response.logprobs, response.finish_reason)
                yield response.text
        state.seconds = time.perf_counter() - start


#: Answers generated, and prompts read, concurrently; larger batches gain little and take memory.
BATCH_SIZE = 32


def batch_size() -> int:
    """The batch size for the device that mlx computes on.

    A processor computes a batch in the time of its parts, so there each verdict is given as soon as it can be.
    """
    return BATCH_SIZE if computes_on_gpu() else 1


def generate(model: LocalModel, states: Iterable[GenerationState]) -> Iterator[GenerationState]:
    """Run continuous batching: yield each state when it is done, in input order. Closing the iterator cancels."""
    from mlx_lm.generate import BatchGenerator

    size = batch_size()
    end_tokens = [[token] for token in model.tokenizer.eos_token_ids]
    batch = BatchGenerator(
        model.model, stop_tokens=end_tokens, completion_batch_size=size, prefill_batch_size=size
    )  # fmt: skip
    waiting = iter(states)
    order: deque[GenerationState] = deque()
    running: dict[int, GenerationState] = {}
    try:
        while True:
            # Refill in groups instead of one by one: prompts are read faster together.
            if len(running) <= size // 2:
                for state in islice(waiting, size - len(running)):
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
