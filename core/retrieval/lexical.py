"""Lexical retrieval: cosine of TF-IDF vectors over the character 3-grams of words.

Character n-grams match spelling variants that word tokens miss: `en-el14` and `enel14`, `projector` and `projectors`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from core.retrieval.array_file import Arrays, array_matrix, matrix_arrays, weights_arrays, weights_of
from core.retrieval.tfidf import TermWeights, Texts, character_ngrams

#: Queries scored at once; limits memory to batch × products × 4 bytes.
_BATCH = 256


class LexicalIndex:
    """TF-IDF matrix of the product texts, sparse float32 of shape (products, n-grams)."""

    def __init__(self, weights: TermWeights, matrix: csr_matrix) -> None:
        self._weights = weights
        self._matrix = matrix

    @classmethod
    def of(cls, texts: Sequence[str]) -> "LexicalIndex":
        """The index of product texts, with their own weights."""
        vectors, weights = Texts(texts=[text.lower() for text in texts]).vectors(character_ngrams(3, 3), ["texts"])
        # N-grams that no product has match nothing; counted, they would only shorten the rest of a query's vector.
        return cls(weights.closed(), vectors[0])

    def vectors(self, texts: Sequence[str]) -> csr_matrix:
        """Texts as vectors of length 1, shape (texts, n-grams); the weights are those of the products at the start."""
        found, _ = Texts(texts=[text.lower() for text in texts]).vectors(
            character_ngrams(3, 3), ["texts"], weights=self._weights
        )
        return found[0]

    def replaced(self, origin: NDArray[np.int64], texts: Sequence[str]) -> "LexicalIndex":
        """An index of other products with the same weights.

        Args:
            origin: position in this index of each product of the other, shape (products,); -1 for a new text.
            texts: of the products with -1, in their order.
        """
        places = origin.copy()
        places[origin < 0] = self._matrix.shape[0] + np.arange(len(texts))
        return LexicalIndex(self._weights, vstack([self._matrix, self.vectors(texts)], format="csr")[places])

    def search(
        self, texts: Sequence[str], depth: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The most similar products of each text.

        Args:
            texts: of the queries.
            depth: results per text, limited to the number of products, or of those allowed.
            allowed: which products may be results, shape (products,); None is all.

        Returns:
            product positions and cosines in [0, 1], both of shape (texts, depth), best first.
        """
        queries = self.vectors(texts)
        rows_allowed = None if allowed is None else np.flatnonzero(allowed)
        matrix = self._matrix if rows_allowed is None else self._matrix[rows_allowed]
        transposed = matrix.T.tocsc()
        depth = min(depth, matrix.shape[0])
        if depth == 0:
            return np.empty((len(texts), 0), np.int64), np.empty((len(texts), 0), np.float32)
        positions = np.empty((len(texts), depth), np.int64)
        scores = np.empty((len(texts), depth), np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = (queries[start : start + _BATCH] @ transposed).toarray()
            rows = slice(start, start + len(batch))
            top = np.argpartition(-batch, depth - 1, axis=1)[:, :depth]
            found = np.take_along_axis(batch, top, axis=1)
            # Ties are broken by import order, so that runs are reproducible.
            order = np.lexsort((top, -found), axis=1)
            positions[rows] = np.take_along_axis(top, order, axis=1)
            scores[rows] = np.take_along_axis(found, order, axis=1)
        return positions if rows_allowed is None else rows_allowed[positions], scores

    def scores(self, queries: csr_matrix, positions: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float32]:
        """The cosine of each query with each product, shape (queries, positions).

        Args:
            queries: of `vectors`.
            positions: of the products; all of them by default.
        """
        found: NDArray[np.float32] = (queries @ self._matrix[positions].T.tocsr()).toarray()
        return found

    def pairs(self, texts: Sequence[str], rows: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """The cosine of each pair.

        Args:
            texts: of the queries.
            rows: of the queries, shape (pairs,).
            positions: of the products, shape (pairs,).
        """
        queries = self.vectors(texts)
        return np.asarray(queries[rows].multiply(self._matrix[positions]).sum(axis=1), dtype=np.float32).ravel()

    def to_arrays(self) -> Arrays:
        """As arrays, for a file."""
        return {**weights_arrays("lexical", self._weights), **matrix_arrays("lexical", self._matrix)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "LexicalIndex":
        """The index of `to_arrays`.

        Raises:
            KeyError, ValueError: the arrays are others.
        """
        return cls(weights_of("lexical", arrays), array_matrix("lexical", arrays))
