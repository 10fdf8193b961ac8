"""How right a judge is on labelled pairs, as figures with their 95 % intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import binomtest

from core.errors import CoreError
from core.judge.cache import at_share
from core.judge.verdict import Answer, Verdict
from core.matching.bands import Band
from core.matching.scoring import ScoredPairs as Matched
from core.stats import bootstrap
from labels.model import Pair

#: From sums over queries, shape (n, columns), to a figure of each, shape (n,); NaN where it is undefined.
Of = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval by bootstrap over the queries.

    Attributes:
        value: None where it is not defined, as a precision without a match that was called.
        interval: None where all queries are alike, so that drawing others tells nothing.
    """

    value: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class JudgeMetrics:
    """What a judge is worth on some labelled pairs. A pair without a verdict is no match that was called, and wrong.

    Attributes:
        pairs: how many were judged.
        matches: how many of them are matches.
        majority: the share of the larger class, which is the accuracy of whoever always says the same.
        figures: `accuracy`, `precision`, `recall`, `f1`, `no_verdict` (a share), `seconds` (the mean of a pair).
        p50, p99: seconds that half of the pairs, and all but one in a hundred, took at most.
    """

    judge: str
    pairs: int
    matches: int
    majority: float
    figures: dict[str, Figure]
    p50: float
    p99: float


def judge_metrics(judge: str, verdicts: Mapping[Pair, Verdict], truth: Mapping[Pair, bool]) -> JudgeMetrics:
    """Hold verdicts against labels.

    Args:
        judge: whose.
        verdicts: at least one.
        truth: the labels of their pairs at least.
    """
    labels = np.array([truth[pair] for pair in verdicts], bool)
    called = np.array([verdict.answer is Answer.MATCH for verdict in verdicts.values()], bool)
    silent = np.array([verdict.answer is None for verdict in verdicts.values()], bool)
    seconds = np.array([verdict.seconds for verdict in verdicts.values()], float)
    right = (called == labels) & ~silent
    counts = bootstrap.by_query(
        [pair.query for pair in verdicts], right, called & labels, called, labels, silent, seconds, np.ones(len(labels))
    )
    ordered = sorted(seconds.tolist())
    share = float(labels.mean())
    return JudgeMetrics(
        judge, len(labels), int(labels.sum()), max(share, 1 - share),
        {name: figure(counts, of) for name, of in FIGURES.items()}, at_share(ordered, 0.5), at_share(ordered, 0.99),
    )  # fmt: skip


