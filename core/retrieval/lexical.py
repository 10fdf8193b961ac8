"""Lexical retrieval: cosine of TF-IDF vectors over the character 3-grams of words.

Character n-grams match spelling variants that word tokens miss: `en-el14` and `enel14`, `projector` and `projectors`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from core.retrieval.array_file import Arrays, weights_arrays, weights_of
from core.retrieval.inverted_index import InvertedIndex, terms_of
from core.retrieval.tfidf import TermWeights, Texts, character_ngrams, vectors_by

_TERMS = character_ngrams(3, 3)


class LexicalIndex:
    """TF-IDF vectors of the product texts, sparse float32 of shape (products, n-grams), in an inverted index."""

    def __init__(self, weights: TermWeights, index: InvertedIndex) -> None:
        self._weights = weights
        self._index = index

    @classmethod
    def of(cls, texts: Sequence[str]) -> "LexicalIndex":
        """The index of product texts, with their own weights."""
        vectors, weights = Texts(texts=[text.lower() for text in texts]).vectors(_TERMS, ["texts"])
        # N-grams that no product has match nothing; counted, they would only shorten the rest of a query's vector.
        return cls(weights.closed(), InvertedIndex(vectors[0]))

    def vectors(self, texts: Sequence[str]) -> csr_matrix:
        """Texts as vectors of length 1, shape (texts, n-grams); the weights are those of the products at the start."""
        (found,), _ = vectors_by(self._weights, _TERMS, (text.lower() for text in texts))
        return found

    def replaced(self, origin: NDArray[np.int64], texts: Sequence[str]) -> "LexicalIndex":
        """An index of other products with the same weights.

        Args:
            origin: position in this index of each product of the other, shape (products,); -1 for a new text.
            texts: of the products with -1, in their order.
        """
        places = origin.copy()
        places[origin < 0] = len(self) + np.arange(len(texts))
        rows = vstack([self._index.rows, self.vectors(texts)], format="csr")[places]
        return LexicalIndex(self._weights, InvertedIndex(rows))

    def search(
        self, queries: csr_matrix, depth: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The most similar products of each query. Cosines are exact.

        Of more than `MAX_EXACT` products, a few results may be missed, as of an approximate dense index.

        Args:
            queries: `vectors` of their texts, shape (queries, n-grams).
            depth: results per query, limited to the number of products, or of those allowed.
            allowed: which products may be results, shape (products,); None is all.

        Returns:
            product positions and cosines in [0, 1], both of shape (queries, depth), best first.
        """
        rows = None if allowed is None else np.flatnonzero(allowed)
        return self._index.search(queries, min(depth, len(self) if rows is None else len(rows)), rows=rows)

    def every_score(self, queries: csr_matrix, row: int) -> NDArray[np.float32]:
        """The cosine of one query with every product, shape (products,).

        Args:
            queries: `vectors` of their texts.
            row: of the query.
        """
        return self._index.scores(*terms_of(queries, row))

    def scores(self, queries: csr_matrix, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """The cosine of each query with each product, shape (queries, positions).

        Args:
            queries: of `vectors`.
            positions: of the products.
        """
        found: NDArray[np.float32] = (queries @ self._index.rows[positions].T.tocsr()).toarray()
        return found

    def pairs(self, queries: csr_matrix, rows: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """The cosine of each pair.

        Args:
            queries: `vectors` of their texts.
            rows: of the queries, shape (pairs,).
            positions: of the products, shape (pairs,).
        """
        return np.asarray(queries[rows].multiply(self._index.rows[positions]).sum(axis=1), dtype=np.float32).ravel()

    def to_arrays(self) -> Arrays:
        """As arrays, for a file."""
        return {**weights_arrays("lexical", self._weights), **self._index.to_arrays("lexical")}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "LexicalIndex":
        """The index of `to_arrays`.

        Raises:
            KeyError, ValueError: the arrays are others.
        """
        return cls(weights_of("lexical", arrays), InvertedIndex.from_arrays("lexical", arrays))

    def __len__(self) -> int:
        """The number of products."""
        return int(self._index.rows.shape[0])
