"""The evidence that two listings are one product: probabilities of candidates, and equal GTINs."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.retrieval.manifest import no_candidates
from core.workspace import Workspace
from labels.model import ProductRef

#: Candidates between two reports of progress.
_PROGRESS_STEP = 100_000


@dataclass(frozen=True, slots=True)
class LinkGraph:
    """Listings and the scored pairs of them, as an undirected graph. Pairs are sorted and distinct.

    Attributes:
        listings: sorted; a listing is named by its position here.
        source: number of each listing's source, shape (listings,).
        left, right: the listings of each link, left < right, shape (links,).
        probability: P(match) of each link, shape (links,); NaN for equal GTINs of a pair that was not scored.
        gtin: whether the listings of each link have an equal, identifying GTIN, shape (links,).
    """

    listings: Sequence[ProductRef]
    source: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    probability: NDArray[np.float64]
    gtin: NDArray[np.bool_]

    @property
    def strength(self) -> NDArray[np.float64]:
        """P(match) of each link; 1 for equal GTINs of a pair that was not scored, such as of two queries."""
        return np.where(np.isnan(self.probability), 1.0, self.probability)

    @property
    def keys(self) -> NDArray[np.int64]:
        """One number for each link, ascending; see `key`."""
        return self.left.astype(np.int64) * len(self.listings) + self.right

    def key(self, one: int, other: int) -> int:
        """The number of the link between two listings in `keys`, whether or not it exists."""
        return min(one, other) * len(self.listings) + max(one, other)


def link_graph(
    listings: Iterable[ProductRef],
    scored: Iterable[tuple[ProductRef, ProductRef, float]],
    gtins: Mapping[ProductRef, str] | None = None,
) -> LinkGraph:
    """Build the graph; the order of the arguments has no influence.

    Args:
        listings: all listings, with or without links.
        scored: pairs with P(match); pairs with another listing are left out, and of several probabilities of one pair
            the highest counts.
        gtins: the identifying GTIN of listings that share one; the probability of a scored pair outweighs it.
    """
    ordered = sorted(set(listings))
    place = {ref: i for i, ref in enumerate(ordered)}
    one, other, probability = array("i"), array("i"), array("d")
    for query, candidate, value in scored:
        left, right = place.get(query), place.get(candidate)
        if left is not None and right is not None and left != right:
            one.append(left)
            other.append(right)
            probability.append(value)
    code, same = _equal_gtins(place, gtins or {})
    names = {source: i for i, source in enumerate(sorted({ref.source for ref in ordered}))}
    source = np.fromiter((names[ref.source] for ref in ordered), np.int32, len(ordered))
    ends = np.concatenate([np.column_stack([_int32(one), _int32(other)]), same])
    left_, right_ = ends.min(axis=1), ends.max(axis=1)
    value_ = np.concatenate([np.frombuffer(probability, np.float64), np.full(len(same), np.nan)])
    # NaN sorts last, so that the first of equal pairs has the highest probability.
    order = np.lexsort((-value_, right_, left_))
    left_, right_, value_ = left_[order], right_[order], value_[order]
    first = np.ones(len(order), bool)
    first[1:] = (left_[1:] != left_[:-1]) | (right_[1:] != right_[:-1])
    left_, right_, value_ = left_[first], right_[first], value_[first]
    return LinkGraph(ordered, source, left_, right_, value_, (code[left_] == code[right_]) & (code[left_] >= 0))


def _int32(values: "array[int]") -> NDArray[np.int32]:
    return np.frombuffer(values, np.int32)


def _equal_gtins(
    place: Mapping[ProductRef, int], gtins: Mapping[ProductRef, str]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The number of each listing's GTIN, -1 without one, and all pairs of listings with an equal one, shape (n, 2)."""
    numbers = {gtin: i for i, gtin in enumerate(sorted(set(gtins.values())))}
    code = np.full(len(place), -1, np.int32)
    by_gtin: dict[str, list[int]] = {}
    for ref, gtin in gtins.items():
        if (at := place.get(ref)) is not None:
            code[at] = numbers[gtin]
            by_gtin.setdefault(gtin, []).append(at)
    pairs = [pair for places in by_gtin.values() for pair in combinations(places, 2)]
    return code, np.array(pairs, np.int32).reshape(-1, 2)


def read_links(workspace: Workspace, reporter: Reporter) -> tuple[LinkGraph, MatcherSummary]:
    """The listings of the catalogue with the links of the last index run, and the summary of the matcher behind them.

    Raises:
        CoreError: nothing was indexed or scored yet, or a file cannot be read.
        DamagedError: the candidates are damaged.
    """
    with CatalogStore(workspace.catalog) as catalog:
        listings, gtins = catalog.digests().keys(), catalog.shared_gtins()
    with closing(CandidateStore(workspace.derived)) as candidates:
        if candidates.model is None:
            raise no_candidates(workspace.index)
        summary = candidates.matcher_summary
        if summary is None:
            raise CoreError("The candidates have no probabilities yet.", "Run `samesku index`.")
        reporter.stage("read the candidates")
        return link_graph(listings, _scored(candidates, reporter), gtins), summary


def _scored(candidates: CandidateStore, reporter: Reporter) -> Iterable[tuple[ProductRef, ProductRef, float]]:
    for number, (query, candidate) in enumerate(candidates.all(), 1):
        if candidate.probability is not None:
            yield query, candidate.ref, candidate.probability
        if number % _PROGRESS_STEP == 0:
            reporter.advance(number)
