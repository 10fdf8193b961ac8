"""Sets and sparse rows compared pair by pair."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, random_array

from core.matching.features.base import RowDots, SmallSets, dots


@given(st.integers(0, 2**16), st.integers(0, 12))
def test_several_products_in_one_pass_are_those_of_each_to_the_bit(seed: int, pairs: int) -> None:
    random = np.random.default_rng(seed)

    def matrix(rows: int, width: int) -> csr_matrix:
        return csr_matrix(random_array((rows, width), density=0.5, rng=random, dtype=np.float32))

    widths = (1, 40, 3, 90)
    left, right = [matrix(3, width) for width in widths], [matrix(5, width) for width in widths]
    rows, columns = random.integers(0, 3, pairs), random.integers(0, 5, pairs)
    found = RowDots(left, right).compute(rows, columns)
    assert len(found) == len(widths)
    for one, other, together in zip(left, right, found, strict=True):
        assert dots(one[rows], other[columns]).tobytes() == together.tobytes()


def test_sets_are_compared_pair_by_pair() -> None:
    queries = [frozenset({"a", "b"}), frozenset[str]()]
    products = [frozenset({"b", "c", "d"}), frozenset({"e"}), frozenset[str]()]
    rows, columns = np.divmod(np.arange(6), 3)
    shared, of_query, of_product = SmallSets([queries, products]).compare(rows, columns)
    assert shared.tolist() == [1, 0, 0, 0, 0, 0]
    assert of_query.tolist() == [2, 2, 2, 0, 0, 0]
    assert of_product.tolist() == [3, 1, 0, 3, 1, 0]
