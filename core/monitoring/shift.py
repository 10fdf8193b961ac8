"""Shifts between two snapshots: which distribution has moved, in which source and category.

A shift is reported where the population stability index (PSI) is large, and a two-sample test says that
it is no chance. The PSI is Σ (p - q) ln (p / q) over the bins of two distributions p and q; from 0.1 on it is called
moderate, from 0.25 large (Siddiqi 2006, Credit Risk Scorecards). Between two samples of one population it is not 0 but
about (bins - 1)(1/n + 1/m) (Yurdakul 2018), so that it alone would report every small category.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from core.monitoring.snapshot import MEASURES, MIN_LISTINGS, Group, Measure, Shift, Snapshot

#: PSI from which a shift is reported.
MIN_PSI = 0.2
#: Probability of one false report in a comparison of two snapshots, over all its tests.
FALSE_ALARM = 0.01
#: Bins that the reference is divided into, of about equal counts.
_BINS = 10
#: Added to the counts of each bin, so that an empty one has a finite logarithm.
_SMOOTHING = 0.5


def population_stability_index(reference: Sequence[int], present: Sequence[int]) -> float:
    """The PSI of two histograms over the same bins."""
    p, q = (_shares(counts) for counts in (reference, present))
    return float(np.sum((q - p) * np.log(q / p)))


def _shares(counts: Sequence[int]) -> NDArray[np.float64]:
    smoothed = np.asarray(counts, float) + _SMOOTHING
    found: NDArray[np.float64] = smoothed / smoothed.sum()
    return found


def find_shifts(reference: Snapshot, present: Snapshot, *, sizes: bool = True) -> list[Shift]:
    """The shifts from the reference to the present, the largest first.

    Distributions of fewer than `MIN_LISTINGS` values on either side are not compared.

    Args:
        reference: what to compare with.
        present: the present state.
        sizes: whether numbers of listings are compared, as of a reference that is no sample.
    """
    before = {(group.source, group.category): group for group in reference.groups}
    compared: list[Shift] = []
    for group in present.groups:
        if (old := before.get((group.source, group.category))) is not None:
            compared += _compare_group(old, group)
    for source in sorted({group.source for group in present.groups}):
        compared += _compare_categories(source, reference.groups, present.groups)
    for source in sorted({group.source for group in (*reference.groups, *present.groups)} if sizes else ()):
        compared += _compare_sizes(source, reference.groups, present.groups)
    level = FALSE_ALARM / max(len(compared), 1)
    found = [each for each in compared if each.psi >= MIN_PSI and each.p_value < level]
    return sorted(found, key=lambda each: (-each.psi, each.source, each.category, each.measure))


def _compare_group(before: Group, after: Group) -> Iterable[Shift]:
    for name, measure in MEASURES.items():
        counts = before.histogram(measure), after.histogram(measure)
        medians = tuple(_median(measure, each) for each in counts)
        yield from _compare(after, name, _merged(*counts), medians)
    if before.bands and after.bands:
        yield from _compare(after, "band", (list(before.bands.values()), list(after.bands.values())), (None, None))


def _compare_categories(source: str, before: Sequence[Group], after: Sequence[Group]) -> Iterable[Shift]:
    sizes = [{group.category: group.listings for group in side if group.source == source} for side in (before, after)]
    names = sorted(sizes[0].keys() | sizes[1].keys())
    if len(names) > 1:
        counts = tuple([side.get(name, 0) for name in names] for side in sizes)
        whole = Group(source, "", sum(sizes[1].values()), {})
        yield from _compare(whole, "category", (counts[0], counts[1]), (None, None))


def _compare_sizes(source: str, before: Sequence[Group], after: Sequence[Group]) -> Iterable[Shift]:
    """A source with less than half or more than twice the listings."""
    old, new = (sum(group.listings for group in side if group.source == source) for side in (before, after))
    if old >= MIN_LISTINGS and not old / 2 < new < 2 * old:
        change = abs(math.log((new + _SMOOTHING) / (old + _SMOOTHING)))
        yield Shift(source, "", "listings", change, 0.0, float(old), float(new), new)


def _compare(
    group: Group,
    measure: str,
    counts: tuple[Sequence[int], Sequence[int]],
    medians: tuple[float | None, ...],
) -> Iterable[Shift]:
    if min(sum(counts[0]), sum(counts[1])) < MIN_LISTINGS:
        return
    table = np.array([pair for pair in zip(*counts, strict=True) if any(pair)]).T
    p_value = float(chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0
    psi = population_stability_index(*counts)
    yield Shift(group.source, group.category, measure, psi, p_value, medians[0], medians[1], sum(counts[1]))


def _merged(before: Sequence[int], after: Sequence[int]) -> tuple[list[int], list[int]]:
    """Both histograms over fewer bins, of about equal counts in the first."""
    share = np.cumsum(before) / max(sum(before), 1)
    # A bin goes where its middle lies.
    middle = share - np.asarray(before) / max(sum(before), 1) / 2
    place = np.minimum((middle * _BINS).astype(int), _BINS - 1)
    # Values outside the reference are bins of their own: below, above.
    inside = np.flatnonzero(before)
    if len(inside):
        place = place + 1
        place[: inside[0]] = 0
        place[inside[-1] + 1 :] = _BINS + 1
    merged = [
        np.bincount(place, weights=counts, minlength=_BINS + 2).astype(int).tolist() for counts in (before, after)
    ]
    return merged[0], merged[1]


def _median(measure: Measure, counts: Sequence[int]) -> float | None:
    if not sum(counts):
        return None
    if measure.yes_or_no:
        return counts[1] / sum(counts)
    half, total = sum(counts) / 2, np.cumsum(counts)
    place = int(np.searchsorted(total, half))
    # As if the values of a bin were spread evenly.
    return measure.value(place + 1 - float(total[place] - half) / counts[place])
