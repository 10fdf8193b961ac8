"""Hybrid retrieval: fusion of the dense and the lexical ranking into one list of candidates per query."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.catalog.product import Product
from core.jobs.progress import Reporter
from core.retrieval.candidates import Candidate
from core.retrieval.field_boosts import FieldBoosts
from core.retrieval.lexical import LexicalIndex
from core.retrieval.pair_order import PairOrder
from core.retrieval.product_filter import Allowed
from core.retrieval.search_results import EPSILON, Ranked, SearchResults
from core.retrieval.vector_index import VectorIndex
from labels.model import ProductRef

#: Queries per batch.
_BATCH = 256
#: Depth of a search against the depth that counts: the surplus may leave before a query is searched again. A tenth
#: of the products may change between two full runs.
_MARGIN = 1.25
#: Floors, dense and lexical, above which every product with any similarity is a result.
_NO_SIMILARITY = (-2.0, 0.0)


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weighted fusion of the dense and the lexical index.

    A candidate is found by either retriever or by its GTIN. Its score is the weighted mean of the two cosines plus the
    boosts from brand, model number and price; an equal GTIN ranks first whatever the score. On Walmart-Amazon, a
    weighted mean beats reciprocal rank fusion by 8 points of hit@1 with the base encoder: ranks discard the
    retrievers' confidence.

    Attributes:
        dense: index of the product vectors.
        lexical: index of the product texts, in the same order.
        field_boosts: of the products, in the same order.
        refs: keys of the products, in the same order.
        dense_weight: weight of the dense cosine in the mean, in [0, 1].
        depth: results taken from each retriever.
        k: candidates per query.
        pair_order: which queries and products are pairs; None if all are.
    """

    dense: VectorIndex
    lexical: LexicalIndex
    field_boosts: FieldBoosts
    refs: Sequence[ProductRef]
    dense_weight: float
    depth: int
    k: int
    pair_order: PairOrder | None = None

    def candidates(
        self, queries: Sequence[Product], texts: Sequence[str], vectors: NDArray[np.float32], reporter: Reporter
    ) -> Iterator[tuple[ProductRef, list[Candidate]]]:
        """The candidates of each query, best first.

        Args:
            queries: the query products.
            texts: of the queries, for the lexical index.
            vectors: float32 unit vectors, shape (queries, dimensions).
            reporter: receives the progress.
        """
        results = self.search(queries, texts, vectors, reporter)
        yield from self.listed([query.ref for query in queries], results, self.ranked(results, self.k))

    def ranked(self, results: SearchResults, size: int, queries: NDArray[np.int64] | None = None) -> Ranked:
        """The `size` best results of each query.

        Args:
            results: of the queries.
            size: results per query.
            queries: rows of the queries in `pair_order`; by default they are all queries of it.
        """
        are_pairs = None
        if self.pair_order is not None:
            rows = results.rows if queries is None else queries[results.rows]
            are_pairs = self.pair_order.are_pairs(rows, results.positions.astype(np.int64))
        return results.ranked(self.dense_weight, self.depth, size, are_pairs)

    def listed(
        self, queries: Sequence[ProductRef], results: SearchResults, ranked: Ranked
    ) -> Iterator[tuple[ProductRef, list[Candidate]]]:
        """Ranked results as the candidates of each query.

        Args:
            queries: keys of the queries, in the order of the results.
            results: of the queries.
            ranked: some of the results.
        """
        columns = (
            ranked.rows, results.positions[ranked.entries], ranked.rank, results.cosine[ranked.entries], ranked.score,
            ranked.dense_rank, ranked.lexical_rank,
        )  # fmt: skip
        found: list[list[Candidate]] = [[] for _ in queries]
        for row, position, rank, cosine, score, dense, lexical in zip(*(c.tolist() for c in columns), strict=True):
            found[row].append(Candidate(self.refs[position], rank, cosine, score, dense or None, lexical or None))
        return zip(queries, found, strict=True)

    def search(
        self,
        queries: Sequence[Product],
        texts: Sequence[str],
        vectors: NDArray[np.float32],
        reporter: Reporter,
        *,
        allowed: Allowed | None = None,
    ) -> SearchResults:
        """Search both indexes. Arguments are those of `candidates`.

        With `allowed`, only these products are results. The floors are not those of such a search,
        so that its results cannot be updated.
        """
        reporter.stage("candidates", total=len(queries))
        rows, positions = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        scores = [np.zeros((5, 0), np.float32)]
        floors = np.zeros((len(queries), 2), np.float32)
        for start in range(0, len(queries), _BATCH):
            batch = slice(start, start + _BATCH)
            words = self.lexical.vectors(texts[batch])
            found, floors[batch] = self._found(queries[batch], words, vectors[batch], allowed)
            of_batch = np.repeat(np.arange(len(found)), list(map(len, found)))
            rows.append(of_batch + start)
            positions.append(np.concatenate(found))
            scores.append(self.scores(queries[batch], words, vectors[batch], of_batch, positions[-1]))
            reporter.advance(min(start + _BATCH, len(queries)))
        return SearchResults.of(
            np.concatenate(rows), np.concatenate(positions), list(np.concatenate(scores, axis=1)), floors
        )

    def scores(
        self,
        queries: Sequence[Product],
        words: csr_matrix,
        vectors: NDArray[np.float32],
        rows: NDArray[np.int64],
        positions: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """The parts of the score of each pair, shape (5, pairs): cosine, lexical, boost, GTIN, and NaN for the prior.

        Args:
            queries: the query products.
            words: of the queries, their vectors in the lexical index.
            vectors: of the queries, in the dense index.
            rows: of the queries, ascending, shape (pairs,).
            positions: of the products, shape (pairs,).
        """
        boosts, gtins = np.zeros(len(rows), np.float32), np.zeros(len(rows), np.float32)
        ends = np.searchsorted(rows, np.arange(len(queries) + 1))
        for row in np.unique(rows).tolist():
            part = slice(ends[row], ends[row + 1])
            boosts[part] = self.field_boosts.scores(queries[row], positions[part])
            gtins[part] = self.field_boosts.gtin_scores(queries[row], positions[part])
        cosines, lexical = self.dense.pairs(vectors, rows, positions), self.lexical.pairs(words, rows, positions)
        return np.stack([cosines, lexical, boosts, gtins, np.full(len(rows), np.nan, np.float32)])

    def _found(
        self,
        queries: Sequence[Product],
        words: csr_matrix,
        vectors: NDArray[np.float32],
        allowed: Allowed | None,
    ) -> tuple[list[NDArray[np.int64]], NDArray[np.float32]]:
        """The products that either retriever finds for each query, or that have its GTIN; and the floors."""
        depth, reach = min(self.depth, len(self.refs)), int(self.depth * _MARGIN)
        dense = self.dense.search(vectors, reach, allowed=allowed)
        lexical = self.lexical.search(words, reach, allowed=None if allowed is None else allowed.mask)
        floors = np.full((len(queries), 2), _NO_SIMILARITY, np.float32)
        positions = [list(dense[0]), list(lexical[0])]
        if allowed is None and reach < len(self.refs):
            floors[:, 0] = dense[1][:, -1] + EPSILON
            floors[:, 1] = np.where(lexical[1][:, -1] > 0, lexical[1][:, -1] + EPSILON, 0)
            for retriever, (_, scores) in enumerate((dense, lexical)):
                few = (scores > floors[:, [retriever]]).sum(axis=1) < depth
                for row in np.flatnonzero(few & (floors[:, retriever] != _NO_SIMILARITY[retriever])).tolist():
                    # Many equal cosines at the end, of which the retriever returned some: take all of them.
                    every = self._every_score(retriever, words, vectors, row)
                    lowest = max(np.partition(every, -depth)[-depth] - EPSILON, _NO_SIMILARITY[retriever])
                    positions[retriever][row] = np.flatnonzero(every > lowest)
                    floors[row, retriever] = lowest + EPSILON / 2 if lowest > _NO_SIMILARITY[retriever] else lowest
        return [
            np.union1d(np.union1d(one, other), self._same_gtin(query, allowed))
            for query, one, other in zip(queries, *positions, strict=True)
        ], floors

    def _same_gtin(self, query: Product, allowed: Allowed | None) -> NDArray[np.int64]:
        """The positions of the products with the GTIN of a query, as far as they are allowed."""
        found = np.array(self.field_boosts.same_gtin(query), np.int64)
        return found if allowed is None else found[allowed.mask[found]]

    def _every_score(
        self, retriever: int, words: csr_matrix, vectors: NDArray[np.float32], row: int
    ) -> NDArray[np.float32]:
        """The cosine of one query with every product, shape (products,)."""
        if retriever == 0:
            return self.dense.scores(vectors[row][None]).ravel()
        return self.lexical.every_score(words, row)
