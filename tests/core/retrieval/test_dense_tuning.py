"""Recall against latency of the kinds of dense index, and what `index --tune` says of them."""

from pathlib import Path

import pytest

from core.jobs.progress import Silent
from core.retrieval.dense_kinds import KINDS
from core.retrieval.dense_tuning import Measurement, fastest, measure_kinds, write_plot
from tests.core.retrieval.test_dense_kinds import QUERIES, VECTORS

FOUND = [
    Measurement("flat", 0, 0, 1.0, 3.0, 4.0, 1536, 0.1),
    Measurement("sq8", 1, 0, 0.97, 0.1, 0.2, 392, 2.0),
    Measurement("sq8", 4, 20, 0.99, 0.3, 0.5, 392, 2.0),
]


def test_every_kind_is_measured_from_cheap_to_good() -> None:
    found = measure_kinds(VECTORS, QUERIES, Silent())
    assert list(dict.fromkeys(each.kind for each in found)) == ["flat", *KINDS]
    for kind in KINDS:
        recalls = [each.recall for each in found if each.kind == kind]
        assert recalls == sorted(recalls)
        assert recalls[-1] > 0.95
    assert all(0 < each.p50_ms <= each.p99_ms for each in found)


def test_too_few_vectors_are_searched_exactly() -> None:
    assert [each.kind for each in measure_kinds(VECTORS[:50], QUERIES, Silent())] == ["flat"]


@pytest.mark.parametrize(("recall", "kind", "probes"), [(0.9, "sq8", 1), (0.98, "sq8", 4), (0.995, "flat", 0)])
def test_the_fastest_that_reaches_the_recall(recall: float, kind: str, probes: int) -> None:
    best = fastest(FOUND, recall)
    assert (best.kind, best.probes) == (kind, probes)


def test_the_page_with_the_chart_loads_nothing(tmp_path: Path) -> None:
    write_plot(tmp_path / "recall.html", FOUND, 0.98)
    page = (tmp_path / "recall.html").read_text()
    assert "search.recall" in page
    assert "<script src" not in page
    assert "<link" not in page
