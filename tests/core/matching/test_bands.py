"""Bands: their bounds and the precision they reach."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.matching.bands import (
    Band,
    Cuts,
    band_name,
    band_of,
    basis_remark,
    calibrated_on,
    cosine_band,
    default_band,
    percent,
)
from core.matching.calibration import band_cuts
from core.stats.exact import lower_bound, successes_needed, upper_bound
from core.stats.wilson import checks_needed, wilson


@pytest.mark.parametrize(
    ("similarity", "band"),
    [
        (1.0, Band.HIGH),
        (0.85, Band.HIGH),
        (0.8499, Band.MEDIUM),
        (0.75, Band.MEDIUM),
        (0.7499, Band.LOW),
        (-1.0, Band.LOW),
        (None, Band.LOW),
        (float("nan"), Band.LOW),
    ],
)
def test_a_band_begins_at_its_cut(similarity: float | None, band: Band) -> None:
    assert band_of(similarity, 0.85, 0.75) is band


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "0%"), (0.009, "<1%"), (0.01, "1%"), (0.5, "50%"), (0.99, "99%"), (0.991, ">99%"), (1.0, "100%")],
)
def test_only_0_and_1_are_rounded_to_0_and_100_percent(probability: float, text: str) -> None:
    assert percent(probability) == text


@pytest.mark.parametrize(
    ("right", "labels", "low", "high"),
    [
        # Newcombe 1998 (Statistics in Medicine 17), table I: Wilson's score interval without continuity correction.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # Its mirror image.
        (28, 29, 0.8282, 0.9939),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_intervals_are_those_of_the_literature(right: int, labels: int, low: float, high: float) -> None:
    found = wilson(right, labels)
    assert (found.right, found.labels) == (right, labels)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_nothing_seen_may_be_anything() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)


@given(st.integers(1, 5000), st.data())
def test_an_interval_holds_its_share_and_narrows_with_labels(labels: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, labels))
    one, more = wilson(right, labels), wilson(10 * right, 10 * labels)
    assert 0 <= one.low <= right / labels + 1e-12
    assert right / labels - 1e-12 <= one.high <= 1
    assert more.high - more.low < one.high - one.low


def calibrated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, most of them near 0 or 1, and labels drawn with them."""
    random = np.random.default_rng(seed)
    probabilities = random.beta(0.1, 0.4, n)
    return probabilities, random.random(n) < probabilities


@given(st.integers(0, 30), st.sampled_from([0.9, 0.95, 0.98]), st.integers(30, 3000))
def test_the_firm_bands_are_those_that_the_folds_prove(seed: int, target: float, n: int) -> None:
    probabilities, labels = calibrated(n, seed)
    cuts = band_cuts(probabilities, labels, target)
    above, below = probabilities >= cuts.high, probabilities < cuts.low
    assert (cuts.match.right, cuts.match.labels) == (labels[above].sum(), above.sum())
    assert (cuts.no_match.right, cuts.no_match.labels) == ((~labels[below]).sum(), below.sum())
    assert cuts.low <= 1 - target + 1e-12 <= 0.5 <= cuts.high
    for promise, found in ((cuts.match_promise, cuts.match), (cuts.no_match_promise, cuts.no_match)):
        assert promise == pytest.approx(lower_bound(found.right, found.labels))
        assert promise <= found.right / found.labels if found.labels else promise == 0
    # Only where the labels prove it is a band wider than its probability.
    assert cuts.high >= target or cuts.match_promise >= target


def test_a_matcher_that_says_less_than_it_knows_gets_a_wider_band_but_never_below_one_half() -> None:
    labels = np.arange(400) < 200
    assert band_cuts(np.r_[np.full(200, 0.6), np.full(200, 0.55)], labels, 0.98).high == pytest.approx(0.6)
    assert band_cuts(np.r_[np.full(200, 0.4), np.full(200, 0.1)], labels, 0.98).high == 0.98


def test_the_cut_lies_above_what_is_wrong() -> None:
    probabilities = np.linspace(0.5, 1, 800)
    cuts = band_cuts(probabilities, probabilities > 0.8, 0.98)
    assert cuts.match_promise >= 0.98
    assert 0.79 < cuts.high < 0.81


def test_equal_probabilities_are_never_parted() -> None:
    probabilities = np.r_[np.full(100, 0.9), np.full(100, 0.1)]
    labels = np.r_[np.arange(100) < 50, np.zeros(100, bool)]
    # Half of those at 0.9 are wrong; a cut among them would look precise and could not be made.
    assert band_cuts(probabilities, labels, 0.98).high == 0.98


def test_the_low_band_ends_below_the_first_wrong_answers() -> None:
    probabilities = np.r_[np.full(150, 0.001), np.full(150, 0.004), np.full(20, 0.015)]
    cuts = band_cuts(probabilities, probabilities > 0.01, 0.98)
    assert cuts.low == pytest.approx(0.004)
    assert cuts.no_match.labels == 300
    # Without wrong answers it ends where the probability does.
    assert band_cuts(probabilities, np.zeros(320, bool), 0.98).low == pytest.approx(0.02)


@pytest.mark.parametrize(("n", "high"), [(148, 0.98), (149, 0.6)])
def test_149_right_labels_prove_a_precision_of_98_percent(n: int, high: float) -> None:
    assert band_cuts(np.full(n, 0.6), np.ones(n, bool), 0.98).high == high


