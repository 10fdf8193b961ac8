"""Search results after a change of the corpus: the earlier ones, without what left and with what is new."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.jobs.progress import Silent
from core.retrieval.fusion import Fusion
from core.retrieval.index_state import Change
from core.retrieval.search_results import EPSILON, SearchResults, inverse

#: Pairs of a query and a new product that are compared at once.
_BLOCK = 2**21


def updated_results(
    fusion: Fusion,
    before: SearchResults,
    change: Change,
    queries: Sequence[Product],
    texts: Sequence[str],
    vectors: NDArray[np.float32],
) -> tuple[SearchResults, NDArray[np.bool_]]:
    """Search results after a change, equal to those of a search as far as they can become candidates.

    Args:
        fusion: over the present products.
        before: results over the previous products.
        change: from the previous to the present ones.
        queries: the present queries.
        texts: of the queries, for the lexical index.
        vectors: of the queries.

    Returns:
        the results; and which queries have others than before, shape (queries,): the candidates of the rest stay.
    """
    kept = _kept_results(before, change)
    new = _new_results(fusion, kept.floors, change, queries, texts, vectors)
    results = kept.with_results(new[0], new[1], list(new[2]))
    is_new = change.queries < 0
    altered = is_new | change.reordered
    altered[~is_new] |= np.diff(kept.starts)[~is_new] != np.diff(before.starts)[change.queries[~is_new]]
    altered[new[0]] = True
    again = np.flatnonzero(is_new | results.incomplete(fusion.depth, len(fusion.refs)))
    if not len(again):
        return results, altered
    altered[again] = True
    asked = [(queries[row], texts[row]) for row in again.tolist()]
    found = fusion.search([query for query, _ in asked], [text for _, text in asked], vectors[again], Silent())
    rest = ~np.isin(results.rows, again)
    floors = results.floors.copy()
    floors[again] = found.floors
    updated = SearchResults.of(
        np.concatenate([results.rows[rest], again[found.rows]]),
        np.concatenate([results.positions[rest], found.positions]).astype(np.int64),
        [np.concatenate([old[rest], other]) for old, other in zip(results.scores, found.scores, strict=True)],
        floors,
    )
    return updated, altered


def _kept_results(before: SearchResults, change: Change) -> SearchResults:
    """The results of unchanged queries and products, in the order of the present ones; none of the other queries."""
    row_of = inverse(change.queries, len(before.floors))
    position_of = inverse(change.products, int(before.positions.max(initial=-1)) + 1)
    rows, positions = row_of[before.rows], position_of[before.positions]
    kept = (rows >= 0) & (positions >= 0)
    floors = np.full((len(change.queries), 2), np.inf, np.float32)  # finds nothing, and the query is searched
    unchanged = change.queries >= 0
    floors[unchanged] = before.floors[change.queries[unchanged]]
    return SearchResults.of(
        rows[kept], positions[kept], [each[kept] for each in before.scores], floors, is_sorted=not change.reordered
    )


def _new_results(
    fusion: Fusion,
    floors: NDArray[np.float32],
    change: Change,
    queries: Sequence[Product],
    texts: Sequence[str],
    vectors: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Queries, products and scores of the new and changed products above the floors of the unchanged queries."""
    new = np.flatnonzero(change.products < 0)
    of_queries = fusion.lexical.vectors(texts)
    rows, columns = _same_gtins(fusion, change, queries, new)
    size = max(1, _BLOCK // max(1, len(queries)))
    for start in range(0, len(new) if len(queries) else 0, size):
        block = new[start : start + size]
        # Lowered by the rounding error of another order of operations: a result too many does no harm.
        found = fusion.dense.scores(vectors, block) > floors[:, :1] - EPSILON
        lexical = fusion.lexical.scores(of_queries, block)
        found |= (lexical > 0) & (lexical > floors[:, 1:] - EPSILON)
        of_block, of_new = np.nonzero(found)
        rows.append(of_block)
        columns.append(block[of_new])
    pairs = np.unique(np.concatenate(rows) * len(fusion.refs) + np.concatenate(columns))
    row, position = np.divmod(pairs, len(fusion.refs))
    used, row_of = np.unique(row, return_inverse=True)
    asked = [queries[row] for row in used.tolist()]
    return row, position, fusion.scores(asked, of_queries[used], vectors[used], row_of, position)


def _same_gtins(
    fusion: Fusion, change: Change, queries: Sequence[Product], new: NDArray[np.int64]
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """The unchanged queries and new products with equal GTINs."""
    known = np.flatnonzero(change.queries >= 0).tolist()
    found = [(row, position) for row in known for position in fusion.field_boosts.same_gtin(queries[row])]
    rows, positions = np.array(found, np.int64).reshape(-1, 2).T
    are_new = np.isin(positions, new)
    return [rows[are_new]], [positions[are_new]]
