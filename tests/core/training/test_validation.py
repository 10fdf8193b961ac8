"""How the training is watched: which queries, by what measure, and how often."""

from collections.abc import Sequence

import numpy as np
import pytest

from core.retrieval.candidates import Candidate
from core.training.trainer_hooks import (
    ProbeQuery,
    affordable_probes,
    draw_probes,
    is_measured_after,
    mean_reciprocal_rank,
)
from labels.model import ProductRef


class Angles:
    """A model whose texts are angles in degrees."""

    training = True

    def __init__(self) -> None:
        self.modes: list[bool] = []

    def encode(self, texts: Sequence[str], **_: object) -> np.ndarray:
        self.training = False
        angles = np.radians([float(text.partition(" ")[0]) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def train(self, mode: bool) -> None:
        self.training = mode


def rank(*questions: ProbeQuery) -> float:
    model = Angles()
    value = mean_reciprocal_rank(model, questions)  # type: ignore[arg-type]
    assert model.training
    return value


def test_a_match_counts_one_over_its_rank_among_the_wrong_ones() -> None:
    first = ProbeQuery("0", ("10",), ("20", "-30"))
    third = ProbeQuery("0", ("10", "50"), ("5", "6 a", "20"))
    assert rank(first) == 1
    assert rank(third) == pytest.approx(1 / 3)
    assert rank(first, third) == pytest.approx((1 + 1 / 3) / 2)


def test_a_model_that_tells_nothing_apart_earns_nothing() -> None:
    assert rank(ProbeQuery("7", ("7 a",), ("7 b", "7 c", "7 d"))) == pytest.approx(1 / 4)


def test_a_model_whose_vectors_are_not_numbers_earns_nothing() -> None:
    assert rank(ProbeQuery("7", ("nan",), ("7 b", "7 c", "7 d"))) == pytest.approx(1 / 4)
    assert rank(ProbeQuery("nan", ("7",), ("7 b", "7 c", "7 d"))) == pytest.approx(1 / 4)


def ref(name: str) -> ProductRef:
    return ProductRef("s", name)


def test_each_query_comes_with_its_matches_and_its_hardest_wrong_candidates() -> None:
    gold = {ref("q1"): {ref("m")}, ref("q2"): {ref("gone")}, ref("q3"): {ref("w1")}, ref("q4"): {ref("w1")}}
    names = ["w1", "m", "w2", "w3", "missing", "w4", "w5"]
    mined = {
        query: [Candidate(ref(name), rank, 0.5, 0.5, rank, rank) for rank, name in enumerate(names, 1)]
        for query in (ref("q1"), ref("q2"))
    }
    products = {ref(name): f"text of {name}" for name in names if name != "missing"}
    anchors = {ref(name): f"query {name}" for name in ("q1", "q2", "q3")}
    # q2's match is no product any more, q3 has no candidates, q4 is no query any more.
    assert draw_probes(gold, mined, anchors, products, count=9, seed=1) == [
        ProbeQuery("query q1", ("text of m",), ("text of w1", "text of w2", "text of w3", "text of w4"))
    ]
    assert draw_probes(gold, mined, anchors, products, count=0, seed=1) == []


@pytest.mark.parametrize(("epochs", "due"), [(1, [1]), (3, [1, 2, 3]), (4, [2, 4]), (20, [7, 14, 20])])
def test_it_is_measured_after_the_last_epoch_and_a_few_before(epochs: int, due: list[int]) -> None:
    assert [epoch for epoch in range(1, epochs + 1) if is_measured_after(epoch, epochs)] == due


@pytest.mark.parametrize(("encodings", "questions"), [(0, 12), (60_000, 50), (10_000_000, 64)])
def test_a_large_run_affords_more_questions(encodings: int, questions: int) -> None:
    assert affordable_probes(encodings) == questions