def test_the_pairs_of_a_query_count_once() -> None:
    probabilities, labels = np.full(298, 0.6), np.ones(298, bool)
    assert band_cuts(probabilities, labels, 0.98, np.arange(298) // 2).high == 0.6
    assert band_cuts(probabilities, labels, 0.98, np.arange(298) // 3).high == 0.98


@pytest.mark.parametrize("n", [0, 1, 10])
def test_few_labels_leave_the_cut_to_the_probability(n: int) -> None:
    cuts = band_cuts(np.full(n, 0.99), np.ones(n, bool), 0.98)
    assert (cuts.high, cuts.low) == (0.98, pytest.approx(0.02))
    assert cuts.match_promise == pytest.approx(0.05 ** (1 / n) if n else 0)


def test_a_band_that_the_labels_contradict_is_narrow_or_empty() -> None:
    probabilities, labels = np.r_[np.full(60, 0.999), np.full(100, 0.985)], np.arange(160) < 60
    cuts = band_cuts(probabilities, labels, 0.98)
    assert cuts.high == 0.999
    assert cuts.match_promise < 0.98
    empty = band_cuts(np.full(200, 0.99), np.arange(200) < 100, 0.98)
    assert (empty.high, empty.match.labels, empty.match_promise) == (1, 0, 0)
    assert band_cuts(np.full(200, 0.01), np.arange(200) < 100, 0.98).low == 0


def test_promises_hold_on_new_data() -> None:
    """Over many samples, the precision in the population is below the promise in one of twenty at most."""
    broken, proven = 0, 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        probabilities = random.beta(0.3, 0.3, 1200)
        # Overconfident: the matches are fewer than the probabilities say.
        labels = random.random(1200) < probabilities**1.15
        cuts = band_cuts(probabilities, labels, 0.98)
        above = np.linspace(0, 1, 200_001)[1:-1]
        density = (above * (1 - above)) ** -0.7
        above, density = above[above >= cuts.high], density[above >= cuts.high]
        precision = float(density @ above**1.15 / density.sum())
        proven += cuts.match_promise >= 0.98
        broken += precision < cuts.match_promise
    assert proven > 20
    assert broken <= 20


def test_bands_by_probability() -> None:
    cuts = Cuts(0.9, 0.02, wilson(9, 9), wilson(9, 9))
    assert [cuts.band(p) for p in (0.9, 0.89, 0.02, 0.019)] == [Band.HIGH, Band.MEDIUM, Band.MEDIUM, Band.LOW]


@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from([0.6, 0.9, 0.98, 0.999]))
def test_so_many_more_checks_prove_the_target_and_one_less_does_not(right: int, wrong: int, target: float) -> None:
    more = checks_needed(wilson(right, right + wrong), target)
    assert wilson(right + more, right + wrong + more).low > target
    assert more == 0 or wilson(right + more - 1, right + wrong + more - 1).low <= target


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [
        # The one-sided 97.5 % bounds are the 95 % intervals of Clopper and Pearson (Newcombe 1998, table I).
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_exact_bounds_are_those_of_the_literature(right: int, count: int, low: float, high: float) -> None:
    assert lower_bound(right, count, 0.975) == pytest.approx(low, abs=5e-5)
    assert upper_bound(right, count, 0.975) == pytest.approx(high, abs=5e-5)


@given(st.integers(0, 400), st.integers(0, 40), st.sampled_from([0.6, 0.9, 0.98]))
def test_so_many_more_right_labels_prove_the_target_and_one_less_does_not(
    right: int, wrong: int, target: float
) -> None:
    more = successes_needed(right, right + wrong, target)
    assert lower_bound(right + more, right + wrong + more) >= target
    assert more == 0 or lower_bound(right + more - 1, right + wrong + more - 1) < target


@pytest.mark.parametrize("band", list(Band))
def test_a_band_that_no_labels_stand_behind_says_what_it_is_cut_through(band: Band) -> None:
    assert band_name(band, calibrated=True) == band
    assert band_name(band, calibrated=False) == f"prior:{band}"
    named = (band_name(band, calibrated=True), band_name(band, calibrated=False), f"cosine:{band}")
    assert {Band(default_band(name)) for name in named} == {band}


def test_the_band_of_a_cosine_is_named_so() -> None:
    assert [cosine_band(value, 0.85, 0.75) for value in (0.9, 0.8, 0.1)] == [
        "cosine:high",
        "cosine:medium",
        "cosine:low",
    ]


@pytest.mark.parametrize(
    ("labels", "matches", "words"),
    [
        (0, 0, "uncalibrated: no labels of both classes yet"),
        (1, 1, "calibrated on 1 labelled pair (1 match): rough"),
        (12, 3, "calibrated on 12 labelled pairs (3 matches): rough"),
        (300, 19, "calibrated on 300 labelled pairs (19 matches): rough"),
        (300, 290, "calibrated on 300 labelled pairs (290 matches): rough"),
        (300, 20, "calibrated on 300 labelled pairs"),
        # Earlier versions did not store the number of matches.
        (12, None, "calibrated on 12 labelled pairs: rough"),
        (1200, None, "calibrated on 1,200 labelled pairs"),
    ],
)
def test_few_labels_are_counted(labels: int, matches: int | None, words: str) -> None:
    assert calibrated_on(labels, matches) == words
    remark = basis_remark(labels, matches)
    assert bool(remark) is (not labels or words.endswith("rough"))
    assert ("prior:high" in remark) is (not labels)
    assert "\n" not in remark
