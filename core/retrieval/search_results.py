"""Search results: for each query the products that may be among its candidates, with all parts of their scores.

They reach a little deeper than a search does, and down to a known cosine (the floor) they are complete. So they can be
updated product by product: without those that left, and with those above the floor that are new. As long as enough
results are left above the floor, this equals another search.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from core.retrieval.array_file import Arrays, JoinedArray

#: Cosines computed in another order of operations differ by less.
EPSILON = 1e-5
#: Position of a candidate that is not known.
_UNKNOWN = -2
#: Bits of a score, and of the number by which results are sorted.
_SCORE_BITS, _KEY_BITS = 32, 64


class _Columns:
    """A dataclass of arrays, which can be kept in a file."""

    _prefix: ClassVar[str]

    def to_arrays(self) -> Arrays:
        """As arrays, for a file."""
        return {f"{self._prefix}.{each.name}": getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """What `to_arrays` was called for.

        Raises:
            KeyError: the arrays are others.
        """
        return cls(**{each.name: arrays[f"{cls._prefix}.{each.name}"] for each in fields(cls)})  # type: ignore[arg-type]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the arrays in a file."""
        return tuple(f"{cls._prefix}.{each.name}" for each in fields(cls))  # type: ignore[arg-type]


@dataclass(frozen=True)
class SearchResults(_Columns):
    """The results of n queries, sorted by query and then by position; all other arrays are of one value per result.

    Attributes:
        starts: int64, shape (n + 1,): where the results of each query begin, and their number.
        positions: int32, of the products.
        cosine: float32, dense similarity.
        lexical: float32, lexical similarity.
        boost: float32, from brand, model number and price.
        gtin: float32, from an equal or another GTIN; it counts for the order only.
        prior: float32, score by which a selection chooses from the pool; NaN until it is computed.
        floors: float32, shape (n, 2): every product with a cosine above the first is a result, and every product with a
            lexical similarity above the second.
    """

    _prefix: ClassVar[str] = "results"
    starts: NDArray[np.int64]
    positions: NDArray[np.int32]
    cosine: NDArray[np.float32]
    lexical: NDArray[np.float32]
    boost: NDArray[np.float32]
    gtin: NDArray[np.float32]
    prior: NDArray[np.float32]
    floors: NDArray[np.float32]

    @property
    def rows(self) -> NDArray[np.int64]:
        """The query of each result."""
        return np.repeat(np.arange(len(self.floors)), np.diff(self.starts))

    @classmethod
    def of(
        cls,
        rows: NDArray[np.int64],
        positions: NDArray[np.int64],
        scores: Sequence[NDArray[np.float32]],
        floors: NDArray[np.float32],
        *,
        is_sorted: bool = False,
    ) -> Self:
        """Results in any order.

        Args:
            rows: their queries.
            positions: their products.
            scores: cosine, lexical, boost, gtin, prior.
            floors: shape (queries, 2).
            is_sorted: whether they are in order, by query and then by position.
        """
        if not is_sorted:
            order = np.lexsort((positions, rows))
            rows, positions, scores = rows[order], positions[order], [each[order] for each in scores]
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(floors)))])
        cosine, lexical, boost, gtin, prior = scores
        return cls(starts, positions.astype(np.int32), cosine, lexical, boost, gtin, prior, floors)

    def with_results(
        self, rows: NDArray[np.int64], positions: NDArray[np.int64], scores: Sequence[NDArray[np.float32]]
    ) -> Self:
        """These results and others, of other products and by query; arguments are those of `of`."""
        order = np.lexsort((positions, rows))
        rows, positions = rows[order], positions[order]
        products = int(max(self.positions.max(initial=0), positions.max(initial=0))) + 1
        places = np.searchsorted(self.rows * products + self.positions, rows * products + positions)
        return self.of(
            np.insert(self.rows, places, rows),
            np.insert(self.positions, places, positions),
            [np.insert(each, places, more[order]) for each, more in zip(self.scores, scores, strict=True)],
            self.floors,
            is_sorted=True,
        )

    def of_queries(self, rows: NDArray[np.int64]) -> Self:
        """The results of some queries, in this order.

        Args:
            rows: of the queries, shape (n,).
        """
        entries, ends = self.entries_of(rows)
        columns = {each.name: getattr(self, each.name)[entries] for each in fields(self)[1:-1]}
        return replace(self, starts=ends, floors=self.floors[rows], **columns)

    def entries_of(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The indices of the results of some queries, and their `starts` among these."""
        counts = np.diff(self.starts)[rows]
        ends = np.concatenate([[0], np.cumsum(counts)])
        return np.repeat(self.starts[rows] - ends[:-1], counts) + np.arange(ends[-1]), ends

    @classmethod
    def joined(cls, count: int, load: Callable[[int, str], NDArray[np.generic]]) -> dict[str, JoinedArray]:
        """The results of several blocks of queries as the arrays of all, for a file.

        Args:
            count: number of blocks.
            load: the array of a block by the block's index and the array's name in `to_arrays`.
        """
        starts = f"{cls._prefix}.starts"
        sizes = [load(block, starts)[-1] for block in range(count)]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        entries, rows = int(offsets[-1]), sum(len(load(block, starts)) - 1 for block in range(count))

        def parts(name: str) -> Iterator[NDArray[np.generic]]:
            for block in range(count):
                array = load(block, name)
                yield array if name != starts else (array + offsets[block])[min(block, 1) :]  # the end of the last one

        lengths = {"starts": rows + 1, "floors": rows}
        names = {each.name: f"{cls._prefix}.{each.name}" for each in fields(cls)}
        first = {each: load(0, name) for each, name in names.items()}
        return {
            name: JoinedArray(
                (lengths.get(each, entries), *first[each].shape[1:]), first[each].dtype, partial(parts, name)
            )
            for each, name in names.items()
        }

    @property
    def scores(self) -> tuple[NDArray[np.float32], ...]:
        """Cosine, lexical, boost, gtin, prior, as `of` takes them."""
        return self.cosine, self.lexical, self.boost, self.gtin, self.prior

    def incomplete(self, depth: int, products: int) -> NDArray[np.bool_]:
        """Queries with fewer results above a floor than a search returns, shape (n,).

        Args:
            depth: of a search.
            products: number of products.
        """
        dense = self._above(self.cosine, 0) < min(depth, products)
        lexical = (self._above(self.lexical, 1) < min(depth, products)) & (self.floors[:, 1] > 0)
        return dense | lexical

    def _above(self, scores: NDArray[np.float32], retriever: int) -> NDArray[np.int64]:
        above = scores > self.floors[self.rows, retriever]
        return np.bincount(self.rows[above], minlength=len(self.floors))

    def ranked(
        self, dense_weight: float, depth: int, size: int, are_pairs: NDArray[np.bool_] | None = None
    ) -> "Ranked":
        """The best results of each query.

        Args:
            dense_weight: weight of the dense cosine in the mean, in [0, 1].
            depth: results of each retriever that count.
            size: results per query.
            are_pairs: which results may be candidates; by default all.
        """
        rows = self.rows
        dense = self._ranks(rows, self.cosine, depth, are_pairs)
        lexical = self._ranks(rows, self.lexical, depth, are_pairs)
        lexical[self.lexical <= 0] = 0
        is_found = (dense > 0) | (lexical > 0) | (self.gtin > 0)
        found = np.flatnonzero(is_found if are_pairs is None else is_found & are_pairs)
        score = dense_weight * self.cosine + (1 - dense_weight) * self.lexical + self.boost
        order = best_first(rows[found], (score + self.gtin)[found])
        entries = found[order]
        rank = rank_within(rows[entries])
        entries, rank = entries[rank <= size], rank[rank <= size]
        return Ranked(rows[entries], entries, rank, score[entries], dense[entries], lexical[entries])

    def _ranks(
        self, rows: NDArray[np.int64], scores: NDArray[np.float32], depth: int, are_pairs: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        """The rank of each result by one similarity, from 1; 0 beyond the depth. Ties are broken by position.

        The depth counts all results, since a change of products keeps them complete no further; the ranks only pairs.
        """
        order = best_first(rows, scores)
        ranks = np.zeros(len(rows), np.int64)
        if are_pairs is None:
            ranks[order] = rank_within(rows[order])
            ranks[ranks > depth] = 0
        else:
            order = order[(rank_within(rows[order]) <= depth) & are_pairs[order]]
            ranks[order] = rank_within(rows[order])
        return ranks


@dataclass(frozen=True)
class Ranked(_Columns):
    """Ranked results, sorted by query and rank; each array is of shape (n,).

    Attributes:
        rows: their queries.
        entries: their indices in the search results.
        rank: from 1.
        score: fused score.
        dense_rank: from 1; 0 beyond the depth of a search.
        lexical_rank: likewise.
    """

    _prefix: ClassVar[str] = "ranked"
    rows: NDArray[np.int64]
    entries: NDArray[np.int64]
    rank: NDArray[np.int64]
    score: NDArray[np.float32]
    dense_rank: NDArray[np.int64]
    lexical_rank: NDArray[np.int64]

    def part(self, chosen: NDArray[np.bool_]) -> "Ranked":
        """The chosen ones alone, ranked from 1 again."""
        rows = self.rows[chosen]
        return Ranked(
            rows, self.entries[chosen], rank_within(rows),
            self.score[chosen], self.dense_rank[chosen], self.lexical_rank[chosen],
        )  # fmt: skip


@dataclass(frozen=True)
class CandidateTable(_Columns):
    """The candidates of n queries, as they are stored; each array is of shape (n, k), by rank.

    Attributes:
        positions: int32, of the products; -1 where a query has no more candidates, -2 where they are not known.
        cosine: float32, dense similarity.
        score: float32, fused score.
        dense_rank: int32, as of `Ranked`.
        lexical_rank: int32, likewise.
    """

    _prefix: ClassVar[str] = "candidates"
    positions: NDArray[np.int32]
    cosine: NDArray[np.float32]
    score: NDArray[np.float32]
    dense_rank: NDArray[np.int32]
    lexical_rank: NDArray[np.int32]

    @classmethod
    def of(cls, queries: int, k: int, results: SearchResults, ranked: Ranked) -> Self:
        """The candidates of queries.

        Args:
            queries: their number.
            k: candidates per query.
            results: that the candidates are some of.
            ranked: the candidates; their rows are below the number of queries.
        """
        found = cls._empty(queries, k, -1)
        place = ranked.rows, ranked.rank - 1
        found.positions[place] = results.positions[ranked.entries]
        found.cosine[place], found.score[place] = results.cosine[ranked.entries], ranked.score
        found.dense_rank[place], found.lexical_rank[place] = ranked.dense_rank, ranked.lexical_rank
        return found

    @classmethod
    def unknown(cls, queries: int, k: int) -> Self:
        """Candidates that are not known."""
        return cls._empty(queries, k, _UNKNOWN)

    @classmethod
    def _empty(cls, queries: int, k: int, position: int) -> Self:
        numbers, ranks = np.zeros((2, queries, k), np.float32), np.zeros((2, queries, k), np.int32)
        return cls(np.full((queries, k), position, np.int32), *numbers, *ranks)

    def moved(self, queries: NDArray[np.int64], products: NDArray[np.int64]) -> Self:
        """The same candidates after a change, those of new queries and new products not being known.

        Args:
            queries: row of each query in this table, -1 for a new one.
            products: position before of each product, likewise.
        """
        place_of = inverse(products, int(self.positions.max(initial=0)) + 1)
        place_of[place_of < 0] = _UNKNOWN
        positions = np.where(self.positions < 0, self.positions, place_of[np.maximum(self.positions, 0)])
        positions = positions.astype(np.int32)
        positions = positions[queries]
        positions[queries < 0] = _UNKNOWN
        others = {each.name: getattr(self, each.name)[queries] for each in fields(self)[1:]}
        return replace(self, positions=positions, **others)

    def of_queries(self, rows: NDArray[np.int64] | slice) -> Self:
        """The candidates of some queries."""
        return replace(self, **{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    def with_queries(self, rows: NDArray[np.int64], part: Self) -> Self:
        """These candidates, those of some queries replaced."""
        whole = {each.name: getattr(self, each.name).copy() for each in fields(self)}
        for name, column in whole.items():
            column[rows] = getattr(part, name)
        return replace(self, **whole)

    def differ(self, other: Self) -> NDArray[np.bool_]:
        """Of which queries the candidates are others, or are not known, shape (n,)."""
        columns = [getattr(self, each.name) != getattr(other, each.name) for each in fields(self)]
        differ: NDArray[np.bool_] = np.any([*columns, self.positions == _UNKNOWN], axis=(0, 2))
        return differ


def inverse(origin: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Where each of `count` previous indices is now; -1 for those that are gone."""
    found = np.full(max(count, int(origin.max(initial=-1)) + 1), -1, np.int64)
    known = np.flatnonzero(origin >= 0)
    found[origin[known]] = known
    return found


def best_first(rows: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """The order by row and then by score, highest first; equal ones by their index.

    Row, score and index are sorted as one number each, in a tenth of the time of a sort by several keys.

    Args:
        rows: ascending, shape (n,).
        scores: without NaN, shape (n,).
    """
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    sizes = np.diff(first, append=len(rows))
    starts = np.repeat(first, sizes)
    index_bits = int(sizes.max(initial=0)).bit_length()
    if int(rows.max(initial=0)).bit_length() + _SCORE_BITS + index_bits > _KEY_BITS:
        return np.lexsort((-scores, rows))
    bits = (scores.astype(np.float32) + np.float32(0)).view(np.uint32)  # of one zero, not two
    # The bits of a negative number grow with its size.
    falling = np.where(bits >> (_SCORE_BITS - 1), bits, ~bits & np.uint32(2**31 - 1))
    keys = (rows.astype(np.uint64) << (_SCORE_BITS + index_bits)) | (falling.astype(np.uint64) << index_bits)
    keys |= (np.arange(len(rows)) - starts).astype(np.uint64)
    keys.sort()
    return starts + (keys & np.uint64(2**index_bits - 1)).astype(np.int64)


def rank_within(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each value within its run of equal values, from 1."""
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    return np.arange(len(rows)) - np.repeat(first, np.diff(first, append=len(rows))) + 1
