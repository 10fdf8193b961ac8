"""The queue of batches: what waits is prepared while a batch is answered, and nothing is lost or answered twice."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from samples import until

from core.serving.batching import BatchQueue, Preparation, QueueFullError


class Work:
    """Records what is prepared and answered; numbers below 0 need no preparation."""

    def __init__(self) -> None:
        self.prepared: list[list[int]] = []
        self.answered: list[list[int]] = []
        self.may_prepare, self.may_answer = threading.Event(), threading.Event()
        self.finished = 0

    def prepare(self, items: Sequence[int]) -> None:
        self.prepared.append(list(items))
        assert self.may_prepare.wait(60)
        if 13 in items:
            raise LookupError("13 cannot be prepared")

    def answer(self, items: Sequence[int]) -> list[int]:
        self.answered.append(list(items))
        assert self.may_answer.wait(60)
        return [-item for item in items]

    def finish(self) -> None:
        self.finished += 1

    def queue(self, **options: Any) -> BatchQueue[int, int]:
        return BatchQueue(
            self.answer,
            preparation=Preparation(lambda item: item >= 0, self.prepare),
            finish=self.finish,
            **{"max_batch": 8, "max_waiting": 20, "name": "test", **options},
        )


def test_what_waits_is_prepared_while_a_batch_is_answered() -> None:
    work = Work()
    work.may_prepare.set()
    queue = work.queue()
    first = queue.submit([1])
    until(lambda: work.answered == [[1]])
    others = [*queue.submit([2, 3]), *queue.submit([4])]
    until(lambda: sum(map(len, work.prepared)) == 4)
    assert work.answered == [[1]]
    work.may_answer.set()
    assert [each.result(60) for each in (*first, *others)] == [-1, -2, -3, -4]
    assert work.answered == [[1], [2, 3, 4]]
    queue.close()
    assert work.finished == 1


def test_what_needs_no_preparation_does_not_wait_for_it() -> None:
    work = Work()
    work.may_answer.set()
    queue = work.queue()
    (slow,), (quick,) = queue.submit([1]), queue.submit([-2])
    assert quick.result(60) == 2
    assert not slow.done()
    work.may_prepare.set()
    assert slow.result(60) == -1
    queue.close()
    assert work.prepared == [[1]]


def test_a_preparation_that_fails_fails_its_items_alone() -> None:
    work = Work()
    work.may_prepare.set()
    work.may_answer.set()
    queue = work.queue()
    (failed,) = queue.submit([13])
    with pytest.raises(LookupError):
        failed.result(60)
    (other,) = queue.submit([1])
    assert other.result(60) == -1
    queue.close()


def test_what_is_cancelled_is_neither_prepared_nor_answered() -> None:
    work = Work()
    queue = work.queue()
    (first,) = queue.submit([1])
    until(lambda: work.prepared == [[1]])
    cancelled, kept = queue.submit([2, 3])
    assert cancelled.cancel()
    assert first.cancel()
    work.may_prepare.set()
    work.may_answer.set()
    assert kept.result(60) == -3
    assert (work.prepared, work.answered) == ([[1], [3]], [[3]])
    queue.close()


def test_all_that_waits_counts_against_the_limit() -> None:
    work = Work()
    queue = work.queue(max_waiting=3)
    queue.submit([1])
    until(lambda: work.prepared == [[1]])
    queue.submit([2, -3])
    until(lambda: work.answered == [[-3]])
    assert queue.waiting == 2
    with pytest.raises(QueueFullError):
        queue.submit([4, 5])
    queue.submit([4])
    work.may_prepare.set()
    work.may_answer.set()
    queue.close()


def test_a_closed_queue_answers_what_waits_in_either_stage() -> None:
    work = Work()
    queue = work.queue(max_batch=2)
    futures = queue.submit([1, 2, 3, 4, 5, -6])
    closing = threading.Thread(target=queue.close)
    closing.start()
    work.may_prepare.set()
    work.may_answer.set()
    closing.join(60)
    assert [each.result(0) for each in futures] == [-1, -2, -3, -4, -5, 6]
    assert work.finished == 1
    with pytest.raises(QueueFullError):
        queue.submit([7])


def test_a_queue_that_was_never_used_ends() -> None:
    work = Work()
    work.queue().close()
    assert work.finished == 1
