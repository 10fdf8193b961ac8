"""Search results: their order, and the candidates that are kept of them for the next run."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.retrieval.search_results import CandidateTable, Ranked, SearchResults, best_first


@pytest.mark.parametrize("rows", [[], [0], [0, 0, 0], [3, 3, 7, 7, 7, 9], [2**40, 2**40, 2**41]])
@pytest.mark.parametrize("seed", range(4))
def test_the_best_come_first_and_equal_ones_by_their_index(rows: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    of_row = np.repeat(np.array(rows, np.int64), 20)
    scores = random.choice(np.array([-1.5, -0.5, -0.0, 0.0, 0.25, 0.5, 3.0], np.float32), len(of_row))
    assert_array_equal(best_first(of_row, scores), np.lexsort((np.arange(len(scores)), -scores, of_row)))


def table(*positions: list[int]) -> CandidateTable:
    """Candidates whose other columns follow from their positions."""
    rows = np.array([row for row, own in enumerate(positions) for _ in own], np.int64)
    flat = np.array([each for own in positions for each in own], np.int64)
    ranks = np.array([rank for own in positions for rank in range(1, len(own) + 1)], np.int64)
    order = np.arange(len(rows))
    columns = [flat.astype(np.float32)] * 5
    results = SearchResults.of(rows, flat, columns, np.zeros((len(positions), 2), np.float32), is_sorted=True)
    return CandidateTable.of(
        len(positions), 3, results, Ranked(rows, order, ranks, flat.astype(np.float32), ranks, ranks)
    )


def test_candidates_are_others_if_one_came_left_or_changed_its_place() -> None:
    before = table([1, 2, 3], [4, 5], [], [7])
    assert before.differ(before).tolist() == [False] * 4
    assert before.differ(table([1, 3, 2], [4], [6], [7])).tolist() == [True, True, True, False]


def test_after_a_change_new_queries_and_products_are_not_known() -> None:
    before = table([0, 1], [2], [3])
    # The second query is new; the first product left, the third has changed.
    moved = before.moved(np.array([0, -1, 1, 2]), np.array([1, -1, 3]))
    assert moved.positions.tolist() == [[-2, 0, -1], [-2] * 3, [-2, -1, -1], [2, -1, -1]]
    assert moved.differ(table([5, 0], [], [1], [2])).tolist() == [True, True, True, True]
    assert CandidateTable.unknown(2, 3).differ(table([], [])).tolist() == [True, True]


@pytest.mark.parametrize("products", [[-1], [0], [-1, -1, 0]])
def test_candidates_that_are_not_known_stay_so_whatever_the_products(products: list[int]) -> None:
    origin = np.array(products)
    assert CandidateTable.unknown(1, 3).moved(np.array([0]), origin).positions.tolist() == [[-2] * 3]
    assert table([]).moved(np.array([0]), origin).positions.tolist() == [[-1] * 3]
