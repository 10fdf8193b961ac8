"""Search results after a change of the corpus: the earlier ones, without what left and with what is new."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.jobs.progress import Silent
from core.retrieval.fusion import Fusion
from core.retrieval.index_state import Change
from core.retrieval.search_results import EPSILON, SearchResults

#: Queries compared at once with what changed.
_BLOCK = 256


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
    row_of = _inverse(change.queries, len(before.floors))
    position_of = _inverse(change.products, int(before.positions.max(initial=-1)) + 1)
    rows, positions = row_of[before.rows], position_of[before.positions]
    kept = (rows >= 0) & (positions >= 0)
    floors = np.full((len(change.queries), 2), np.inf, np.float32)  # finds nothing, and the query is searched
    unchanged = change.queries >= 0
    floors[unchanged] = before.floors[change.queries[unchanged]]
    return SearchResults.of(
        rows[kept], positions[kept], [each[kept] for each in before.scores], floors, is_sorted=not change.reordered
    )


def _inverse(origin: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Where each of `count` previous indices is now; -1 for those that are gone."""
    found = np.full(max(count, int(origin.max(initial=-1)) + 1), -1, np.int64)
    known = np.flatnonzero(origin >= 0)
    found[origin[known]] = known
    return found


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
    place_of = {int(position): place for place, position in enumerate(new)}
    rows, columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    of_queries = fusion.lexical.vectors(texts)
    for start in range(0, len(queries) if len(new) else 0, _BLOCK):
        block = slice(start, start + _BLOCK)
        # Lowered by the rounding error of another order of operations: a result too many does no harm.
        found = fusion.dense.scores(vectors[block], new) > floors[block, :1] - EPSILON
        lexical = fusion.lexical.scores(of_queries[block], new)
        found |= (lexical > 0) & (lexical > floors[block, 1:] - EPSILON)
        for row, query in enumerate(queries[block], start):
            if change.queries[row] >= 0:
                found[row - start, [place_of[p] for p in fusion.field_boosts.same_gtin(query) if p in place_of]] = True
        of_block, of_new = np.nonzero(found)
        rows.append(of_block + start)
        columns.append(new[of_new])
    pairs = np.concatenate(rows), np.concatenate(columns)
    used, row_of = np.unique(pairs[0], return_inverse=True)
    asked = [queries[row] for row in used.tolist()]
    return *pairs, fusion.scores(asked, of_queries[used], vectors[used], row_of, pairs[1])
