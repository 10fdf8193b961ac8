"""Weights of single words, learned from labels: which words, when only one title has them, tell two products apart.

The features describe a word by its rarity and by how it is used in the catalogue. Thousands of labels say more of the
frequent ones: that `black` on one side alone is a conflict, and that `new` or the name of a shop is none. The weights
are those of a logistic regression over the words left of the two titles, beside some features, so that they only say
what these do not. Their sum is one more feature, `WORD_SCORE`, of the learners. For the pairs that it was fitted to, it
comes from cross-fitting: fitted and scored on the same pairs, it would look far better than it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack
from scipy.special import expit, log_expit

from core.matching.features.differences import WORD_NUMBERS, WORD_SCORE

if TYPE_CHECKING:
    from core.matching.learners import Learner, Scale

#: Labelled pairs in which a word must be left before it gets a weight.
_MIN_PAIRS = 3
#: Precision of the Gaussian prior on the weight of a word, and on those of the features beside them. On titles of
#: Walmart-Amazon with the boilerplate of shops, 3 to 30 measure alike.
_WORD_PRECISION, _FEATURE_PRECISION = 10.0, 1.0
#: Features that are fitted beside the words; what they explain is no weight of a word.
_BESIDE = (
    "title_words", "title_characters", "query_left", "candidate_left", "codes_shared", "token_set", "characters_lead",
    "words_lead", "quantities_conflicting", "colours",
)  # fmt: skip
_MAX_STEPS = 60
#: Kind of `WithWords` in a matcher's file.
WITH_WORDS = "with words"


@dataclass(frozen=True)
class WordWeights:
    """Weights of words by their numbers.

    Attributes:
        words: numbers of the words, ascending, shape (words,).
        weights: log-odds of a match where one title alone has the word, shape (words,).
        columns: of the feature matrix: those of the numbers of words.
        score: of the feature matrix: that of the score.
    """

    words: NDArray[np.float32]
    weights: NDArray[np.float64]
    columns: tuple[int, ...]
    score: int

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum of the weights of the words left, shape (n,)."""
        found: NDArray[np.float64] = self._matrix(vectors) @ self.weights
        return found

    def fill(self, vectors: NDArray[np.float32], scores: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
        """The vectors with the score, by default that of these weights, and without the numbers of words."""
        filled = vectors.copy()
        filled[:, list(self.columns)] = np.nan
        filled[:, self.score] = self.scores(vectors) if scores is None else scores
        return filled

    def to_json(self) -> dict[str, Any]:
        """The weights as numbers and lists."""
        return {
            "words": self.words.astype(int).tolist(),
            "weights": self.weights.tolist(),
            "columns": list(self.columns),
            "score": self.score,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], features: int) -> "WordWeights":
        """The inverse of `to_json`.

        Raises:
            ValueError: the parts do not belong together, or to this number of features.
        """
        words, weights = np.asarray(value["words"], np.float32), np.asarray(value["weights"], float)
        columns, score = tuple(map(int, value["columns"])), int(value["score"])
        if words.ndim != 1 or words.shape != weights.shape or not all(0 <= i < features for i in (*columns, score)):
            raise ValueError("weights of words for other features")
        return cls(words, weights, columns, score)

    def _matrix(self, vectors: NDArray[np.float32]) -> csr_matrix:
        """Which of the words are left, shape (n, words)."""
        numbers = vectors[:, list(self.columns)]
        place = np.searchsorted(self.words, numbers)
        known = place < len(self.words)
        known[known] = self.words[place[known]] == numbers[known]
        rows = np.nonzero(known)[0]
        return csr_matrix((np.ones(len(rows)), (rows, place[known])), shape=(len(vectors), len(self.words)))


def has_words(features: Sequence[str]) -> bool:
    """Whether there are columns for the words left, and for their score."""
    return {WORD_SCORE, *WORD_NUMBERS, *_BESIDE} <= set(features)


def without_words(vectors: NDArray[np.float32], features: Sequence[str]) -> NDArray[np.float32]:
    """The vectors without the numbers of words, which are names and no amounts that trees could compare."""
    columns = [features.index(name) for name in WORD_NUMBERS if name in features]
    if not columns:
        return vectors
    blank = vectors.copy()
    blank[:, columns] = np.nan
    return blank


def fit_word_weights(
    vectors: NDArray[np.float32],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    features: Sequence[str],
    scale: "Scale",
) -> WordWeights:
    """The maximum a posteriori weights.

    Args:
        vectors: shape (n, features), with the numbers of words.
        labels: shape (n,).
        weights: of the labels, shape (n,).
        features: names of the columns.
        scale: of the features.
    """
    columns = tuple(features.index(name) for name in WORD_NUMBERS)
    numbers = vectors[:, list(columns)]
    words, pairs = np.unique(numbers[~np.isnan(numbers)], return_counts=True)
    words = words[pairs >= _MIN_PAIRS]
    empty = WordWeights(words, np.zeros(len(words)), columns, features.index(WORD_SCORE))
    beside = [features.index(name) for name in _BESIDE]
    design = hstack([empty._matrix(vectors), scale(vectors)[:, beside], np.ones((len(vectors), 1))], format="csr")
    precisions = np.r_[np.full(len(words), _WORD_PRECISION), np.full(len(beside), _FEATURE_PRECISION), 0.0]
    signs = np.where(labels, 1.0, -1.0)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = design @ parameters
        value = -(weights @ log_expit(signs * scores)) + precisions @ parameters**2 / 2
        return float(value), design.T @ (weights * (expit(scores) - labels)) + precisions * parameters

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": _MAX_STEPS})
    return WordWeights(words, found.x[: len(words)], columns, empty.score)


@dataclass(frozen=True)
class WithWords:
    """A learner whose vectors have the score of the words left."""

    learner: "Learner"
    words: WordWeights

    @property
    def name(self) -> str:
        """The kind of the learner."""
        return self.learner.name

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,)."""
        return self.learner.scores(self.words.fill(vectors))

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The learner's contributions; that of the words is in the column of their score."""
        return self.learner.contributions(self.words.fill(vectors))

    def to_json(self) -> dict[str, Any]:
        """The learner as numbers, strings and lists."""
        return {"name": WITH_WORDS, "learner": self.learner.to_json(), "words": self.words.to_json()}
