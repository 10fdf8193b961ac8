"""Statistics of a corpus that features depend on: term weights, boilerplate, categories that go together, neighbours.

They are kept from the last full index run, so that the features of an unchanged pair stay as they are, and those of a
changed pair are computed from its two listings alone.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.upsert import product_digest
from core.matching.features.fields import CategoryCounts
from core.matching.features.neighbours import CorpusRows, Neighbourhood
from core.retrieval.array_file import (
    Arrays,
    TextRows,
    array_lines,
    array_text,
    lines_array,
    text_array,
    weights_arrays,
    weights_of,
)
from core.retrieval.inverted_index import InvertedIndex
from core.retrieval.tfidf import TermWeights
from core.text.boilerplate import Boilerplate, Fragment
from labels.model import ProductRef

_SIDES = ("queries", "products")
#: The kinds of `CorpusStatistics.parsed`.
_PARSED = ("titles", "attributes", "codes")
#: Dimensions of the highest similarities in a file that does not tell sources apart.
_ONE_SOURCE = 2

#: Index and content digest of each query, and of each product, in the order of the index.
Sides = tuple[Mapping[ProductRef, tuple[int, str]], Mapping[ProductRef, tuple[int, str]]]


@dataclass(frozen=True)
class CorpusStatistics:
    """Statistics of the queries and products of one full index run.

    Attributes:
        weights: of terms, by kind.
        boilerplate: of the titles.
        categories: of neighbours.
        neighbours: by kind of text.
        rows: index and content digest of each query, and of each product.
        parsed: what was parsed of each product, by kind; nothing, if an earlier version has stored the statistics.
    """

    weights: Mapping[str, TermWeights]
    boilerplate: Boilerplate
    categories: CategoryCounts
    neighbours: Mapping[str, Neighbourhood]
    rows: Sides
    parsed: Mapping[str, TextRows]

    def rows_of(
        self,
        queries: Sequence[Product],
        products: Sequence[Product],
        digests: Mapping[ProductRef, str] | None = None,
    ) -> CorpusRows:
        """Where listings are in the corpus; `digests` are those of the products, by default they are computed."""
        sides = _rows(self.rows[0], queries, None), _rows(self.rows[1], products, digests)
        own = own_rows(self.rows[1], queries), own_rows(self.rows[0], products)
        source = tuple(map(source_numbers, self.source_names, (queries, products)))
        return CorpusRows((sides[0][0], sides[1][0]), (sides[0][1], sides[1][1]), own, (source[0], source[1]))

    @cached_property
    def source_names(self) -> tuple[list[str], list[str]]:
        """The sources of the queries, and of the products, in the order of their numbers."""
        return source_names(self.rows[0]), source_names(self.rows[1])

    def to_arrays(self) -> Arrays:
        """As arrays, for a file."""
        pairs = [[*pair, n] for pair, n in self.categories.together.items()]
        found: Arrays = {"together": text_array(json.dumps(pairs))}
        found["rows"] = text_array(
            json.dumps([[[*ref, digest] for ref, (_, digest) in side.items()] for side in self.rows])
        )
        found |= boilerplate_arrays(self.boilerplate)
        found["kinds"] = lines_array([*self.weights])
        for kind, weights in self.weights.items():
            found |= weights_arrays(kind, weights)
        for kind, each in self.neighbours.items():
            found |= neighbour_arrays(kind, each)
        return {**found, **parsed_arrays(self.parsed)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "CorpusStatistics":
        """The statistics of `to_arrays`.

        Raises:
            ValueError, KeyError, TypeError, IndexError: the arrays are others.
        """
        together = {
            (str(query), str(product)): int(n) for query, product, n in json.loads(array_text(arrays["together"]))
        }
        queries, products = (
            {ProductRef(source, id_): (row, digest) for row, (source, id_, digest) in enumerate(side)}
            for side in json.loads(array_text(arrays["rows"]))
        )
        return cls(
            {kind: weights_of(kind, arrays) for kind in array_lines(arrays["kinds"])},
            boilerplate_of(arrays),
            CategoryCounts(Counter(together)),
            {kind: neighbours_of(kind, arrays, (queries, products)) for kind in ("characters", "words")},
            (queries, products),
            parsed_of(arrays),
        )


def parsed_arrays(parsed: Mapping[str, TextRows]) -> Arrays:
    """What was parsed of products as named arrays."""
    found: Arrays = {}
    for kind, texts in parsed.items():
        found |= texts.to_arrays(f"parsed.{kind}")
    return found


def parsed_of(arrays: Arrays) -> dict[str, TextRows]:
    """What was parsed, of `parsed_arrays`; nothing, if the file is of an earlier version."""
    nothing = TextRows.of(())
    stored = (kind for kind in _PARSED if f"parsed.{kind}.data" in arrays)
    return dict.fromkeys(_PARSED, nothing) | {kind: TextRows.from_arrays(f"parsed.{kind}", arrays) for kind in stored}


def boilerplate_arrays(boilerplate: Boilerplate) -> Arrays:
    """Boilerplate as named arrays."""
    kinds = asdict(boilerplate)
    return {f"boilerplate.{kind}": lines_array(sorted(map(" ".join, kinds[kind]))) for kind in kinds}


def boilerplate_of(arrays: Arrays) -> Boilerplate:
    """The boilerplate of `boilerplate_arrays`. Raises KeyError if they are others."""
    return Boilerplate(**{each.name: _fragments(arrays[f"boilerplate.{each.name}"]) for each in fields(Boilerplate)})


def _fragments(lines: NDArray[np.generic]) -> frozenset[Fragment]:
    return frozenset(tuple(line.split(" ")) for line in array_lines(lines))


def _rows(
    known: Mapping[ProductRef, tuple[int, str]],
    listings: Sequence[Product],
    digests: Mapping[ProductRef, str] | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the listings, of the same content and of any content; -1 where there is none."""
    content, listing = np.full((2, len(listings)), -1, np.int64)
    for i, each in enumerate(listings):
        ref = each.ref
        row, digest = known.get(ref, (-1, ""))
        listing[i] = row
        if row >= 0 and digest == (product_digest(each) if digests is None else digests[ref]):
            content[i] = row
    return content, listing


