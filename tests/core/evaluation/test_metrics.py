"""Metrics against values worked out by hand."""

from typing import Any

import numpy as np
import pytest
from samples import c, q

from core.evaluation.pairs import band_table, expected_calibration_error, pair_metrics
from core.evaluation.retrieval import retrieval_metrics
from core.matching.bands import Cuts
from core.stats.wilson import wilson

# -- retrieval -----------------------------------------------------------------------------------------------


def ranking(*places: int | None) -> tuple[dict, dict]:
    """One query for each place of its only match, among twelve candidates; None: not found."""
    ranked = {
        q(str(n)): [c("m") if place == position else c(f"x{position}") for position in range(1, 13)]
        for n, place in enumerate(places)
    }
    return ranked, {query: {c("m")} for query in ranked}


def test_four_queries_by_hand() -> None:
    found = retrieval_metrics(*ranking(1, 2, 6, None))
    assert found == pytest.approx(
        {"hit@1": 1 / 4, "hit@5": 2 / 4, "hit@10": 3 / 4, "mrr@10": (1 + 1 / 2 + 1 / 6) / 4, "recall@10": 3 / 4,
         "queries": 4}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("place", "metric", "value"),
    [(5, "hit@5", 1), (6, "hit@5", 0), (10, "hit@10", 1), (11, "hit@10", 0), (11, "mrr@10", 0), (10, "mrr@10", 0.1)],
)
def test_the_cuts_are_where_their_names_say(place: int, metric: str, value: float) -> None:
    assert retrieval_metrics(*ranking(place))[metric] == pytest.approx(value)


def test_several_matches_count_once_for_hits_and_each_for_recall() -> None:
    found = retrieval_metrics({q("1"): [c("x"), c("a"), c("b")]}, {q("1"): {c("a"), c("b"), c("d")}})
    assert (found["hit@1"], found["hit@5"], found["mrr@10"]) == (0, 1, 0.5)
    assert found["recall@10"] == pytest.approx(2 / 3)


def test_a_query_that_found_nothing_counts_and_one_without_gold_does_not() -> None:
    found = retrieval_metrics({q("other"): [c("a")]}, {q("1"): {c("a")}})
    assert (found["hit@10"], found["queries"]) == (0, 1)


def test_no_queries_give_zeros() -> None:
    assert set(retrieval_metrics({}, {}).values()) == {0}


# -- pairs ---------------------------------------------------------------------------------------------------


def test_five_pairs_by_hand() -> None:
    labels, scores = [True, True, False, True, False], [0.9, 0.8, 0.7, 0.4, 0.1]
    metrics = pair_metrics(labels, scores, 0.5)
    # At 0.5: two right of three called, two of three matches found. Matches stand at places 1, 2 and 4.
    assert metrics == pytest.approx(
        {"f1": 2 / 3, "precision": 2 / 3, "recall": 2 / 3, "average_precision": (1 + 1 + 3 / 4) / 3,
         "ece": (0.1 + 0.2 + 0.7 + 0.6 + 0.1) / 5, "threshold": 0.5, "pairs": 5}
    )  # fmt: skip


@pytest.mark.parametrize(("threshold", "called"), [(0.4, 1.0), (0.41, 2 / 3)])
def test_a_pair_at_the_threshold_is_called_a_match(threshold: float, called: float) -> None:
    assert pair_metrics([True, True, True], [0.9, 0.8, 0.4], threshold)["recall"] == pytest.approx(called)


def test_pairs_without_a_match_give_zeros_and_no_warning() -> None:
    metrics = pair_metrics([False, False], [0.1, 0.2], 0.5)
    assert (metrics["f1"], metrics["precision"], metrics["recall"], metrics["average_precision"]) == (0, 0, 0, 0)


def band_rows(
    cuts: Cuts, labels: list[bool], probabilities: list[float], *, calibrated: bool = True
) -> list[dict[str, Any]]:
    return band_table(cuts, labels, probabilities, 0.98, calibrated=calibrated)


def test_a_promise_is_kept_unless_the_measured_interval_ends_below_it() -> None:
    cuts = Cuts(0.9, 0.02, wilson(320, 320), wilson(900, 900), 0.99, 0.996)
    high, low = band_rows(cuts, [True] * 30 + [False] * 8, [0.95] * 38)
    assert (high["promise"], high["promised"]["labels"], high["measured"]["labels"]) == (0.99, 320, 38)
    assert (high["kept"], low["kept"]) == (False, None)
    assert band_rows(cuts, [True] * 30 + [False], [0.95] * 31)[0]["kept"] is True


@pytest.mark.parametrize(
    ("cuts", "high", "low"),
    [
        (Cuts(0.9, 0.02, wilson(320, 320), wilson(900, 900), 0.99, 0.996), "", ""),
        (
            Cuts(0.9912, 0.004, wilson(200, 200), wilson(900, 900), 0.985, 0.996),
            "Narrow: below 0.9912, the training labels do not prove a precision of 0.98.",
            "Narrow: from 0.0040, the training labels do not prove a precision of 0.98.",
        ),
        (
            Cuts(0.98, 0.02, wilson(40, 40), wilson(0, 0), 0.928, 0.0),
            "Not proven: 40 of 40 training labels right prove 0.928, since a query counts once;"
            " about 109 more queries, all right, would prove 0.98.",
            "Not proven: no training label is in the band; 149 in it, all right, would prove 0.98.",
        ),
        (
            Cuts(1.0, 0.0, wilson(0, 0), wilson(0, 0)),
            "Empty: the training labels contradict a precision of 0.98 at any probability.",
            "Empty: the training labels contradict a precision of 0.98 at any probability.",
        ),
    ],
)
def test_a_band_says_why_it_is_narrow_or_empty(cuts: Cuts, high: str, low: str) -> None:
    assert [row["remark"] for row in band_rows(cuts, [True], [0.5])] == [high, low]
    assert [row["remark"] for row in band_rows(cuts, [True], [0.5], calibrated=False)] == ["", ""]


@pytest.mark.parametrize(
    ("truth", "probabilities", "error"),
    [
        ([1, 1, 0, 0], [1.0, 1.0, 0.0, 0.0], 0.0),
        ([0, 0, 1, 1], [1.0, 1.0, 0.0, 0.0], 1.0),
        # One bin: promised 0.75 on average, half came true.
        ([1, 0], [0.71, 0.79], 0.25),
        # Two bins of three and one: 3/4 × |2/3 - 0.95| + 1/4 × |0 - 0.05|.
        ([1, 1, 0, 0], [0.95, 0.95, 0.95, 0.05], 0.75 * (0.95 - 2 / 3) + 0.25 * 0.05),
    ],
)
def test_the_calibration_error_by_hand(truth: list[int], probabilities: list[float], error: float) -> None:
    assert expected_calibration_error(np.array(truth, bool), np.array(probabilities)) == pytest.approx(error)
