"""Known matches: what the labels of other pairs say of a pair.

Where A matches B, and C reads nearly like B, A is likely to match C. Offers of many shops repeat their products, so
that most pairs have such labels near them. Labelled matches connect listings to groups. For both listings of a pair,
the other one is compared with the group of the first, its known matches, and with the groups that a labelled non-match
separates from it. A logistic regression over these similarities and the matcher's score gives the score of such a
pair. A pair without such labels keeps its score.

Listings are known by their text, so that an equal text in another row, source or file is the same listing.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress, pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from core.matching.learners import Linear, Scale, fit_linear
from core.retrieval.tfidf import TermWeights, Texts, character_ngrams, vectors_by

#: As in the lexical index.
_TERMS = character_ngrams(3, 3)
#: Cosine from which a listing reads like a known non-match. On generated offers of families without labels, where less
#: similar ones say nothing, 0.7 costs no average precision, 0.5 costs 0.008.
_MIN_OPPOSED = 0.7
#: Listings of a group that others are compared with: enough for any product, and a bound for what large groups take.
_MAX_MEMBERS = 64
#: Known non-matches of a group that others are compared with. Where many queries have one text, each has those of all.
_MAX_NON_MATCHES = 1024
#: Pairs that are compared at once: their vectors take 100 MB.
_BLOCK = 2**16
#: Size of the texts in the matcher's file, which is read up to twice this size. More labels have no known matches.
_MAX_STORED_BYTES = 2**27
#: Folds in which the labels of other pairs of the same listings are known.
_FOLDS = 10
#: Standard errors by which the log-loss must fall.
_MIN_STANDARD_ERRORS = 2.0

#: Columns of `_design`, and their scale: the regression clips at three of it, at a score of 15.
_WIDTH, _SCORE_SPREAD = 12, 5.0
_MAX_SCORE = 3 * _SCORE_SPREAD
_SCALE = Scale(np.zeros(_WIDTH), np.array([_SCORE_SPREAD, *[1.0] * (_WIDTH - 1)]))
#: The mean of the prior: the score as it is.
_UNCORRECTED = np.array([_SCORE_SPREAD, *[0.0] * (_WIDTH - 1)])

#: Largest weight in a file, far above fitted ones: with larger ones, scores are no numbers.
_MAX_WEIGHT = 1e6

#: Columns of the similarities: that of the candidate to known matches of the query, that of the query to known matches
#: of the candidate, and the same with known non-matches.
_COLUMNS = 4


class PairTexts(NamedTuple):
    """The texts of the listings of n pairs."""

    queries: Sequence[str]
    candidates: Sequence[str]

    def part(self, chosen: NDArray[np.bool_]) -> "PairTexts":
        """Those of the chosen pairs."""
        places = np.flatnonzero(chosen).tolist()
        return PairTexts([self.queries[i] for i in places], [self.candidates[i] for i in places])


#: Reads the texts of a part of the pairs, which are needed only where the matcher has known matches.
ReadTexts = Callable[[slice], PairTexts]


@dataclass(frozen=True)
class LabelledTexts:
    """The listings of labelled pairs.

    Attributes:
        texts: in lower case, distinct.
        group: of each text, shape (texts,): connected by matches.
        opposed: groups between which there is a labelled non-match, shape (n, 2).
    """

    texts: tuple[str, ...]
    group: NDArray[np.int64]
    opposed: NDArray[np.int64]

    @classmethod
    def of(cls, pairs: PairTexts, labels: NDArray[np.bool_]) -> Self:
        """The listings of pairs with labels of shape (n,); pairs with an empty text are left out: it is no listing."""
        sides = [list(map(_normal, side)) for side in pairs]
        has_texts = np.array([bool(query and candidate) for query, candidate in zip(*sides, strict=True)], bool)
        labels = labels[has_texts]
        place: dict[str, int] = {}
        rows, columns = (
            np.array([place.setdefault(text, len(place)) for text in compress(side, has_texts)], np.int64)
            for side in sides
        )
        edges = csr_matrix((np.ones(int(labels.sum())), (rows[labels], columns[labels])), shape=(len(place),) * 2)
        group = connected_components(edges, directed=False)[1].astype(np.int64)
        opposed = np.unique(np.sort(np.stack([group[rows[~labels]], group[columns[~labels]]], axis=1), axis=1), axis=0)
        # Labels that contradict each other separate nothing.
        return cls(tuple(place), group, opposed[opposed[:, 0] != opposed[:, 1]])

    def similarities(self, pairs: PairTexts) -> NDArray[np.float64]:
        """The highest similarity of each pair to known matches and known non-matches.

        Returns:
            shape (n, `_COLUMNS`), NaN where there are none.
        """
        texts = [[_normal(text) for text in side] for side in pairs]
        known = [np.array([self._place.get(text, -1) for text in side], np.int64) for side in texts]
        found = np.full((len(texts[0]), _COLUMNS), np.nan)
        for side in (0, 1):
            rows = np.flatnonzero((known[side] >= 0) & np.array([bool(text) for text in texts[1 - side]], bool))
            of_rows = self._vectors_of([texts[1 - side][i] for i in rows])
            own = known[side][rows]
            for kind, partners in enumerate((self._members, self._non_matches)):
                found[rows, 2 * kind + side] = self._highest(*of_rows, own, partners)
        found[:, 2:][found[:, 2:] < _MIN_OPPOSED] = np.nan
        return found

    @cached_property
    def _place(self) -> dict[str, int]:
        return {text: i for i, text in enumerate(self.texts)}

    @cached_property
    def _weights(self) -> TermWeights:
        return Texts(texts=self.texts).weights(_TERMS, ["texts"])

    @cached_property
    def _vectors(self) -> csr_matrix:
        """Shape (texts, terms)."""
        return vectors_by(self._weights, _TERMS, self.texts)[0][0]

    @cached_property
    def _members(self) -> csr_matrix:
        """Which texts are of a group, up to `_MAX_MEMBERS` of each, shape (groups, texts)."""
        order = np.argsort(self.group, kind="stable")
        starts = np.searchsorted(self.group[order], self.group[order])
        kept = order[np.arange(len(order)) - starts < _MAX_MEMBERS]
        return csr_matrix(
            (np.ones(len(kept), np.float32), (self.group[kept], kept)), shape=(self._groups, len(self.texts))
        )

    @cached_property
    def _non_matches(self) -> csr_matrix:
        """The known non-matches of each group, up to `_MAX_NON_MATCHES`, shape (groups, texts)."""
        one, other = np.concatenate([self.opposed, self.opposed[:, ::-1]]).T
        between = csr_matrix((np.ones(len(one), np.float32), (one, other)), shape=(self._groups,) * 2)
        found = (between @ self._members).tocsr()
        found.sort_indices()
        row = np.repeat(np.arange(self._groups), np.diff(found.indptr))
        kept = np.arange(found.nnz) - found.indptr[row] < _MAX_NON_MATCHES
        return csr_matrix((found.data[kept], (row[kept], found.indices[kept])), shape=found.shape)

    @property
    def _groups(self) -> int:
        return int(self.group.max(initial=-1)) + 1

    def _vectors_of(self, texts: Sequence[str]) -> tuple[csr_matrix, NDArray[np.int64]]:
        """The vectors of the distinct texts, and the row of each text among them."""
        distinct = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        vectors = vectors_by(self._weights, _TERMS, distinct)[0][0][:, : self._vectors.shape[1]]
        return vectors, np.array([distinct[text] for text in texts], np.int64)

    def _highest(
        self, vectors: csr_matrix, row: NDArray[np.int64], own: NDArray[np.int64], partners: csr_matrix
    ) -> NDArray[np.float64]:
        """The highest cosine of each of n texts to the partners of a known text, shape (n,); NaN without partners.

        Args:
            vectors: of the distinct texts, shape (texts, terms).
            row: of each text among them, shape (n,).
            own: place of the known text, which is no partner of itself, shape (n,).
            partners: not zero at the places of the partners of each group, shape (groups, known texts).
        """
        groups = self.group[own]
        found = np.full(len(row), np.nan)
        ends = np.cumsum(np.diff(partners.indptr)[groups], dtype=np.int64)
        starts = np.flatnonzero(np.diff(ends // _BLOCK, prepend=-1))
        for start, end in pairwise([*starts.tolist(), len(row)]):
            part = partners[groups[start:end]]
            pair, place = np.repeat(np.arange(start, end), np.diff(part.indptr)), part.indices
            pair, place = (each[place != own[pair]] for each in (pair, place))
            cosines = vectors[row[pair]].multiply(self._vectors[place]).sum(axis=1)
            np.fmax.at(found, pair, np.asarray(cosines, np.float64).ravel())
        return found


def _normal(text: str) -> str:
    return " ".join(text.lower().split())


@dataclass(frozen=True)
class KnownMatches:
    """Corrects the scores of pairs whose listings are labelled.

    Attributes:
        labelled: the listings of the labelled pairs.
        correction: the regression over the columns of `_design`.
    """

    labelled: LabelledTexts
    correction: Linear

    def correct(self, scores: NDArray[np.float64], texts: PairTexts) -> NDArray[np.float64]:
        """The scores of n pairs with what the labels of other pairs say, shape (n,)."""
        return _corrected(self.correction, scores, self.labelled.similarities(texts))

    def to_json(self) -> dict[str, Any]:
        """The parts as numbers, strings and lists."""
        return {
            "texts": list(self.labelled.texts),
            "group": self.labelled.group.tolist(),
            "opposed": self.labelled.opposed.tolist(),
            "weights": self.correction.weights.tolist(),
            "intercept": self.correction.intercept,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: the parts do not belong together.
        """
        texts = value["texts"]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or not texts:
            raise ValueError("no texts")
        group, opposed = _integers(value["group"]).reshape(-1), _integers(value["opposed"]).reshape(-1, 2)
        weights, intercept = np.array(value["weights"], float).reshape(-1), float(value["intercept"])
        if len(group) != len(texts) or group.min() < 0 or group.max() >= len(texts):
            raise ValueError("groups of other texts")
        if opposed.min(initial=0) < 0 or opposed.max(initial=0) > group.max():
            raise ValueError("non-matches of other groups")
        if len(weights) != len(_UNCORRECTED) or not (np.abs([*weights, intercept]) <= _MAX_WEIGHT).all():
            raise ValueError("weights of other similarities")
        return cls(LabelledTexts(tuple(texts), group, opposed), Linear(_SCALE, weights, intercept))


