"""The texts of labelled listings: which of them are known to be one product, and which are known to be others.

Listings are known by their text, so that an equal text in another row, source or file is the same listing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, pairwise, product
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from core.retrieval.tfidf import TermWeights, Texts, character_ngrams, vectors_by

#: As in the lexical index.
_TERMS = character_ngrams(3, 3)
#: Listings of a group that others are compared with: enough for any product, and a bound for what large groups take.
_MAX_MEMBERS = 64
#: Known non-matches of a group that others are compared with. Where many queries have one text, each has those of all.
_MAX_NON_MATCHES = 1024
#: Known matches and known non-matches that are found of each text, the most similar ones. Twice as many lower the
#: log-loss on generated offers by less than 0.001.
_NEAREST_MATCHES, _NEAREST_NON_MATCHES = 8, 4
#: Pairs that are compared at once: their vectors take 100 MB.
_BLOCK = 2**16


class PairTexts(NamedTuple):
    """The texts of the listings of n pairs."""

    queries: Sequence[str]
    candidates: Sequence[str]

    def part(self, chosen: NDArray[np.bool_]) -> "PairTexts":
        """Those of the chosen pairs."""
        places = np.flatnonzero(chosen).tolist()
        return PairTexts([self.queries[i] for i in places], [self.candidates[i] for i in places])


class NearTexts(NamedTuple):
    """For one listing of each pair, the most similar known texts of the other listing's group, or of its non-matches.

    Attributes:
        pair: index of the pair, shape (m,).
        known: place of the known text among those of `LabelledTexts`, shape (m,).
        cosine: of character trigrams, shape (m,).
    """

    pair: NDArray[np.int64]
    known: NDArray[np.int64]
    cosine: NDArray[np.float64]


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
        sides = [list(map(normal, side)) for side in pairs]
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

    def nearest(self, pairs: PairTexts) -> tuple[NearTexts, NearTexts, NearTexts, NearTexts]:
        """The known texts that are most like the listings of each pair; none of two listings with one text.

        Returns:
            for candidates, the known matches of the query; for queries, those of the candidate; the same with known
            non-matches.
        """
        texts = [[normal(text) for text in side] for side in pairs]
        known = [np.array([self._place.get(text, -1) for text in side], np.int64) for side in texts]
        comparable = np.array([bool(one and other) and one != other for one, other in zip(*texts, strict=True)], bool)
        found = []
        kinds = (self._members, _NEAREST_MATCHES), (self._non_matches, _NEAREST_NON_MATCHES)
        for (partners, most), side in product(kinds, (0, 1)):
            rows = np.flatnonzero((known[side] >= 0) & comparable)
            others = self._vectors_of([texts[1 - side][i] for i in rows])
            pair, place, cosine = self._nearest(*others, known[side][rows], partners, most)
            found.append(NearTexts(rows[pair], place, cosine))
        return found[0], found[1], found[2], found[3]

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

    def _nearest(
        self, vectors: csr_matrix, row: NDArray[np.int64], own: NDArray[np.int64], partners: csr_matrix, most: int
    ) -> NearTexts:
        """The partners of a known text that are most similar to each of n texts.

        Args:
            vectors: of the distinct texts, shape (texts, terms).
            row: of each text among them, shape (n,).
            own: place of the known text, which is no partner of itself, shape (n,).
            partners: not zero at the places of the partners of each group, shape (groups, known texts).
            most: number of partners of each text.
        """
        parts = [NearTexts(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
        for start, end in self._blocks(partners, own):
            part = partners[self.group[own[start:end]]]
            pair, place = np.repeat(np.arange(start, end), np.diff(part.indptr)), part.indices
            pair, place = (each[place != own[pair]] for each in (pair, place))
            cosines = vectors[row[pair]].multiply(self._vectors[place]).sum(axis=1)
            parts.append(_highest_of_each(NearTexts(pair, place, np.asarray(cosines, np.float64).ravel()), most))
        return NearTexts(*map(np.concatenate, zip(*parts, strict=True)))

    def _blocks(self, partners: csr_matrix, own: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        """Parts of n texts with about `_BLOCK` partners each."""
        ends = np.cumsum(np.diff(partners.indptr)[self.group[own]], dtype=np.int64)
        starts = np.flatnonzero(np.diff(ends // _BLOCK, prepend=-1))
        return pairwise([*starts.tolist(), len(own)])


def _highest_of_each(near: NearTexts, most: int) -> NearTexts:
    """Up to `most` texts of each pair, the most similar first; the first known ones of equally similar ones."""
    order = np.lexsort((near.known, -near.cosine, near.pair))
    pair = near.pair[order]
    kept = order[np.arange(len(order)) - np.searchsorted(pair, pair) < most]
    return NearTexts(near.pair[kept], near.known[kept], near.cosine[kept])


def normal(text: str) -> str:
    """The form in which texts are equal: in lower case, with single spaces."""
    return " ".join(text.lower().split())
