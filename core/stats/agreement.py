"""Inter-annotator agreement: Cohen's kappa, Krippendorff's alpha and Gwet's AC1, with bootstrap intervals.

All are computed from counts summed over queries, so that whole queries can be resampled: `kappas`, `alphas` and `ac1s`
give the values and the intervals. The tests compare them with libraries, which take a second to import.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from core.stats.bootstrap import interval
from labels.annotations import Annotation
from labels.model import Pair, ProductRef, Stream


@dataclass(frozen=True, slots=True)
class SharedPair:
    """A pair that two or more people decided.

    Attributes:
        pair: the pair.
        votes: whether it is a match, by annotator.
        probability: the first P(match) that was shown to one of them; later ones were fitted to that decision.
    """

    pair: Pair
    votes: dict[str, bool]
    probability: float | None

    @property
    def query(self) -> ProductRef:
        """The pair's query."""
        return self.pair.query

    @property
    def unanimous(self) -> bool:
        """Whether all votes are equal."""
        return len(set(self.votes.values())) == 1

    def between(self, one: str, other: str) -> "SharedPair | None":
        """The pair with the votes of two annotators; None unless both voted."""
        if one not in self.votes or other not in self.votes:
            return None
        return SharedPair(self.pair, {name: self.votes[name] for name in (one, other)}, self.probability)


def shared_pairs(annotations: Iterable[Annotation], *, implied: bool = False) -> list[SharedPair]:
    """The pairs that two or more people decided, sorted.

    Abstentions do not count, nor do adjudications, which are made knowing the other answers.

    Args:
        annotations: first answers, oldest first.
        implied: whether non-matches implied by accepting another candidate count.
    """
    by_pair: dict[Pair, list[Annotation]] = {}
    for each in annotations:
        if each.match is not None and each.stream is not Stream.ADJUDICATION and (implied or each.explicit):
            by_pair.setdefault(each.pair, []).append(each)
    return [
        SharedPair(
            pair,
            {each.annotator: bool(each.match) for each in opinions},
            next((each.probability for each in opinions if each.probability is not None), None),
        )
        for pair, opinions in sorted(by_pair.items())
        if len(opinions) > 1
    ]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient with its 95 % interval.

    Attributes:
        value: 1 for perfect agreement, 0 for agreement by chance; None where undefined.
        low: lower end; None where the queries are too few or too similar.
        high: upper end, likewise.
        undefined: why there is no value; empty where there is one.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    undefined: str = ""


NO_OVERLAP = Estimate(None, undefined="no overlap")
ONE_CLASS = Estimate(None, undefined="one class only")


def kappa(shared: Sequence[SharedPair]) -> Estimate:
    """Cohen's kappa (Cohen 1960); for more than two people the mean over all pairs of annotators.

    Light (1971) uses the unweighted mean. Here annotators share different numbers of pairs, so each two are weighted by
    the number that they share.
    """
    couples = annotator_pairs(shared)
    if not couples:
        return NO_OVERLAP
    tables = _tables(shared, list(couples))
    value = float(kappas(tables.sum(axis=0, keepdims=True))[0])
    return ONE_CLASS if np.isnan(value) else _estimate(value, interval(tables, kappas))


def alpha(shared: Sequence[SharedPair]) -> Estimate:
    """Krippendorff's alpha for nominal data (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability")."""
    if not shared:
        return NO_OVERLAP
    votes = np.array([[sum(each.votes.values()), len(each.votes)] for each in shared], float)
    votes[:, 1] -= votes[:, 0]
    if not votes.sum(axis=0).all():
        return ONE_CLASS
    coincidences = _coincidences(shared, votes)
    value = float(alphas(coincidences.sum(axis=0, keepdims=True))[0])
    return _estimate(value, interval(coincidences, alphas))


def ac1(shared: Sequence[SharedPair]) -> Estimate:
    """Gwet's AC1 for two classes and any number of people.

    Gwet 2008, "Computing inter-rater reliability and its variance in the presence of high agreement", British Journal
    of Mathematical and Statistical Psychology 61, pages 29 to 48. Chance agreement is 2π(1 − π), where π is the mean
    share of matches. Where one class dominates, that is small, whereas the chance agreement of kappa and alpha is near
    1, which makes them small however well people agree (Feinstein and Cicchetti 1990, "High agreement but low kappa:
    I", Journal of Clinical Epidemiology 43, pages 543 to 549). AC1 is also defined for a single class.
    """
    if not shared:
        return NO_OVERLAP
    rows = _rows(shared)
    sums = np.zeros((max(rows) + 1, 3))
    np.add.at(sums, rows, np.array([_observed(each) for each in shared]))
    return _estimate(float(ac1s(sums.sum(axis=0, keepdims=True))[0]), interval(sums, ac1s))


