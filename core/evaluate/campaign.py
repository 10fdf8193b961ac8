"""Replay a labelling campaign: ask, answer from what is known, refit, measure; pure arrays, no files."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.evaluate.gold import Gold, hit_at_one
from core.evaluate.pairs import pair_metrics
from core.match.fitting import Training, fit_matcher
from core.match.linear import scale_of
from core.match.matcher import Matcher, untrained
from core.queue.batches import next_batch
from core.queue.pool import Pool
from core.queue.strategies import STRATEGIES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
        features: names of the evidence's columns.
        plan: how the campaign goes.
    """
    import numpy as np  # noqa: PLC0415

    random = np.random.default_rng(plan.seed)
    answers = gold.labels ^ (random.random(len(gold)) < plan.error)
    scale = scale_of(gold.evidence, features)
    evidence = scale(gold.evidence)
    labelled = np.zeros(len(gold), bool)
    matcher = untrained(features, gold.evidence)
    for step in steps(plan, len(gold)):
        pool = Pool(
            probabilities=matcher.probabilities(gold.evidence),
            cosine=gold.evidence[:, features.index("cosine")].astype(float),
            evidence=evidence,
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
    probabilities = matcher.probabilities(judged.evidence)
    metrics = pair_metrics(judged.labels.tolist(), probabilities.tolist(), matcher.threshold)
    del metrics["pairs"]
    return metrics | {"hit@1": hit_at_one(judged, probabilities)}


def _fitted(
    gold: Gold, answers: "NDArray[np.bool_]", labelled: "NDArray[np.bool_]", features: tuple[str, ...], seed: int
) -> Matcher | None:
    """The matcher after these answers; None while they are all the same."""
    import numpy as np  # noqa: PLC0415

    count = int(labelled.sum())
    training = Training(gold.evidence[labelled], answers[labelled], np.ones(count), gold.query[labelled])
    if not training.both_classes:
        return None
    return fit_matcher(training, features, background=gold.evidence, seed=seed)
