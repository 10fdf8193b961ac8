"""A bounded queue whose worker thread answers everything that waits in one batch.

There is no delay: an idle worker takes the first item at once, and what arrives meanwhile is the next batch. So batches
grow with the load, by themselves.

Items may be prepared first, by a thread of its own: while one batch is answered, what arrives is prepared for the next.
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
class Preparation(Generic[Item]):
    """A first stage of the work, such as one that computes outside the interpreter lock.

    Attributes:
        needed: whether an item needs it; called where items are submitted.
        prepare: prepares some items in place; called in the thread of the preparation.
    """

    needed: Callable[[Item], bool]
    prepare: Callable[[Sequence[Item]], None]


@dataclass(frozen=True)
class _Entry(Generic[Item, Result]):
    item: Item
    future: "Future[Result]" = field(default_factory=Future)


class BatchQueue(Generic[Item, Result]):
    """Items that wait for a worker thread, which starts with the first one.

    Args:
        answer: gives the results of some items, in their order; called in the worker thread.
        max_batch: items that are answered, or prepared, at once at most.
        max_waiting: items that may wait.
        name: of the thread.
        preparation: of the items, in a second thread; none by default.
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
        preparation: Preparation[Item] | None = None,
        observe: Callable[[int], None] = lambda _: None,
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        self._answer = answer
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._preparation = preparation
        self._observe = observe
        self._finish = finish
        self._unprepared: deque[_Entry[Item, Result]] = deque()
        self._preparing = 0
        self._ready: deque[_Entry[Item, Result]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._rate = 0.0
        self._threads = [threading.Thread(target=self._run, name=name, daemon=True)]
        if preparation is not None:
            prepare = threading.Thread(target=self._run_preparation, args=[preparation], name=f"{name}-preparation")
            prepare.daemon = True
            self._threads.append(prepare)

    @property
    def waiting(self) -> int:
        """The number of items that wait, those that are being prepared included."""
        return len(self._unprepared) + self._preparing + len(self._ready)

    def submit(self, items: Sequence[Item]) -> "list[Future[Result]]":
        """Put items into the queue: all of them, or none. A cancelled future is not answered.

        Raises:
            QueueFullError: there is no place for all of them, or the queue is closed.
        """
        entries: list[_Entry[Item, Result]] = [_Entry(item) for item in items]
        stage = self._preparation
        unprepared = [stage is not None and stage.needed(item) for item in items]
        with self._changed:
            if self._closed or self.waiting + len(entries) > self._max_waiting:
                raise QueueFullError(self._retry_after())
            for thread in self._threads:
                if not thread.ident:
                    thread.start()
            for entry, is_unprepared in zip(entries, unprepared, strict=True):
                (self._unprepared if is_unprepared else self._ready).append(entry)
            self._changed.notify_all()
        return [entry.future for entry in entries]

    def close(self) -> None:
        """Answer what waits, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            started = bool(self._threads[0].ident)
        if not started:
            self._finish()
            return
        for thread in self._threads:
            thread.join()

    def _retry_after(self) -> int:
        seconds = math.ceil(self.waiting / self._rate) if self._rate else _MIN_RETRY_S
        return min(max(seconds, _MIN_RETRY_S), _MAX_RETRY_S)

    # -- preparation ---------------------------------------------------------------------------------------------

    def _run_preparation(self, preparation: Preparation[Item]) -> None:
        while batch := self._next_unprepared():
            failure = _failure(preparation, batch)
            with self._changed:
                self._preparing = 0
                if failure is None:
                    self._ready.extend(batch)
                self._changed.notify_all()
            for entry in batch if failure is not None else ():
                if entry.future.set_running_or_notify_cancel():
                    entry.future.set_exception(failure)

    def _next_unprepared(self) -> list[_Entry[Item, Result]]:
        """As `_next_batch`, of what is to be prepared."""
        with self._changed:
            while not self._unprepared and not self._closed:
                self._changed.wait()
            batch = self._taken(self._unprepared)
            self._preparing = len(batch)
            return batch

    # -- answers -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                active = [entry for entry in batch if entry.future.set_running_or_notify_cancel()]
                if active:
                    self._answer_batch(active)
        finally:
            self._finish()

    def _next_batch(self) -> list[_Entry[Item, Result]]:
        """What is ready, up to the size of a batch; blocks while that is nothing. Empty once all is done."""
        with self._changed:
            while not self._ready and (not self._closed or self.waiting):
                self._changed.wait()
            return self._taken(self._ready)

    def _taken(self, entries: deque[_Entry[Item, Result]]) -> list[_Entry[Item, Result]]:
        return [entries.popleft() for _ in range(min(len(entries), self._max_batch))]

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


def _failure(preparation: Preparation[Item], batch: Sequence[_Entry[Item, Result]]) -> BaseException | None:
    """What the preparation of a batch fails with. What is cancelled is not prepared."""
    try:
        preparation.prepare([entry.item for entry in batch if not entry.future.cancelled()])
    except BaseException as error:  # noqa: BLE001 - it belongs to those who wait for the results
        return error
    return None