def own_rows(others: Mapping[ProductRef, tuple[int, str]], listings: Sequence[Product]) -> NDArray[np.int64]:
    """Index of each listing on the other side; -1 where it is not there, as without listings in both roles."""
    return np.array([others.get(each.ref, (-1, ""))[0] for each in listings], np.int64)


def source_names(listings: Iterable[ProductRef | Product]) -> list[str]:
    """The sources of some listings, in the order of their numbers."""
    return sorted({each.source for each in listings})


def source_numbers(names: Sequence[str], listings: Iterable[ProductRef | Product]) -> NDArray[np.int64]:
    """The number of each listing's source; -1 for one that is not among the names."""
    number = {name: i for i, name in enumerate(names)}
    return np.array([number.get(each.source, -1) for each in listings], np.int64)


def sources_of(
    queries: Collection[ProductRef | Product], products: Collection[ProductRef | Product]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The number of the source of each query, and of each product, of a corpus."""
    return source_numbers(source_names(queries), queries), source_numbers(source_names(products), products)


def listing_rows(
    listings: Sequence[Product], digests: Mapping[ProductRef, str] | None = None
) -> dict[ProductRef, tuple[int, str]]:
    """Index and content digest of each listing; `digests` are those that are known."""
    if digests is None:
        return {each.ref: (row, product_digest(each)) for row, each in enumerate(listings)}
    return {each.ref: (row, digests[each.ref]) for row, each in enumerate(listings)}


def neighbour_arrays(kind: str, neighbours: Neighbourhood) -> Arrays:
    """The neighbours of one kind of text as named arrays, without the sources where each side is one."""
    found: Arrays = {}
    sources = 0 if all(each.shape[1] == 1 for each in neighbours.best) else slice(None)
    for side, name in enumerate(_SIDES):
        found |= neighbours.indexes[side].to_arrays(f"{kind}.{name}")
        found |= {
            f"{kind}.{name}.best": neighbours.best[side][:, sources],
            f"{kind}.{name}.nearest": neighbours.nearest[side][:, sources],
        }
    return found


def neighbours_of(kind: str, arrays: Arrays, rows: Sides) -> Neighbourhood:
    """The neighbours of `neighbour_arrays`; a file of an earlier version takes each side for one source, too.

    Args:
        kind: of text.
        arrays: of the file.
        rows: the queries and the products, in their order.

    Raises:
        ValueError, KeyError: the arrays are others.
    """

    def both(what: str, dtype: type) -> tuple[Any, Any]:
        return np.asarray(arrays[f"{kind}.queries.{what}"], dtype), np.asarray(arrays[f"{kind}.products.{what}"], dtype)

    indexes = (
        InvertedIndex.from_arrays(f"{kind}.queries", arrays),
        InvertedIndex.from_arrays(f"{kind}.products", arrays),
    )
    best, nearest = both("best", np.float32), both("nearest", np.int64)
    if best[0].ndim > _ONE_SOURCE:
        return Neighbourhood(indexes, best, nearest, sources_of(*rows))
    (forth, back), (near, near_back) = best, nearest
    one = np.zeros(len(forth), np.int64), np.zeros(len(back), np.int64)
    return Neighbourhood(indexes, (forth[:, None], back[:, None]), (near[:, None], near_back[:, None]), one)