def _integers(value: object) -> NDArray[np.int64]:
    """An array of the integers of a file; ValueError for any other values, which would be rounded."""
    found = np.array(value)
    if found.size and found.dtype.kind != "i":
        raise ValueError("numbers that are not integers")
    return found.astype(np.int64)


def fit_known_matches(
    scores: NDArray[np.float64],
    texts: PairTexts,
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    folds: NDArray[np.int64],
    seed: int,
) -> tuple[KnownMatches, NDArray[np.float64]] | None:
    """The correction, and the corrected scores of the labelled pairs.

    None if it does not lower their log-loss, or if the texts are too large for the matcher's file.

    It is fitted to pairs of queries without other labels, and again to the same pairs beside all other labels, since
    both kinds are scored later. The log-loss is that of the former, which have less to go by.

    Args:
        scores: of each pair by a matcher that was not fitted to its query, shape (n,).
        texts: of the pairs.
        labels: shape (n,).
        weights: of the labels, shape (n,).
        folds: by query, shape (n,).
        seed: of the folds by pair.
    """
    if sum(len(json.dumps(text)) for text in {*map(_normal, chain(*texts))}) > _MAX_STORED_BYTES:
        return None
    by_query = _of_other_folds(texts, labels, folds)
    by_pair = _of_other_folds(texts, labels, _folds_by_texts(texts, seed))
    columns = np.concatenate([_design(scores, by_query), _design(scores, by_pair)])
    has_any = _has_any(np.concatenate([by_query, by_pair]))

    def fit(chosen: NDArray[np.bool_]) -> Linear:
        rows = has_any & np.tile(chosen, 2)
        return fit_linear(
            columns[rows], np.tile(labels, 2)[rows], np.tile(weights, 2)[rows] / 2, _SCALE, _UNCORRECTED,
            intercept=0.0, precision=1.0,
        )  # fmt: skip

    corrected = scores.copy()
    for fold in np.unique(folds):
        part = folds == fold
        corrected[part] = _corrected(fit(~part), scores[part], by_query[part])
    gain = weights * (_log_loss(scores, labels) - _log_loss(corrected, labels))
    if gain.mean() <= _MIN_STANDARD_ERRORS * gain.std() / np.sqrt(len(gain)):
        return None
    return KnownMatches(LabelledTexts.of(texts, labels), fit(np.ones(len(labels), bool))), corrected


