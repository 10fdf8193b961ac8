"""Replay a labelling campaign: ask, answer from what is known, refit, measure; pure arrays, no files."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.pairs import pair_metrics
from core.matching.fitting import TrainingSet, fit_matcher
from core.matching.learners import scale_of
from core.matching.matcher import Matcher, prior_matcher
from core.queue.batches import next_batch
from core.queue.strategies import STRATEGIES, UnlabelledPool

#: One query in so many is judged on where there is no second file.
_HELD_OUT = 3


@dataclass(frozen=True)
class Gold:
    """n pairs with their answers.

    Attributes:
        vectors: float32, shape (n, features), NaN where unknown.
        labels: the right answers, shape (n,).
        query: the query of each pair as a number, shape (n,).
        family: a number shared by near-duplicate queries, shape (n,).
    """

    vectors: NDArray[np.float32]
    labels: NDArray[np.bool_]
    query: NDArray[np.int64]
    family: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, chosen: NDArray[np.bool_]) -> "Gold":
        """The chosen pairs alone."""
        return Gold(self.vectors[chosen], self.labels[chosen], self.query[chosen], self.family[chosen])


def held_apart(gold: Gold, seed: int) -> tuple[Gold, Gold]:
    """What may be asked, and a third of the queries to judge on; near-duplicates stay on one side."""
    names = np.unique(gold.family)
    drawn = np.random.default_rng(seed).permutation(names)[: max(1, len(names) // _HELD_OUT)]
    judged = np.isin(gold.family, drawn)
    return gold.part(~judged), gold.part(judged)


def hit_at_one(gold: Gold, probabilities: NDArray[np.float64]) -> float:
    """The share of queries with a match whose most probable pair is one; 0 where no query has a match."""
    order = np.lexsort((-probabilities, gold.query))
    best = order[np.append(True, np.diff(gold.query[order]) != 0)]
    matchable = np.isin(gold.query[best], gold.query[gold.labels])
    return float(gold.labels[best][matchable].mean()) if matchable.any() else 0.0


#: Numbers of labels at which every campaign is measured, whatever its batches; people compare at these.
MARKS = (10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a campaign goes.

    Attributes:
        strategy: name of what chooses the pairs.
        budget: labels in all; one label is one answer about one pair.
        batch: answers between two refits.
        seed: of choices, errors, folds and trees.
        error: the share of answers that are wrong.
    """

    strategy: str
    budget: int
    batch: int = 10
    seed: int = 0
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """How well the pairs that nobody is asked about are judged after so many labels.

    Attributes:
        labels: answers so far.
        metrics: `f1 precision recall average_precision ece threshold hit@1`, with the threshold that the matcher
            chose by itself; and `matches`, the answers that said match.
    """

    labels: int
    metrics: dict[str, float]


def steps(plan: Plan, size: int) -> list[int]:
    """Numbers of labels after each batch: every `batch`, every mark on the way, and the budget itself."""
    end = min(plan.budget, size)
    return sorted({*range(plan.batch, end, plan.batch), *(mark for mark in MARKS if mark < end), end})


def replay(gold: Gold, judged: Gold, features: tuple[str, ...], plan: Plan) -> Iterator[Point]:
    """One point after each refit.

    Args:
        gold: what may be asked, with the answers.
        judged: what the matcher is measured on; none of it is asked, and no choice sees it.
        features: names of the feature columns.
        plan: how the campaign goes.
    """
    random = np.random.default_rng(plan.seed)
    answers = gold.labels ^ (random.random(len(gold)) < plan.error)
    scale = scale_of(gold.vectors, features)
    vectors = scale(gold.vectors)
    labelled = np.zeros(len(gold), bool)
    matcher = prior_matcher(features, gold.vectors)
    for step in steps(plan, len(gold)):
        pool = UnlabelledPool(
            probabilities=matcher.probabilities(gold.vectors),
            cosine=gold.vectors[:, features.index("cosine")].astype(float),
            vectors=vectors,
            query=gold.query,
            labelled=labelled,
            family=gold.family,
            judge=np.full(len(gold), np.nan),
            threshold=matcher.threshold,
        )
        chosen = next_batch(pool, STRATEGIES[plan.strategy], step - int(labelled.sum()), random)
        labelled[chosen] = True
        matcher = _fitted(gold, answers, labelled, features, plan.seed) or matcher
        yield Point(step, measure(judged, matcher) | {"matches": float(answers[labelled].sum())})


def measure(judged: Gold, matcher: Matcher) -> dict[str, float]:
    """The metrics of `Point` that a matcher reaches."""
    probabilities = matcher.probabilities(judged.vectors)
    metrics = pair_metrics(judged.labels.tolist(), probabilities.tolist(), matcher.threshold)
    del metrics["pairs"]
    return metrics | {"hit@1": hit_at_one(judged, probabilities)}


def _fitted(
    gold: Gold, answers: NDArray[np.bool_], labelled: NDArray[np.bool_], features: tuple[str, ...], seed: int
) -> Matcher | None:
    """The matcher after these answers; None while they are all the same."""
    count = int(labelled.sum())
    training = TrainingSet(gold.vectors[labelled], answers[labelled], np.ones(count), gold.query[labelled])
    if not training.both_classes:
        return None
    return fit_matcher(training, features, background=gold.vectors, seed=seed)
