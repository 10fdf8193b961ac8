"""A bounded queue whose single worker thread answers everything that waits in one batch.

There is no delay: an idle worker takes the first item at once, and what arrives meanwhile is the next batch. So batches
grow with the load, by themselves.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Weight of the last batch in the measured rate.
_RATE_WEIGHT = 0.3
#: Bounds of the advice when to try again, in seconds.
_MIN_RETRY_S, _MAX_RETRY_S = 1, 60


class QueueFullError(Exception):
    """There is no place in the queue.

    Attributes:
        retry_after_s: when there is likely to be one, in seconds.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class _Entry(Generic[Item, Result]):
    item: Item
    future: "Future[Result]" = field(default_factory=Future)


class BatchQueue(Generic[Item, Result]):
    """Items that wait for a worker thread, which starts with the first one.

    Args:
        answer: gives the results of some items, in their order; called in the worker thread.
        max_batch: items that are answered at once at most.
        max_waiting: items that may wait.
        name: of the thread.
        observe: called with the size of each batch.
        finish: called in the worker thread at its end.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        max_batch: int,
        max_waiting: int,
        name: str,
        observe: Callable[[int], None] = lambda _: None,
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        self._answer = answer
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._observe = observe
        self._finish = finish
        self._waiting: deque[_Entry[Item, Result]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._rate = 0.0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def waiting(self) -> int:
        """The number of items that wait."""
        return len(self._waiting)

    def submit(self, items: Sequence[Item]) -> "list[Future[Result]]":
        """Put items into the queue: all of them, or none. A cancelled future is not answered.

        Raises:
            QueueFullError: there is no place for all of them, or the queue is closed.
        """
        entries: list[_Entry[Item, Result]] = [_Entry(item) for item in items]
        with self._changed:
            if self._closed or len(self._waiting) + len(entries) > self._max_waiting:
                raise QueueFullError(self._retry_after())
            if not self._thread.ident:
                self._thread.start()
            self._waiting.extend(entries)
            self._changed.notify()
        return [entry.future for entry in entries]

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            started = bool(self._thread.ident)
        if started:
            self._thread.join()
        else:
            self._finish()

    def _retry_after(self) -> int:
        seconds = math.ceil(len(self._waiting) / self._rate) if self._rate else _MIN_RETRY_S
        return min(max(seconds, _MIN_RETRY_S), _MAX_RETRY_S)

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                active = [entry for entry in batch if entry.future.set_running_or_notify_cancel()]
                if active:
                    self._answer_batch(active)
        finally:
            self._finish()

    def _next_batch(self) -> list[_Entry[Item, Result]]:
        """What waits, up to the size of a batch; blocks while that is nothing. Empty once the queue is closed."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_batch))]

    def _answer_batch(self, batch: list[_Entry[Item, Result]]) -> None:
        self._observe(len(batch))
        started = time.monotonic()
        try:
            results = self._answer([entry.item for entry in batch])
        except BaseException as error:  # noqa: BLE001 - it belongs to those who wait for the results
            for entry in batch:
                entry.future.set_exception(error)
            return
        for entry, result in zip(batch, results, strict=True):
            entry.future.set_result(result)
        rate = len(batch) / max(time.monotonic() - started, 1e-6)
        self._rate = rate if not self._rate else (1 - _RATE_WEIGHT) * self._rate + _RATE_WEIGHT * rate