def _of_other_folds(texts: PairTexts, labels: NDArray[np.bool_], folds: NDArray[np.int64]) -> NDArray[np.float64]:
    """The similarities of each pair by the labels of the other folds, shape (n, `_COLUMNS`)."""
    found = np.full((len(labels), _COLUMNS), np.nan)
    for fold in np.unique(folds):
        part = folds == fold
        found[part] = LabelledTexts.of(texts.part(~part), labels[~part]).similarities(texts.part(part))
    return found


def _folds_by_texts(texts: PairTexts, seed: int) -> NDArray[np.int64]:
    """Random folds in which equal pairs of texts, in either order, are in one fold, shape (n,)."""
    number: dict[tuple[str, ...], int] = {}
    pairs = (tuple(sorted(map(_normal, pair))) for pair in zip(*texts, strict=True))
    place = [number.setdefault(pair, len(number)) for pair in pairs]
    return np.random.default_rng(seed).integers(0, _FOLDS, len(number))[place]


def _has_any(similarities: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(~np.isnan(similarities).all(axis=1))


def _corrected(
    correction: Linear, scores: NDArray[np.float64], similarities: NDArray[np.float64]
) -> NDArray[np.float64]:
    rows = _has_any(similarities)
    corrected = scores.copy()
    if rows.any():
        of_rows = scores[rows]
        # What the regression clips of a score stays: it would be explained as what other labels say.
        beyond = of_rows - np.clip(of_rows, -_MAX_SCORE, _MAX_SCORE)
        corrected[rows] = correction.scores(_design(of_rows, similarities[rows])) + beyond
    return corrected


def _design(scores: NDArray[np.float64], similarities: NDArray[np.float64]) -> NDArray[np.float32]:
    """The columns of the regression, shape (n, `_WIDTH`).

    The score, and the higher similarity to a known match; for each listing, whether it has known matches, their
    similarity and its square; whether it has known non-matches, and their similarity.
    """
    known = np.nan_to_num(similarities)
    matches, non_matches = known[:, :2], known[:, 2:]
    has_match, has_non_match = (~np.isnan(each) for each in (similarities[:, :2], similarities[:, 2:]))
    parts = [scores[:, None], matches.max(axis=1)[:, None]]
    parts += [has_match, matches, matches**2, has_non_match, non_matches]
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _log_loss(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.logaddexp(0.0, np.where(labels, -scores, scores))
    return found
