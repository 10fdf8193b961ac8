"""Lexical retrieval: cosine of TF-IDF vectors over the character 3-grams of words.

Character sequences survive what words do not: `en-el14` against `enel14`, `projector` against `projectors`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Queries scored at once; bounds memory at block × products × 4 bytes.
_BLOCK = 256


class LexicalIndex:
    """The products' texts, ready to be searched."""

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectoriser = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True, lowercase=True, dtype=np.float32
        )
        self._matrix = self._vectoriser.fit_transform(texts).tocsr()

    def search(self, texts: Sequence[str], depth: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The best products of each text.

        Returns:
            places in the list of products, and cosines in [0, 1], both of shape (texts, depth), best first;
            `depth` is cut to the number of products.
        """
        queries = self._vectoriser.transform(texts)
        transposed = self._matrix.T.tocsc()
        depth = min(depth, self._matrix.shape[0])
        places = np.empty((len(texts), depth), np.int64)
        scores = np.empty((len(texts), depth), np.float32)
        for start in range(0, len(texts), _BLOCK):
            block = (queries[start : start + _BLOCK] @ transposed).toarray()
            rows = slice(start, start + len(block))
            top = np.argpartition(-block, depth - 1, axis=1)[:, :depth]
            found = np.take_along_axis(block, top, axis=1)
            # Ties go to the product that was imported first, so that a run can be repeated.
            order = np.lexsort((top, -found), axis=1)
            places[rows] = np.take_along_axis(top, order, axis=1)
            scores[rows] = np.take_along_axis(found, order, axis=1)
        return places, scores

    def pairs(self, texts: Sequence[str], places: NDArray[np.int64]) -> NDArray[np.float32]:
        """The cosine of each text with given products.

        Args:
            texts: the queries.
            places: shape (texts, n), places in the list of products.

        Returns:
            shape (texts, n).
        """
        queries = self._vectoriser.transform(texts)
        left = queries[np.repeat(np.arange(places.shape[0]), places.shape[1])]
        scores = np.asarray(left.multiply(self._matrix[places.ravel()]).sum(axis=1), dtype=np.float32)
        return scores.reshape(places.shape)
