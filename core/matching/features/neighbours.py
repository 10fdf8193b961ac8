"""Neighbour features: rank and margin of a pair among all candidates of its query and all queries of its candidate.

A high similarity means little where ten other products are as similar, and much where none is. Only products of one
source are rivals: a listing has at most one match at most retailers, but may have one at each. Ranks and margins come
from lexical similarity alone, which needs no labels and no encoder: training an encoder on a pair does not change them.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.jobs.progress import Reporter, Silent
from core.matching.features.base import Feature
from core.retrieval.array_file import Arrays
from core.retrieval.inverted_index import InvertedIndex, highest, terms_of
from core.retrieval.run_files import RunFiles

#: Ranks are counted up to this one.
MAX_RANK = 50
#: Scores of queries with all products that are kept at once, 64 MiB, and the most queries of them.
_BLOCK_SCORES, _BLOCK_QUERIES = 2**24, 256
#: Products whose highest scores are updated at once; bounds memory at (MAX_RANK + queries of a block) × 4 bytes each.
_BLOCK_PRODUCTS = 2**16
#: Pairs of a query and a product up to which all are scored: 2 minutes. Of more, each side is searched for the other.
_MAX_PAIRS = 2**32
#: Texts that are searched for until the next file: a minute.
_SEARCHED = 2**16
#: Sums in another order differ in the last digits.
_EPSILON = 1e-5


@dataclass(frozen=True)
class Neighbourhood:
    """The neighbours of all queries and products of a corpus; each tuple is of the queries and of the products.

    Attributes:
        indexes: of the unit vectors of the texts, over the same columns.
        best: the highest similarities to each source on the other side, best first, shape (n, sources, MAX_RANK),
            padded with 0.
        nearest: index of the nearest one of each source on the other side, shape (n, sources).
        sources: number of the source of each one, among the sources of its side, shape (n,).
    """

    indexes: tuple[InvertedIndex, InvertedIndex]
    best: tuple[NDArray[np.float32], NDArray[np.float32]]
    nearest: tuple[NDArray[np.int64], NDArray[np.int64]]
    sources: tuple[NDArray[np.int64], NDArray[np.int64]]

    @classmethod
    def of(
        cls,
        vectors: tuple[csr_matrix, csr_matrix],
        own: NDArray[np.int64] | None = None,
        reporter: Reporter | None = None,
        *,
        sources: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
        files: RunFiles | None = None,
        kind: str = "",
    ) -> "Neighbourhood":
        """Compare every query with every product.

        Of more than `_MAX_PAIRS` pairs, a few neighbours may be missed, as in `InvertedIndex.search`.

        Args:
            vectors: unit vectors of the texts, sparse, over the same columns.
            own: which product each query is itself; -1 for none, as by default.
            reporter: receives the progress.
            sources: number of the source of each query, and of each product; by default a side is one source.
            files: keep what a search has found.
            kind: of the texts; the names of the files begin with it.
        """
        search = _Search(files or RunFiles(), kind, reporter or Silent())
        indexes = InvertedIndex(vectors[0]), InvertedIndex(vectors[1])
        if own is None:
            own = np.full(vectors[0].shape[0], -1, np.int64)
        numbers = sources or (np.zeros(vectors[0].shape[0], np.int64), np.zeros(vectors[1].shape[0], np.int64))
        members = _members(numbers[0]), _members(numbers[1])
        if len(members[0]) == len(members[1]) == 1:
            # Nothing of a large corpus is copied.
            forth, back, nearest, nearest_back = search.both(*indexes, own)
            arrays = (forth[:, None], back[:, None]), (nearest[:, None], nearest_back[:, None])
            return cls(indexes, *arrays, numbers)
        sizes = [(len(side), len(other)) for side, other in zip(numbers, reversed(members), strict=True)]
        best = np.zeros((*sizes[0], MAX_RANK), np.float32), np.zeros((*sizes[1], MAX_RANK), np.float32)
        near = np.zeros(sizes[0], np.int64), np.zeros(sizes[1], np.int64)
        for (at, queries), (at_back, products) in product(enumerate(members[0]), enumerate(members[1])):
            if not len(queries) or not len(products):
                continue
            place = np.full(vectors[1].shape[0] + 1, -1, np.int64)  # the last is that of no product
            place[products] = np.arange(len(products))
            part = replace(search, name=f"{kind}-{at}-{at_back}")
            forth, back, nearest, nearest_back = part.both(
                InvertedIndex(vectors[0][queries]), InvertedIndex(vectors[1][products]), place[own[queries]]
            )
            best[0][queries, at_back], near[0][queries, at_back] = forth, products[nearest]
            best[1][products, at], near[1][products, at] = back, queries[nearest_back]
        return cls(indexes, best, near, numbers)

    @cached_property
    def members(self) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
        """The indices of each source's queries, and of each source's products."""
        return _members(self.sources[0]), _members(self.sources[1])

    def mutual(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the queries and products that are each other's nearest neighbour of their sources."""
        found = []
        for at in range(self.best[0].shape[1]):
            queries = np.flatnonzero(self.best[0][:, at, 0] > 0)
            products = self.nearest[0][queries, at]
            back = self.best[1][products, self.sources[0][queries], 0]
            mutual = back <= self.best[0][queries, at, 0] + _EPSILON
            found.append((queries[mutual], products[mutual]))
        queries, products = (np.concatenate(side) for side in zip(*found, strict=True))
        return queries, products

    def look_up(
        self, side: int, vectors: csr_matrix, rows: NDArray[np.int64], own: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The highest similarities and the nearest one of each text, as in `best` and `nearest`.

        Args:
            side: 0 for queries, 1 for products.
            vectors: of the texts; columns beyond those of the corpus are unseen terms.
            rows: index of each text in the corpus; -1 for one that is not part of it.
            own: index of the same listing on the other side; -1 where it is not there.
        """
        sources = self.best[side].shape[1]
        best = np.zeros((len(rows), sources, MAX_RANK), np.float32)
        nearest = np.full((len(rows), sources), -1, np.int64)
        known, new = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
        best[known], nearest[known] = self.best[side][rows[known]], self.nearest[side][rows[known]]
        if not len(new):
            return best, nearest
        others = self.indexes[1 - side]
        texts = vectors[new][:, : others.rows.shape[1]]
        if sources == 1:
            best[new, 0], nearest[new, 0] = _nearest(texts, others, own[new])
            return best, nearest
        for at, members in enumerate(self.members[1 - side]):
            best[new, at], nearest[new, at] = _nearest(texts, others, own[new], members)
        return best, nearest


def _members(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The indices of the listings of each source; one source, if there are no listings."""
    return [np.flatnonzero(numbers == number) for number in range(int(numbers.max(initial=0)) + 1)]


@dataclass(frozen=True)
class CorpusRows:
    """Indices in a corpus of queries and products, two arrays each; -1 where there is none.

    Attributes:
        content: of those with the same content.
        listing: of those with the same id, whatever their content.
        own: of those with the same id on the other side: products of the queries, and the reverse.
        source: number of the source of each among those of its side; -1 for one that is not there.
    """

    content: tuple[NDArray[np.int64], NDArray[np.int64]]
    listing: tuple[NDArray[np.int64], NDArray[np.int64]]
    own: tuple[NDArray[np.int64], NDArray[np.int64]]
    source: tuple[NDArray[np.int64], NDArray[np.int64]]


def neighbour_features(name: str, description: str) -> tuple[Feature, ...]:
    """The columns.

    Args:
        name: prefix of the feature names.
        description: what is compared, in words.
    """
    return (
        Feature(f"{name}_lead", "cosine", f"Margin over the query's best other candidate by {description}", "rivals"),
        Feature(
            f"{name}_lead_back", "cosine", f"Margin over the candidate's best other query by {description}", "rivals"
        ),
        Feature(f"{name}_place", "rank", f"The candidate's rank for the query by {description}", "rivals"),
        Feature(f"{name}_place_back", "rank", f"The query's rank for the candidate by {description}", "rivals"),
    )


class NeighbourFeatures:
    """The highest similarities of each query and of each product within a corpus."""

    def __init__(
        self,
        vectors: tuple[csr_matrix, csr_matrix],
        corpus: Neighbourhood,
        rows: CorpusRows | None = None,
    ) -> None:
        """Look the queries and products up.

        Args:
            vectors: unit vectors of the queries, and of the products.
            corpus: the texts that a pair is compared with.
            rows: where the queries and products are in the corpus; by default they are the corpus.
        """
        if rows is None:
            self._rivals = [_with_all(best, near) for best, near in zip(corpus.best, corpus.nearest, strict=True)]
            self._listing = np.arange(vectors[0].shape[0]), np.arange(vectors[1].shape[0])
            self._source = corpus.sources
        else:
            self._rivals = [
                _with_all(*corpus.look_up(side, vectors[side], rows.content[side], rows.own[side])) for side in (0, 1)
            ]
            self._listing, self._source = rows.listing, rows.source

    def compute(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], scores: NDArray[np.float32]
    ) -> list[NDArray[np.float32]]:
        """The columns, in the order of `neighbour_features`.

        Args:
            rows: indices of the pairs' queries, shape (n,).
            columns: indices of the pairs' products, shape (n,).
            scores: similarities of the pairs, shape (n,).
        """
        queries, products = self._listing[0][rows], self._listing[1][columns]
        best, nearest = self._rivals_of(0, rows, self._source[1][columns])
        forth, rank = _margin_and_rank(scores, best, nearest == products)
        best, nearest = self._rivals_of(1, columns, self._source[0][rows])
        back, rank_back = _margin_and_rank(scores, best, nearest == queries)
        return [forth, back, rank, rank_back]

    def _rivals_of(
        self, side: int, listings: NDArray[np.int64], sources: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The highest scores of listings with a source on the other side, and the nearest one of it."""
        best, nearest = self._rivals[side]
        # Statistics of an earlier version know one source.
        at = sources if best.shape[1] > 1 else 0
        return best[listings, at], nearest[listings, at]


def _with_all(best: NDArray[np.float32], nearest: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The highest scores with each source and, last, with all: for listings of a source that is not there."""
    count, sources = nearest.shape
    if sources == 1:
        return best, nearest
    every = np.sort(best.reshape(count, -1), axis=1)[:, None, : -MAX_RANK - 1 : -1]
    first = np.take_along_axis(nearest, best[:, :, 0].argmax(axis=1)[:, None], axis=1)
    return np.concatenate([best, every], axis=1), np.concatenate([nearest, first], axis=1)


def _margin_and_rank(
    scores: NDArray[np.float32], best: NDArray[np.float32], is_nearest: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The margin to the best other score, and the rank from 1; each of shape (n,).

    Args:
        scores: of the pairs, shape (n,).
        best: the highest scores of each pair's row, best first, shape (n, MAX_RANK).
        is_nearest: whether the best score is the pair's own, bool of shape (n,).
    """
    margin = scores - np.where(is_nearest, best[:, 1], best[:, 0])
    rank = (best > scores[:, None] + _EPSILON).sum(axis=1) + 1
    return margin.astype(np.float32), rank.astype(np.float32)


@dataclass(frozen=True)
class _Search:
    """Compares queries with products.

    Attributes:
        files: keep what has been found.
        name: the names of the files begin with it.
        reporter: receives the progress.
    """

    files: RunFiles
    name: str
    reporter: Reporter

    def both(
        self, queries: InvertedIndex, products: InvertedIndex, own: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """As `_best_both`; of many pairs, each side is searched for the other."""
        count, others = queries.rows.shape[0], products.rows.shape[0]
        if count * others <= _MAX_PAIRS:
            self.reporter.stage("compare queries and products", total=count)
            return _best_both(queries.rows, products, own, self.reporter)
        self.reporter.stage("find similar products", total=count)
        forth, nearest = self._found("queries", queries.rows, products, own)
        self.reporter.stage("find similar queries", total=others)
        back, nearest_back = self._found("products", products.rows, queries, _inverse(own, others))
        return forth, back, nearest, nearest_back

    def _found(
        self, side: str, texts: csr_matrix, others: InvertedIndex, own: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As `_nearest`, block by block, each of which is kept in a file."""
        count = texts.shape[0]
        best, nearest = np.zeros((count, MAX_RANK), np.float32), np.zeros(count, np.int64)
        for start in range(0, count, _SEARCHED):
            block = slice(start, min(start + _SEARCHED, count))

            def search(block: slice = block) -> Arrays:
                found = _nearest(texts[block], others, own[block])
                return dict(zip(("best", "nearest"), found, strict=True))

            arrays = self.files.kept(f"{self.name}-{side}-{start:09}.safetensors", search)
            best[block], nearest[block] = arrays["best"], arrays["nearest"]
            self.reporter.advance(block.stop)
        return best, nearest


def _nearest(
    texts: csr_matrix, others: InvertedIndex, own: NDArray[np.int64], members: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The highest scores of each text over the other side, and the index of the nearest one there.

    Args:
        texts: unit vectors.
        others: the other side.
        own: index of each text's own listing on the other side, which is no neighbour; -1 where it is not there.
        members: indices of those on the other side that are searched, ascending; by default all.

    Returns:
        shapes (n, MAX_RANK), best first, padded with 0; and (n,).
    """
    best, nearest = np.zeros((texts.shape[0], MAX_RANK), np.float32), np.zeros(texts.shape[0], np.int64)
    depth = min(MAX_RANK + 1, others.rows.shape[0] if members is None else len(members))
    if not depth or not len(best):
        return best, nearest
    places, scores = others.search(texts, depth, rows=members)
    scores[places == own[:, None]] = 0
    order = np.argsort(-scores, axis=1, kind="stable")
    places, scores = np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1)
    best[:, : min(depth, MAX_RANK)] = scores[:, :MAX_RANK]
    return best, places[:, 0]


def _inverse(own: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Of each listing of the other side, which one here is itself, shape (size,); -1 for none."""
    found = np.full(size, -1, np.int64)
    here = np.flatnonzero(own >= 0)
    found[own[here]] = here
    return found


def _best(scores: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """The highest of the scores, best first, shape (MAX_RANK,), padded with 0; and the index of the first of them."""
    best = np.zeros(MAX_RANK, np.float32)
    count = min(MAX_RANK, len(scores))
    places, best[:count] = highest(scores, count)
    return best, int(places[0]) if count else 0


def _best_both(
    queries: csr_matrix, products: InvertedIndex, own: NDArray[np.int64], reporter: Reporter
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """The highest scores of each query over the products, and the reverse, best first.

    No listing is a neighbour of itself: `own` is the right text of each left one's own listing, or -1.

    Returns:
        shapes (queries, MAX_RANK) and (products, MAX_RANK), padded with 0; and the index of the nearest one on the
        other side, shapes (queries,) and (products,).
    """
    count, others = queries.shape[0], products.rows.shape[0]
    forth, nearest = np.zeros((count, MAX_RANK), np.float32), np.zeros(count, np.int64)
    back, nearest_back = np.zeros((others, MAX_RANK), np.float32), np.zeros(others, np.int64)
    lowest_back, highest_back = np.zeros((2, others), np.float32)
    size = max(1, min(_BLOCK_SCORES // max(1, others), _BLOCK_QUERIES, count))
    block = np.empty((size, others), np.float32)
    for start in range(0, count, size):
        block = block[: count - start]
        for row, scores in enumerate(block, start):
            scores[:] = products.scores(*terms_of(queries, row))
            if own[row] >= 0:
                scores[own[row]] = 0
            forth[row], nearest[row] = _best(scores)
        highest_of_block = block.max(axis=0)
        higher = np.flatnonzero(highest_of_block > highest_back)
        nearest_back[higher] = block[:, higher].argmax(axis=0) + start
        highest_back[higher] = highest_of_block[higher]
        changed = np.flatnonzero(highest_of_block > lowest_back)
        for first in range(0, len(changed), _BLOCK_PRODUCTS):
            part = changed[first : first + _BLOCK_PRODUCTS]
            back[part] = _top(np.concatenate([back[part], block[:, part].T], axis=1))
            lowest_back[part] = back[part].min(axis=1)
        reporter.advance(min(start + size, count))
    back.sort(axis=1)
    return forth, back[:, ::-1], nearest, nearest_back


def _top(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The `MAX_RANK` highest of each row in any order."""
    return np.partition(scores, scores.shape[1] - MAX_RANK, axis=1)[:, -MAX_RANK:]
