"""Statistics of one review session, and the gain to expect from further labels."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Seconds per query that count as work at most; anything longer is a break.
_MAX_LOOK_S = 120.0
#: Answers from which a rate is shown.
_MIN_ANSWERS = 5


@dataclass
class SessionStats:
    """The answers of one session in one stream.

    Attributes:
        answered: queries answered.
        worked_s: seconds spent on queries, without breaks.
    """

    answered: int = 0
    worked_s: float = 0.0

    def add_look(self, seconds: float) -> None:
        """Add the time until an action."""
        self.worked_s += min(seconds, _MAX_LOOK_S)

    @property
    def hourly(self) -> float | None:
        """Answers per hour; None while there are too few."""
        enough = self.answered >= _MIN_ANSWERS and self.worked_s > 0
        return self.answered / self.worked_s * 3600 if enough else None


#: Number of further labels that the expected gain is for.
LABELS_AHEAD = 50
#: F1 below which a gain is within the random variation between fits.
_MIN_GAIN = 0.002


@dataclass(frozen=True, slots=True)
class Gain:
    """The expected gain of the next fifty labels.

    Attributes:
        expected: increase of F1; None while there are too few measurements.
        words: one sentence for people.
    """

    expected: float | None
    words: str


def learning_curve_gain(history: Sequence[tuple[int, float]]) -> Gain:
    """The expected gain of the next fifty labels, extrapolated from a learning curve.

    The model is q(n) = q∞ - c / n, a power law (Hestness et al. 2017, arXiv:1712.00409) with a fixed exponent, since
    few points cannot determine it. c is fitted by least squares to the second half of the labels, so that the steep
    start does not influence it.

    Args:
        history: pairs of number of labels and F1, in increasing order of labels.
    """
    recent = [(n, q) for n, q in history if n > 0 and 2 * n >= history[-1][0]]
    if len({n for n, _ in recent}) < 3:
        return Gain(None, f"After {LABELS_AHEAD} more labels the gain can be estimated.")
    xs, ys = [1 / n for n, _ in recent], [q for _, q in recent]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / sum((x - mean_x) ** 2 for x in xs)
    last = recent[-1][0]
    gain = max(0.0, -slope * (1 / last - 1 / (last + LABELS_AHEAD)))
    if gain < _MIN_GAIN:
        return Gain(gain, f"The next {LABELS_AHEAD} labels will hardly change anything.")
    return Gain(gain, f"The next {LABELS_AHEAD} labels may raise F1 by {gain:.3f}.")
