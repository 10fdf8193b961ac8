"""Replay of a labelling campaign on known labels: choose pairs, label, refit, measure. Works on arrays only."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.pairs import pair_metrics
from core.matching.fitting import TrainingSet, fit_matcher, fit_weak_matcher
from core.matching.learners import scale_of
from core.matching.matcher import Matcher, prior_matcher
from core.queue.batches import next_batch
from core.queue.strategies import STRATEGIES, UnlabelledPool

#: 1 / share of the queries that are held out for evaluation.
_HOLDOUT_DIVISOR = 3

#: Label counts at which every campaign is measured, whatever its batch size, so that campaigns are comparable.
CHECKPOINTS = (10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class LabelledPairs:
    """n pairs with features and labels.

    Attributes:
        vectors: features, float32 of shape (n, features), NaN if unknown.
        labels: true labels, shape (n,).
        query: number of the query of each pair, shape (n,).
        family: number shared by near-duplicate queries, shape (n,).
        recorded: a language model's recorded answer, shape (n,): 1 for a match, 0 for none, -1 without one.
    """

    vectors: NDArray[np.float32]
    labels: NDArray[np.bool_]
    query: NDArray[np.int64]
    family: NDArray[np.int64]
    recorded: NDArray[np.int8] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, mask: NDArray[np.bool_]) -> "LabelledPairs":
        """The pairs selected by a mask."""
        recorded = None if self.recorded is None else self.recorded[mask]
        return LabelledPairs(self.vectors[mask], self.labels[mask], self.query[mask], self.family[mask], recorded)


@dataclass(frozen=True, slots=True)
class LlmPlan:
    """A language model that labels a part of the pool before people do.

    Attributes:
        labels: number of pairs at most.
        weight: of its labels in the fits, in (0, 1].
        error: share of its wrong labels, in [0, 1]; None for its recorded answers.
    """

    labels: int
    weight: float
    error: float | None = None


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """Parameters of a campaign.

    Attributes:
        strategy: name of the query strategy.
        budget: total number of labels; one label is one pair.
        batch: labels between two refits.
        seed: of choices, errors, folds and trees.
        error: share of wrong labels, in [0, 1].
        llm: a language model that labels first; None for people alone.
    """

    strategy: str
    budget: int
    batch: int = 10
    seed: int = 0
    error: float = 0.0
    llm: LlmPlan | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """Metrics on the evaluation pairs after some number of labels.

    Attributes:
        labels: number of labels so far.
        metrics: `f1 precision recall average_precision ece threshold hit@1` at the matcher's own threshold, and
            `matches`, the number of labels that are matches.
    """

    labels: int
    metrics: dict[str, float]


def split_by_family(gold: LabelledPairs, seed: int) -> tuple[LabelledPairs, LabelledPairs]:
    """Split off a third of the queries for evaluation; near-duplicates stay together."""
    names = np.unique(gold.family)
    drawn = np.random.default_rng(seed).permutation(names)[: max(1, len(names) // _HOLDOUT_DIVISOR)]
    judged = np.isin(gold.family, drawn)
    return gold.part(~judged), gold.part(judged)


def steps(plan: CampaignPlan, size: int) -> list[int]:
    """Label counts after each step: multiples of `batch`, the checkpoints, and the budget."""
    end = min(plan.budget, size)
    return sorted({*range(plan.batch, end, plan.batch), *(count for count in CHECKPOINTS if count < end), end})


def replay(
    gold: LabelledPairs, judged: LabelledPairs, features: tuple[str, ...], plan: CampaignPlan
) -> Iterator[Point]:
    """Run a campaign, and yield a point after each refit; with a language model also one before people's first label.

    Args:
        gold: the pool of pairs to label.
        judged: the evaluation pairs, disjoint from the pool.
        features: names of the columns of `vectors`.
        plan: parameters of the campaign.
    """
    random = np.random.default_rng(plan.seed)
    answers = gold.labels ^ (random.random(len(gold)) < plan.error)
    scale = scale_of(gold.vectors, features)
    scaled = scale(gold.vectors)
    labelled = np.zeros(len(gold), bool)
    matcher, weak = prior_matcher(features, gold.vectors), None
    if plan.llm is not None:
        weak, matcher = _labelled_by_llm(gold, features, scaled, plan, plan.llm)
        yield Point(0, measure(judged, matcher) | {"matches": 0.0})
    for step in steps(plan, len(gold)):
        pool = _pool(gold, features, scaled, matcher, labelled)
        batch = next_batch(pool, STRATEGIES[plan.strategy], step - int(labelled.sum()), random)
        labelled[batch] = True
        matcher = _fitted(gold, answers, labelled, features, plan.seed, weak) or matcher
        yield Point(step, measure(judged, matcher) | {"matches": float(answers[labelled].sum())})


def _pool(
    gold: LabelledPairs,
    features: tuple[str, ...],
    scaled: NDArray[np.float64],
    matcher: Matcher,
    labelled: NDArray[np.bool_],
) -> UnlabelledPool:
    return UnlabelledPool(
        probabilities=matcher.probabilities(gold.vectors),
        cosine=gold.vectors[:, features.index("cosine")].astype(float),
        vectors=scaled,
        query=gold.query,
        labelled=labelled,
        family=gold.family,
        judge=np.full(len(gold), np.nan),
        threshold=matcher.threshold,
    )


#: Pairs that a language model labels between two refits, as in `core.judge.labelling`.
_LLM_ROUND = 50


@dataclass(frozen=True)
class _WeakAnswers:
    """A language model's answers.

    Attributes:
        answers: shape (n,).
        chosen: which of them were asked for, shape (n,).
        weight: of each.
    """

    answers: NDArray[np.bool_]
    chosen: NDArray[np.bool_]
    weight: float

    def of(self, gold: LabelledPairs, labelled: NDArray[np.bool_]) -> TrainingSet:
        """Those on pairs that no person has labelled."""
        rows = self.chosen & ~labelled
        weights = np.full(int(rows.sum()), self.weight)
        return TrainingSet(gold.vectors[rows], self.answers[rows], weights, gold.query[rows])


def _labelled_by_llm(
    gold: LabelledPairs, features: tuple[str, ...], scaled: NDArray[np.float64], plan: CampaignPlan, llm: LlmPlan
) -> tuple[_WeakAnswers, Matcher]:
    """A language model's answers on the pairs that the strategy chooses in rounds, and the matcher fitted to them."""
    # Another generator than that of people's campaign, which is the same with and without a language model.
    random = np.random.default_rng([plan.seed, llm.labels])
    if llm.error is None:
        recorded = np.full(len(gold), -1, np.int8) if gold.recorded is None else gold.recorded
        answers, available = recorded == 1, recorded >= 0
    else:
        answers, available = gold.labels ^ (random.random(len(gold)) < llm.error), np.ones(len(gold), bool)
    weak = _WeakAnswers(answers, np.zeros(len(gold), bool), llm.weight)
    nothing, matcher = np.zeros(len(gold), bool), prior_matcher(features, gold.vectors)
    while (left := min(_LLM_ROUND, llm.labels - int(weak.chosen.sum()))) > 0:
        pool = _pool(gold, features, scaled, matcher, weak.chosen | ~available)
        if not len(batch := next_batch(pool, STRATEGIES[plan.strategy], left, random)):
            break
        weak.chosen[batch] = True
        if (training := weak.of(gold, nothing)).both_classes:
            matcher = fit_weak_matcher(training, features, gold.vectors, seed=plan.seed)
    return weak, matcher