def figure(counts: NDArray[np.float64], of: Of) -> Figure:
    """A figure of sums over queries, one row of `counts` for each, with its interval."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(of(counts.sum(axis=0, keepdims=True))[0])
        return Figure(None if np.isnan(value) else value, bootstrap.interval(counts, of))


#: Of the sums right, right matches, called, matches, silent, seconds, pairs.
FIGURES: dict[str, Of] = {
    "accuracy": lambda sums: sums[:, 0] / sums[:, 6],
    "precision": lambda sums: sums[:, 1] / sums[:, 2],
    "recall": lambda sums: sums[:, 1] / sums[:, 3],
    "f1": lambda sums: 2 * sums[:, 1] / (sums[:, 2] + sums[:, 3]),
    "no_verdict": lambda sums: sums[:, 4] / sums[:, 6],
    "seconds": lambda sums: sums[:, 5] / sums[:, 6],
}


@dataclass(frozen=True, slots=True)
class PairedTest:
    """What two judges say of the same pairs.

    Attributes:
        first, second: how right each of them is.
        both, only_first, only_second, neither: on how many pairs they are right.
        p: of McNemar's exact test, that as many differences fall so unevenly by chance; 1 where there are none.
        accuracy, f1: the second's less the first's; each query is its own control.
        apart: the pairs that one of them gets right and the other does not, those that only the first gets right
            before those that only the second does.
    """

    first: JudgeMetrics
    second: JudgeMetrics
    both: int
    only_first: int
    only_second: int
    neither: int
    p: float
    accuracy: Figure
    f1: Figure
    apart: tuple[Pair, ...]

    @property
    def words(self) -> str:
        """Which one is better and by how much, in a sentence."""
        change, ends = self.f1.value, self.f1.interval
        if change is None or ends is None:
            return f"Neither is certainly better: F1 {_shown(self.first)} and {_shown(self.second)}."
        if ends[0] <= 0 <= ends[1]:
            return (
                f"Neither is certainly better: F1 {_shown(self.first)} and {_shown(self.second)}, a change of "
                f"{change:+.3f} (95 % interval {ends[0]:+.3f} to {ends[1]:+.3f})."
            )
        better, worse = (self.second, self.first) if ends[0] > 0 else (self.first, self.second)
        least, most = sorted(map(abs, ends))
        return (
            f"{better.judge} is better: F1 {_shown(better)} against {_shown(worse)}, {abs(change):.3f} more "
            f"(95 % interval {least:.3f} to {most:.3f})."
        )


def paired_test(
    names: tuple[str, str],
    first: Mapping[Pair, Verdict],
    second: Mapping[Pair, Verdict],
    truth: Mapping[Pair, bool],
) -> PairedTest:
    """Hold two judges' verdicts against each other, on the pairs of which both have spoken.

    Raises:
        CoreError: there are none.
    """
    pairs = [pair for pair in first if pair in second]
    if not pairs:
        raise CoreError("There is no pair that both have judged.", "Give them a larger budget.")
    one, other = ({pair: verdicts[pair] for pair in pairs} for verdicts in (first, second))
    right = [{pair for pair in pairs if _is_right(said[pair], truth[pair])} for said in (one, other)]
    only = [[pair for pair in pairs if pair in right[i] and pair not in right[1 - i]] for i in (0, 1)]
    accuracy, f1 = _changes(pairs, one, other, truth)
    return PairedTest(
        judge_metrics(names[0], one, truth), judge_metrics(names[1], other, truth),
        len(right[0] & right[1]), len(only[0]), len(only[1]), len(pairs) - len(right[0] | right[1]),
        _mcnemar(len(only[0]), len(only[1])), accuracy, f1,
        (*only[0], *only[1]),
    )  # fmt: skip


def _is_right(verdict: Verdict, label: bool) -> bool:
    return verdict.answer is (Answer.MATCH if label else Answer.NO_MATCH)


def _changes(
    pairs: Sequence[Pair], first: Mapping[Pair, Verdict], second: Mapping[Pair, Verdict], truth: Mapping[Pair, bool]
) -> tuple[Figure, Figure]:

    labels = np.array([truth[pair] for pair in pairs], bool)
    columns = []
    for said in (first, second):
        called = np.array([said[pair].answer is Answer.MATCH for pair in pairs], bool)
        right = np.array([_is_right(said[pair], truth[pair]) for pair in pairs], bool)
        columns.append((right, called & labels, called))
    zeros, ones = np.zeros(len(pairs)), np.ones(len(pairs))
    # One after the other in the order that FIGURES wants.
    rows = [[*each, labels, zeros, zeros, ones] for each in columns]
    counts = bootstrap.by_query([pair.query for pair in pairs], *rows[0], *rows[1])
    width = len(rows[0])
    return _change(counts, FIGURES["accuracy"], width), _change(counts, FIGURES["f1"], width)


def _change(counts: NDArray[np.float64], of: Of, width: int) -> Figure:
    return figure(counts, lambda sums: of(sums[:, width:]) - of(sums[:, :width]))


def _mcnemar(only_first: int, only_second: int) -> float:

    differences = only_first + only_second
    return float(binomtest(only_first, differences).pvalue) if differences else 1.0


def _shown(of: JudgeMetrics) -> str:
    value = of.figures["f1"].value
    return "unknown" if value is None else f"{value:.3f}"


#: Where there is something to add.
BANDS = (Band.MEDIUM, Band.LOW)
#: No probability is more certain than this when two are blended: one that says 0 would outvote everything.
_CERTAIN = 1e-4


@dataclass(frozen=True, slots=True)
class Ablation:
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


def ablation(matched: Matched, verdicts: Mapping[Pair, Verdict], truth: Mapping[Pair, bool]) -> Ablation | None:
    """What a judge adds.

    Args:
        matched: a matcher's word on these pairs, which it has not learnt from.
        verdicts: the judge's.
        truth: the labels of these pairs at least.

    Returns:
        None where there is no pair in these bands on which the judge gave a probability.
    """
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
    return Ablation(
        len(both), int(labels.sum()), figure(counts, _f1_alone), figure(counts, _f1_blended),
        figure(counts, lambda sums: _f1_blended(sums) - _f1_alone(sums)),
        figure(counts, lambda sums: (sums[:, 6] - sums[:, 5]) / sums[:, 7]),
    )  # fmt: skip


def blended(matcher: float, judge: float) -> float:
    """Both probabilities as one: the mean of their log-odds. Nothing is fitted to the pairs that it is judged on."""
    return float(expit(logit(np.clip([matcher, judge], _CERTAIN, 1 - _CERTAIN)).mean()))


def _losses(probabilities: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:

    held = np.clip(np.where(labels, probabilities, 1 - probabilities), _CERTAIN, None)
    found: NDArray[np.float64] = -np.log(held)
    return found


def _f1_alone(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the sums matches, right and called alone, right and called blended, both losses, pairs."""
    found: NDArray[np.float64] = 2 * sums[:, 1] / (sums[:, 0] + sums[:, 2])
    return found


def _f1_blended(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 2 * sums[:, 3] / (sums[:, 0] + sums[:, 4])
    return found
