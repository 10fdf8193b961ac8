"""Hybrid retrieval: fusion of the dense and the lexical ranking into one list of candidates per query."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.jobs.progress import Reporter
from core.retrieval.candidates import Candidate
from core.retrieval.dense import DenseIndex
from core.retrieval.field_boosts import FieldBoosts
from core.retrieval.lexical import LexicalIndex
from labels.model import ProductRef

#: Queries per batch.
_BATCH = 256


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
    """

    dense: DenseIndex
    lexical: LexicalIndex
    field_boosts: FieldBoosts
    refs: Sequence[ProductRef]
    dense_weight: float
    depth: int
    k: int

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
        reporter.stage("candidates", total=len(queries))
        for start in range(0, len(queries), _BATCH):
            batch = slice(start, start + _BATCH)
            yield from self._fuse_batch(queries[batch], texts[batch], vectors[batch])
            reporter.advance(min(start + _BATCH, len(queries)))

    def _fuse_batch(
        self, queries: Sequence[Product], texts: Sequence[str], vectors: NDArray[np.float32]
    ) -> Iterator[tuple[ProductRef, list[Candidate]]]:
        dense_positions, _ = self.dense.search(vectors, self.depth)
        lexical_positions, _ = self.lexical.search(texts, self.depth)
        found = [
            np.union1d(np.union1d(dense, lexical), np.array(self.field_boosts.same_gtin(query), np.int64))
            for query, dense, lexical in zip(queries, dense_positions, lexical_positions, strict=True)
        ]
        # One call for the pairs of all queries: each has a cost of its own.
        ends = np.cumsum([len(positions) for positions in found])
        rows, positions = np.repeat(np.arange(len(found)), np.diff(ends, prepend=0)), np.concatenate(found)
        cosines = np.split(self.dense.pairs(vectors, rows, positions), ends[:-1])
        lexical = np.split(self.lexical.pairs(texts, rows, positions), ends[:-1])
        for i, query in enumerate(queries):
            yield (
                query.ref,
                self._fuse(query, found[i], cosines[i], lexical[i], dense_positions[i], lexical_positions[i]),
            )

    def _fuse(
        self,
        query: Product,
        positions: NDArray[np.int64],
        cosine: NDArray[np.float32],
        lexical: NDArray[np.float32],
        dense_positions: NDArray[np.int64],
        lexical_positions: NDArray[np.int64],
    ) -> list[Candidate]:
        mean = self.dense_weight * cosine + (1 - self.dense_weight) * lexical
        score = mean + self.field_boosts.scores(query, positions)
        best = np.lexsort((positions, -(score + self.field_boosts.gtin_scores(query, positions))))[: self.k]
        dense_rank = {int(position): rank for rank, position in enumerate(dense_positions, 1)}
        lexical_rank = {int(position): rank for rank, position in enumerate(lexical_positions, 1)}
        return [
            Candidate(
                ref=self.refs[positions[i]],
                rank=rank,
                similarity=float(cosine[i]),
                score=float(score[i]),
                dense_rank=dense_rank.get(int(positions[i])),
                lexical_rank=lexical_rank.get(int(positions[i])),
            )
            for rank, i in enumerate(best, 1)
        ]
