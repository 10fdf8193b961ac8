"""What one sitting has done in one stream, and how fast."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Seconds of looking at one query that count as work at most; who is away longer has a coffee.
_PAUSE_S = 120.0
#: Fewer answers say nothing of a pace.
_PACE_FROM = 5


@dataclass
class SessionStats:
    """Answers, and the seconds that went into them.

    Attributes:
        mine: queries answered in this sitting.
        worked_s: seconds of looking, pauses left out.
    """

    mine: int = 0
    worked_s: float = 0.0

    def looked(self, seconds: float) -> None:
        """Count a look that ended in an act."""
        self.worked_s += min(seconds, _PAUSE_S)

    @property
    def hourly(self) -> float | None:
        """Answers an hour; None while there are too few to tell."""
        return self.mine / self.worked_s * 3600 if self.mine >= _PACE_FROM and self.worked_s > 0 else None


#: The hint looks so many labels ahead, and back.
AHEAD = 50
#: Less than this is within what one matcher differs from the next by chance.
_NOTHING = 0.002


@dataclass(frozen=True, slots=True)
class Gain:
    """What the next fifty labels may bring.

    Attributes:
        expected: rise of F1; None while there are too few measurements to tell.
        words: one sentence for people.
    """

    expected: float | None
    words: str


def expected_gain(history: Sequence[tuple[int, float]]) -> Gain:
    """The gain of the next fifty labels, from a learning curve.

    Learning curves fall off like one over the number of labels, q(n) = q∞ - c / n (a power law, Hestness et al. 2017,
    arXiv:1712.00409, with the exponent that two points can bear); c is fitted by least squares to what came after
    half of the labels, so that the first leap says nothing of the end.

    Args:
        history: labels, and the F1 that they gave, in order of the labels.
    """
    recent = [(n, q) for n, q in history if n > 0 and 2 * n >= history[-1][0]]
    if len({n for n, _ in recent}) < 3:
        return Gain(None, f"After {AHEAD} labels more it can be told whether going on pays.")
    xs, ys = [1 / n for n, _ in recent], [q for _, q in recent]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / sum((x - mean_x) ** 2 for x in xs)
    last = recent[-1][0]
    gain = max(0.0, -slope * (1 / last - 1 / (last + AHEAD)))
    if gain < _NOTHING:
        return Gain(gain, f"The next {AHEAD} labels will hardly change anything.")
    return Gain(gain, f"The next {AHEAD} labels may raise F1 by {gain:.3f}.")
