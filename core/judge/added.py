"""What a judge adds to the matcher where the matcher is not certain: alone against blended, on the same pairs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.evaluate import bootstrap
from core.judge.measured import Figure, figure
from core.judge.verdict import Verdict
from core.match.bands import Band
from core.match.judging import Judged as Matched
from labels.model import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Where there is something to add.
BANDS = (Band.MEDIUM, Band.LOW)
#: No probability is more certain than this when two are blended: one that says 0 would outvote everything.
_CERTAIN = 1e-4


@dataclass(frozen=True, slots=True)
class Added:
    """Matcher alone against matcher and judge, on the pairs of the bands medium and low.

    Attributes:
        pairs: how many, of which the judge gave a probability.
        matches: how many of them are matches.
        alone, blended: F1 at the matcher's threshold.
        change: of F1; each query is its own control.
        loss: the change of the mean log-loss; less is better.
    """

    pairs: int
    matches: int
    alone: Figure
    blended: Figure
    change: Figure
    loss: Figure

    @property
    def something(self) -> bool:
        """Whether the judge adds something that is not chance."""
        return self.change.interval is not None and self.change.interval[0] > 0

    @property
    def words(self) -> str:
        """The same in a sentence."""
        if not self.matches:
            return "Whether the judge adds something to the matcher is unknown: no match is labelled in its bands."
        alone, blended, change = (each.value or 0.0 for each in (self.alone, self.blended, self.change))
        ends = self.change.interval
        interval = f"95 % interval {ends[0]:+.3f} to {ends[1]:+.3f}" if ends else "the same for all queries"
        figures = f"the matcher's F1 is {alone:.3f} alone, {blended:.3f} with it, {change:+.3f} ({interval})"
        if self.something:
            return f"The judge adds something to the matcher in the bands medium and low: {figures}."
        if ends is not None and ends[1] < 0:
            return f"The judge makes the matcher worse in the bands medium and low, so leave it off: {figures}."
        return f"The judge adds nothing certain to the matcher in the bands medium and low, so leave it off: {figures}."


def added(matched: Matched, verdicts: Mapping[Pair, Verdict], truth: Mapping[Pair, bool]) -> Added | None:
    """What a judge adds.

    Args:
        matched: a matcher's word on these pairs, which it has not learnt from.
        verdicts: the judge's.
        truth: the labels of these pairs at least.

    Returns:
        None where there is no pair in these bands on which the judge gave a probability.
    """
    import numpy as np  # noqa: PLC0415

    cuts, threshold = matched.matcher.cuts, matched.matcher.threshold
    both = {
        pair: (matched.probability[pair], verdict.probability)
        for pair, verdict in verdicts.items()
        if verdict.probability is not None and pair in matched.probability
        if cuts.band(matched.probability[pair]) in BANDS
    }
    if not both:
        return None
    labels = np.array([truth[pair] for pair in both], bool)
    alone = np.array([matcher for matcher, _ in both.values()], float)
    blend = np.array([blended(matcher, judge) for matcher, judge in both.values()], float)
    called, called_too = alone >= threshold, blend >= threshold
    counts = bootstrap.by_query(
        [pair.query for pair in both], labels, called & labels, called, called_too & labels, called_too,
        _losses(alone, labels), _losses(blend, labels), np.ones(len(labels)),
    )  # fmt: skip
    return Added(
        len(both), int(labels.sum()), figure(counts, _f1_alone), figure(counts, _f1_blended),
        figure(counts, lambda sums: _f1_blended(sums) - _f1_alone(sums)),
        figure(counts, lambda sums: (sums[:, 6] - sums[:, 5]) / sums[:, 7]),
    )  # fmt: skip


def blended(matcher: float, judge: float) -> float:
    """Both probabilities as one: the mean of their log-odds. Nothing is fitted to the pairs that it is judged on."""
    mean = (_log_odds(matcher) + _log_odds(judge)) / 2
    return 1 / (1 + math.exp(-mean))


def _log_odds(probability: float) -> float:
    held = min(max(probability, _CERTAIN), 1 - _CERTAIN)
    return math.log(held / (1 - held))


def _losses(probabilities: "NDArray[np.float64]", labels: "NDArray[np.bool_]") -> "NDArray[np.float64]":
    import numpy as np  # noqa: PLC0415

    held = np.clip(np.where(labels, probabilities, 1 - probabilities), _CERTAIN, None)
    found: NDArray[np.float64] = -np.log(held)
    return found


def _f1_alone(sums: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Of the sums matches, right and called alone, right and called blended, both losses, pairs."""
    found: NDArray[np.float64] = 2 * sums[:, 1] / (sums[:, 0] + sums[:, 2])
    return found


def _f1_blended(sums: "NDArray[np.float64]") -> "NDArray[np.float64]":
    found: NDArray[np.float64] = 2 * sums[:, 3] / (sums[:, 0] + sums[:, 4])
    return found
