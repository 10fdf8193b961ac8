"""Judge metrics on labelled pairs: quality of one judge, a paired test of two, and the gain over the matcher.

Confidence intervals are 95 % percentile intervals of a bootstrap over queries (`core.stats.bootstrap`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.errors import CoreError
from core.judge.cache import percentile
from core.judge.verdict import Answer, Verdict
from core.matching.bands import Band
from core.matching.scoring import ScoredPairs
from core.stats import bootstrap
from labels.model import Pair

#: From sums over queries, shape (n, columns), to a statistic of each row, shape (n,); NaN where it is undefined.
Statistic = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A statistic with its 95 % interval.

    Attributes:
        value: None if undefined, such as a precision without predicted matches.
        interval: None if all queries are alike, so that resampling them has no effect.
    """

    value: float | None
    interval: tuple[float, float] | None


def compute_figure(counts: NDArray[np.float64], statistic: Statistic) -> Figure:
    """A statistic and its interval, from sums per query, shape (queries, columns)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(statistic(counts.sum(axis=0, keepdims=True))[0])
        return Figure(None if np.isnan(value) else value, bootstrap.interval(counts, statistic))


@dataclass(frozen=True, slots=True)
class JudgeMetrics:
    """Quality and speed of a judge on labelled pairs. A missing verdict counts as an error and as no predicted match.

    Attributes:
        judge: name of the judge.
        pairs: number of pairs.
        matches: number of pairs labelled as matches.
        majority: share of the larger class: the accuracy of a constant answer.
        figures: `accuracy`, `precision`, `recall`, `f1`, `no_verdict` (a share) and `seconds` (mean per pair).
        p50, p99: percentiles of the seconds per pair.
    """

    judge: str
    pairs: int
    matches: int
    majority: float
    figures: dict[str, Figure]
    p50: float
    p99: float


#: Columns: correct, correct matches, predicted matches, matches, without a verdict, seconds, pairs.
FIGURES: dict[str, Statistic] = {
    "accuracy": lambda sums: sums[:, 0] / sums[:, 6],
    "precision": lambda sums: sums[:, 1] / sums[:, 2],
    "recall": lambda sums: sums[:, 1] / sums[:, 3],
    "f1": lambda sums: 2 * sums[:, 1] / (sums[:, 2] + sums[:, 3]),
    "no_verdict": lambda sums: sums[:, 4] / sums[:, 6],
    "seconds": lambda sums: sums[:, 5] / sums[:, 6],
}


def judge_metrics(judge: str, verdicts: Mapping[Pair, Verdict], truth: Mapping[Pair, bool]) -> JudgeMetrics:
    """Evaluate verdicts against labels.

    Args:
        judge: name of the judge.
        verdicts: at least one.
        truth: labels of at least these pairs.
    """
    columns = _metric_columns(verdicts, truth)
    counts = bootstrap.by_query([pair.query for pair in verdicts], *columns)
    seconds = sorted(verdict.seconds for verdict in verdicts.values())
    matches = sum(truth[pair] for pair in verdicts)
    match_share = matches / len(verdicts)
    return JudgeMetrics(
        judge, len(verdicts), matches, max(match_share, 1 - match_share),
        {name: compute_figure(counts, statistic) for name, statistic in FIGURES.items()},
        percentile(seconds, 0.5), percentile(seconds, 0.99),
    )  # fmt: skip


def _metric_columns(verdicts: Mapping[Pair, Verdict], truth: Mapping[Pair, bool]) -> list[NDArray[np.float64]]:
    """The columns that `FIGURES` read, each of shape (pairs,)."""
    labels = np.array([truth[pair] for pair in verdicts], bool)
    predicted = np.array([verdict.answer is Answer.MATCH for verdict in verdicts.values()], bool)
    missing = np.array([verdict.answer is None for verdict in verdicts.values()], bool)
    seconds = np.array([verdict.seconds for verdict in verdicts.values()], float)
    correct = (predicted == labels) & ~missing
    columns = (correct, predicted & labels, predicted, labels, missing, seconds, np.ones(len(labels)))
    return [np.asarray(column, float) for column in columns]


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two judges on the same labelled pairs.

    Attributes:
        first, second: metrics of each judge.
        both, only_first, only_second, neither: number of pairs that the judges get right.
        p: p-value of McNemar's exact test; 1 if the judges never differ.
        accuracy, f1: difference, second minus first; resampled in pairs.
        apart: the pairs on which exactly one judge is right: those of the first judge, then those of the second.
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
    def summary(self) -> str:
        """Which judge is better and by how much, in a sentence."""
        change, interval = self.f1.value, self.f1.interval
        tie = f"No significant difference: F1 {_f1_text(self.first)} and {_f1_text(self.second)}"
        if change is None or interval is None:
            return f"{tie}."
        if interval[0] <= 0 <= interval[1]:
            return f"{tie}, a change of {change:+.3f} (95 % interval {interval[0]:+.3f} to {interval[1]:+.3f})."
        better, worse = (self.second, self.first) if interval[0] > 0 else (self.first, self.second)
        low, high = sorted(map(abs, interval))
        return (
            f"{better.judge} is better: F1 {_f1_text(better)} against {_f1_text(worse)}, {abs(change):.3f} more "
            f"(95 % interval {low:.3f} to {high:.3f})."
        )


def paired_test(
    names: tuple[str, str],
    first: Mapping[Pair, Verdict],
    second: Mapping[Pair, Verdict],
    truth: Mapping[Pair, bool],
) -> PairedTest:
    """Compare two judges on the pairs for which both have a verdict.

    Raises:
        CoreError: there are no such pairs.
    """
    pairs = [pair for pair in first if pair in second]
    if not pairs:
        raise CoreError("There is no pair that both have judged.", "Give them a larger budget.")
    one, other = ({pair: verdicts[pair] for pair in pairs} for verdicts in (first, second))
    right_one, right_other = (
        {pair for pair, verdict in verdicts.items() if _is_correct(verdict, truth[pair])} for verdicts in (one, other)
    )
    only_first = [pair for pair in pairs if pair in right_one - right_other]
    only_second = [pair for pair in pairs if pair in right_other - right_one]
    accuracy, f1 = _metric_changes(one, other, truth)
    return PairedTest(
        judge_metrics(names[0], one, truth), judge_metrics(names[1], other, truth),
        len(right_one & right_other), len(only_first), len(only_second), len(pairs) - len(right_one | right_other),
        _mcnemar(len(only_first), len(only_second)), accuracy, f1,
        (*only_first, *only_second),
    )  # fmt: skip


def _is_correct(verdict: Verdict, label: bool) -> bool:
    return verdict.answer is (Answer.MATCH if label else Answer.NO_MATCH)


def _metric_changes(
    first: Mapping[Pair, Verdict], second: Mapping[Pair, Verdict], truth: Mapping[Pair, bool]
) -> tuple[Figure, Figure]:
    """The changes of accuracy and F1, second minus first, on the same pairs in the same order."""
    columns = []
    for verdicts in (first, second):
        *counted, labels, _missing, _seconds, ones = _metric_columns(verdicts, truth)
        # Neither statistic reads the two columns, and the bootstrap is faster the more queries have equal counts.
        columns.append([*counted, labels, np.zeros_like(ones), np.zeros_like(ones), ones])
    counts = bootstrap.by_query([pair.query for pair in first], *columns[0], *columns[1])
    width = len(columns[0])

    def change(name: str) -> Figure:
        statistic = FIGURES[name]
        return compute_figure(counts, lambda sums: statistic(sums[:, width:]) - statistic(sums[:, :width]))

    return change("accuracy"), change("f1")


def _mcnemar(only_first: int, only_second: int) -> float:
    """The p-value of McNemar's exact test: a binomial test of the discordant pairs at p = 0.5."""
    # Half a second to import, which most of the commands that load this module do not pay.
    from scipy.stats import binomtest  # noqa: PLC0415

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0


