"""From a cosine to a band and to a probability."""

import numpy as np
import pytest

from core.match.bands import Band, band_of
from core.match.calibration import fit_curve, unfitted


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
def test_bands_are_cut_where_the_settings_say(similarity: float | None, band: Band) -> None:
    assert band_of(similarity, 0.85, 0.75) is band


def test_before_any_label_the_boundary_is_one_half() -> None:
    curve = unfitted(0.8)
    assert curve.probabilities([0.8, 0.9, 0.7]) == pytest.approx([0.5, 0.95, 0.05], abs=0.001)
    assert (curve.threshold, curve.labels) == (0.5, 0)


@pytest.mark.parametrize("labels", [[], [True, True], [False]])
def test_one_class_alone_fits_nothing(labels: list[bool]) -> None:
    assert fit_curve([0.9] * len(labels), labels, 0.8) == unfitted(0.8)


def test_a_fitted_curve_rises_and_parts_the_labels() -> None:
    rng = np.random.default_rng(0)
    cosines = np.r_[rng.normal(0.5, 0.05, 60), rng.normal(0.7, 0.05, 60)]
    labels = [False] * 60 + [True] * 60
    curve = fit_curve(cosines.tolist(), labels, 0.8)
    probabilities = curve.probabilities([0.4, 0.6, 0.8])
    assert curve.labels == 120
    assert probabilities[0] < 0.05 < probabilities[1] < 0.95 < probabilities[2]
    called = curve.probabilities(cosines.tolist()) >= curve.threshold
    assert (called == labels).mean() > 0.95