def share_of_matches(shared: Sequence[SharedPair]) -> float | None:
    """The mean over pairs of the share of votes for a match; None without pairs."""
    return sum(_observed(each)[1] for each in shared) / len(shared) if shared else None


def annotator_pairs(shared: Sequence[SharedPair]) -> dict[tuple[str, str], int]:
    """The number of pairs that each two annotators share, by their names."""
    found: dict[tuple[str, str], int] = {}
    for each in shared:
        for couple in combinations(sorted(each.votes), 2):
            found[couple] = found.get(couple, 0) + 1
    return dict(sorted(found.items()))


def kappas(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kappa from flat 2 × 2 tables of one or more annotator pairs, shape (n, 4 × pairs) → (n,); NaN where undefined."""
    table = tables.reshape(len(tables), -1, 2, 2)
    pairs = table.sum(axis=(2, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.trace(table, axis1=2, axis2=3) / pairs
        expected = (table.sum(axis=2) * table.sum(axis=3)).sum(axis=2) / pairs**2
        each = (observed - expected) / (1 - expected)
        weights = np.where(np.isnan(each), 0, pairs)
        means: NDArray[np.float64] = (np.nan_to_num(each) * weights).sum(axis=1) / weights.sum(axis=1)
    return means


def alphas(coincidences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha from coincidences (both match, different, both not), shape (n, 3) → (n,); NaN where undefined."""
    both, different, neither = coincidences.T
    matches, others = both + different, different + neither
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = 1 - different * (matches + others - 1) / (matches * others)
    return found


def ac1s(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """AC1 from sums over pairs (agreement, share of matches, number of pairs), shape (n, 3) → (n,)."""
    agreement, matches, pairs = sums.T
    chance = 2 * matches / pairs * (1 - matches / pairs)
    found: NDArray[np.float64] = (agreement / pairs - chance) / (1 - chance)
    return found


def _observed(each: SharedPair) -> tuple[float, float, int]:
    """Agreement of one pair (share of annotator pairs who agree), its share of matches, and 1 for the count."""
    people, matches = len(each.votes), sum(each.votes.values())
    agreeing = matches * (matches - 1) + (people - matches) * (people - matches - 1)
    return agreeing / (people * (people - 1)), matches / people, 1


def _tables(shared: Sequence[SharedPair], couples: list[tuple[str, str]]) -> NDArray[np.float64]:
    """The 2 × 2 contingency tables per query and annotator pair, flat, shape (queries, pairs × 4)."""
    rows = _rows(shared)
    column = {couple: number for number, couple in enumerate(couples)}
    tables = np.zeros((max(rows) + 1, len(couples), 2, 2))
    for row, each in zip(rows, shared, strict=True):
        for one, other in combinations(sorted(each.votes), 2):
            tables[row, column[one, other], int(each.votes[one]), int(each.votes[other])] += 1
    return tables.reshape(len(tables), -1)


def _coincidences(shared: Sequence[SharedPair], votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The coincidences per query: both match, different (each way), both not; shape (queries, 3)."""
    matches, others = votes.T
    found = np.column_stack([matches * (matches - 1), matches * others, others * (others - 1)])
    rows = _rows(shared)
    summed = np.zeros((max(rows) + 1, 3))
    np.add.at(summed, rows, found / (matches + others - 1)[:, None])
    return summed


def _rows(shared: Sequence[SharedPair]) -> list[int]:
    """The number of each pair's query, from 0."""
    number: dict[object, int] = {}
    return [number.setdefault(each.query, len(number)) for each in shared]


def _estimate(value: float, ends: tuple[float, float] | None) -> Estimate:
    if ends is None:
        return Estimate(value)
    # With few queries the percentiles may exclude the value itself, which would mislead.
    return Estimate(value, min(ends[0], value), max(ends[1], value))