def _fitted(
    gold: LabelledPairs,
    answers: NDArray[np.bool_],
    labelled: NDArray[np.bool_],
    features: tuple[str, ...],
    seed: int,
    weak: _WeakAnswers | None,
) -> Matcher | None:
    """The matcher fitted on the labels so far; None while people's are of one class."""
    count = int(labelled.sum())
    training = TrainingSet(
        gold.vectors[labelled], answers[labelled], np.ones(count), gold.query[labelled],
        None if weak is None else weak.of(gold, labelled),
    )  # fmt: skip
    if not training.both_classes:
        return None
    return fit_matcher(training, features, background=gold.vectors, seed=seed)


def measure(judged: LabelledPairs, matcher: Matcher) -> dict[str, float]:
    """The metrics of `Point` for a matcher, without `matches`."""
    probabilities = matcher.probabilities(judged.vectors)
    metrics = pair_metrics(judged.labels.tolist(), probabilities.tolist(), matcher.threshold)
    del metrics["pairs"]
    return metrics | {"hit@1": hit_at_one(judged, probabilities)}


def hit_at_one(gold: LabelledPairs, probabilities: NDArray[np.float64]) -> float:
    """Share of queries with a match whose most probable pair is a match; 0 if no query has a match."""
    order = np.lexsort((-probabilities, gold.query))
    best = order[np.append(True, np.diff(gold.query[order]) != 0)]
    matchable = np.isin(gold.query[best], gold.query[gold.labels])
    return float(gold.labels[best][matchable].mean()) if matchable.any() else 0.0
