"""Texts as TF-IDF vectors, by way of their distinct words: a word is taken apart once, however often it stands.

Catalogues repeat themselves: 24,600 listings hold 350,000 words, but 41,000 distinct ones. What stands in which text
is then a product of two sparse matrices, and scikit-learn's own transformer weighs it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix


class Texts:
    """Texts as counts of their words, the words being what whitespace parts."""

    def __init__(self, **sides: Sequence[str]) -> None:
        """Read several lists of texts over one vocabulary, each under a name of its own."""
        vocabulary: dict[str, int] = {}
        self._counts = {name: _counted((text.split() for text in texts), vocabulary) for name, texts in sides.items()}
        self._words = list(vocabulary) or [""]

    def vectors(
        self, analyse: Callable[[str], Iterable[str]], fit: Sequence[str], others: Sequence[str] = (), *, least: int = 1
    ) -> "tuple[list[csr_matrix], NDArray[np.float32], list[str]]":
        """TF-IDF vectors of length 1, tf being 1 + ln(count).

        Args:
            analyse: the parts of a word that are counted, such as its character sequences.
            fit: names of the lists that say how rare a part is.
            others: names of further lists to turn into vectors.
            least: parts that stand in fewer texts than these are left out, unless all do.

        Returns:
            one matrix for each of `fit` and `others`; the rarity of each part (its inverse document frequency); the
            parts, in the order of the columns.
        """
        import numpy as np  # noqa: PLC0415
        from scipy.sparse import vstack  # noqa: PLC0415
        from sklearn.feature_extraction.text import TfidfTransformer  # noqa: PLC0415

        found: dict[str, int] = {}
        parts = _counted((analyse(word) for word in self._words), found)
        counts = {name: (_widened(self._counts[name], len(self._words)) @ parts).tocsr() for name in (*fit, *others)}
        names = np.array([*found, *[""] * (parts.shape[1] - len(found))], object)
        fitted = vstack([counts[name] for name in fit], format="csr")
        often = np.bincount(fitted.indices, minlength=fitted.shape[1]) >= least
        if least > 1 and often.any():
            counts = {name: matrix[:, often] for name, matrix in counts.items()}
            fitted, names = fitted[:, often], names[often]
        weigh = TfidfTransformer(sublinear_tf=True).fit(fitted)
        vectors = [weigh.transform(counts[name]) for name in (*fit, *others)]
        for matrix in vectors:
            matrix.sort_indices()
        return vectors, weigh.idf_.astype(np.float32), names.tolist()


def sequences(low: int, high: int) -> Callable[[str], list[str]]:
    """Takes a word apart into its sequences of `low` to `high` characters, a space standing for either end."""

    def analyse(word: str) -> list[str]:
        padded = f" {word} "
        found: list[str] = []
        for length in range(low, high + 1):
            found += [padded[i : i + length] for i in range(max(1, len(padded) - length + 1))]
            if length >= len(padded):
                break  # a short word counts once
        return found

    return analyse


def _counted(lists: Iterable[Iterable[str]], vocabulary: dict[str, int]) -> "csr_matrix":
    """How often each item stands in each list; new items go to the end of the vocabulary."""
    import numpy as np  # noqa: PLC0415
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    columns = [[vocabulary.setdefault(item, len(vocabulary)) for item in items] for items in lists]
    starts = np.cumsum([0, *map(len, columns)])
    indices = np.fromiter(chain.from_iterable(columns), np.int32, count=int(starts[-1]))
    ones = np.ones(len(indices), np.float32)
    matrix = csr_matrix((ones, indices, starts), shape=(len(columns), max(len(vocabulary), 1)))
    matrix.sum_duplicates()
    return matrix


def _widened(matrix: "csr_matrix", columns: int) -> "csr_matrix":
    matrix.resize((matrix.shape[0], max(columns, 1)))
    return matrix