def _f1_text(metrics: JudgeMetrics) -> str:
    value = metrics.figures["f1"].value
    return "unknown" if value is None else f"{value:.3f}"


#: The bands in which a judge can contribute: the matcher is already certain in the others.
ABLATION_BANDS = (Band.MEDIUM, Band.LOW)
#: Probabilities are clipped to this distance from 0 and 1 before blending, so that no single one decides alone.
_MIN_PROBABILITY = 1e-4


@dataclass(frozen=True, slots=True)
class Ablation:
    """Matcher alone against matcher and judge, on the pairs of the bands medium and low.

    Attributes:
        pairs: pairs on which the judge gave a probability.
        matches: matches among them.
        alone, blended: F1 at the matcher's threshold.
        change: difference of the F1, resampled in pairs.
        loss: difference of the mean log-loss; negative is better.
    """

    pairs: int
    matches: int
    alone: Figure
    blended: Figure
    change: Figure
    loss: Figure

    @property
    def significant(self) -> bool:
        """Whether the judge improves on the matcher: the interval of the change is above 0."""
        return self.change.interval is not None and self.change.interval[0] > 0

    @property
    def summary(self) -> str:
        """The gain over the matcher, in a sentence."""
        if not self.matches:
            return "The judge's gain over the matcher is unknown: no pair of the bands medium and low is a match."
        alone, blended, change = (each.value or 0.0 for each in (self.alone, self.blended, self.change))
        ends = self.change.interval
        interval = f"95 % interval {ends[0]:+.3f} to {ends[1]:+.3f}" if ends else "the same for all queries"
        figures = f"F1 {alone:.3f} for the matcher alone, {blended:.3f} with the judge, {change:+.3f} ({interval})"
        if self.significant:
            return f"The judge improves on the matcher in the bands medium and low: {figures}."
        if ends is not None and ends[1] < 0:
            return f"The judge makes the matcher worse in the bands medium and low, so leave it off: {figures}."
        return (
            f"The judge has no significant gain over the matcher in the bands medium and low: {figures}. Leave it off."
        )


def measure_ablation(
    scored: ScoredPairs, verdicts: Mapping[Pair, Verdict], truth: Mapping[Pair, bool]
) -> Ablation | None:
    """The gain of matcher and judge together over the matcher alone.

    Args:
        scored: scores of these pairs by a matcher that was not trained on them.
        verdicts: the judge's.
        truth: labels of at least these pairs.

    Returns:
        None if the judge gave no probability on any pair of `ABLATION_BANDS`.
    """
    cuts, threshold = scored.matcher.cuts, scored.matcher.threshold
    probabilities = {
        pair: (scored.probability[pair], verdict.probability)
        for pair, verdict in verdicts.items()
        if verdict.probability is not None and pair in scored.probability
        if cuts.band(scored.probability[pair]) in ABLATION_BANDS
    }
    if not probabilities:
        return None
    labels = np.array([truth[pair] for pair in probabilities], bool)
    alone = np.array([matcher for matcher, _ in probabilities.values()], float)
    blended = np.array([blend(matcher, judge) for matcher, judge in probabilities.values()], float)
    predicted_alone, predicted_blended = alone >= threshold, blended >= threshold
    counts = bootstrap.by_query(
        [pair.query for pair in probabilities], labels, predicted_alone & labels, predicted_alone,
        predicted_blended & labels, predicted_blended, _log_losses(alone, labels), _log_losses(blended, labels),
        np.ones(len(labels)),
    )  # fmt: skip
    return Ablation(
        len(probabilities), int(labels.sum()),
        compute_figure(counts, _f1_alone), compute_figure(counts, _f1_blended),
        compute_figure(counts, lambda sums: _f1_blended(sums) - _f1_alone(sums)),
        compute_figure(counts, lambda sums: (sums[:, 6] - sums[:, 5]) / sums[:, 7]),
    )  # fmt: skip


def blend(matcher: float, judge: float) -> float:
    """One probability from two: the mean of their log-odds. It has no parameters that could overfit the labels."""
    clipped = np.clip([matcher, judge], _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    return float(expit(logit(clipped).mean()))


def _log_losses(probabilities: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The log-loss of each pair, shape (n,)."""
    of_label = np.clip(np.where(labels, probabilities, 1 - probabilities), _MIN_PROBABILITY, None)
    losses: NDArray[np.float64] = -np.log(of_label)
    return losses


# Columns: matches; correct and predicted matches alone; correct and predicted matches blended; both losses; pairs.


def _f1_alone(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    f1: NDArray[np.float64] = 2 * sums[:, 1] / (sums[:, 0] + sums[:, 2])
    return f1


def _f1_blended(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    f1: NDArray[np.float64] = 2 * sums[:, 3] / (sums[:, 0] + sums[:, 4])
    return f1
