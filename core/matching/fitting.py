"""Fit a matcher to labels: which learner, which calibration, which threshold, all by folds of the queries."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from core.matching.calibration import BetaCalibration, best_threshold, cut, fit_beta, threshold_of_many, threshold_over
from core.matching.features.store import FeatureTable
from core.matching.learners import Blend, Learner, Scale, fit_boosted, fit_linear, fit_stacked, scale_of
from core.matching.matcher import Matcher
from core.matching.prior import Expected, packaged_prior
from core.settings import Settings
from core.splits.annotator_accuracy import label_weights
from core.splits.current_labels import ledger_and_catalogue
from core.splits.split import training_labels
from core.workspace import Workspace
from labels.annotations import human_annotations
from labels.consensus import Label
from labels.first_answers import first_answers
from labels.model import Pair, Strength

_FOLDS = 5
#: Between some hundred labels, where each fold counts, and many, where nobody waits, fewer folds do.
_FOLDS_WHILE_WAITING, _SOME = 3, 500
#: Standard errors by which a simpler learner must win.
_CLEARLY = 2.0
#: From here on there is time to spare for larger ensembles: fitting is no longer what someone waits for.
_MANY = 2000


@dataclass(frozen=True)
class Training:
    """Labelled pairs.

    Attributes:
        evidence: float32, shape (n, features), NaN where unknown.
        labels: bool, shape (n,).
        weights: of the labels, shape (n,): implied ones weigh less than explicit ones.
        groups: the query of each pair as a number, shape (n,). A query is in one fold only.
    """

    evidence: NDArray[np.float32]
    labels: NDArray[np.bool_]
    weights: NDArray[np.float64]
    groups: NDArray[np.int64]

    def part(self, chosen: NDArray[np.bool_]) -> "Training":
        """The chosen pairs alone."""
        return Training(self.evidence[chosen], self.labels[chosen], self.weights[chosen], self.groups[chosen])

    @property
    def both_classes(self) -> bool:
        """Whether there is something to tell apart."""
        return bool(self.labels.any() and not self.labels.all())


def fit_matcher(
    training: Training,
    features: tuple[str, ...],
    *,
    background: NDArray[np.float32] | None = None,
    seed: int = 0,
    target: float = 0.98,
) -> Matcher:
    """The matcher that foretells the labels of queries it has not seen best.

    Args:
        training: labels of both classes.
        features: names of the evidence's columns.
        background: evidence of the pairs to be judged, which sets the scale; that of the labels if None.
        seed: of folds and trees. The same labels and seed give the same matcher.
        target: the precision that the firm bands must reach.

    Raises:
        ValueError: the labels are all of one class; there is nothing to learn.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    if not training.both_classes:
        raise ValueError("a matcher needs labels of both classes")
    # The matrices are small: threads of the linear algebra would only wait for each other by spinning, and beside
    # other work that takes five times as long as all the rest.
    with threadpool_limits(1, "blas"):
        return _fit(training, features, background, seed, target)


def _fit(
    training: Training,
    features: tuple[str, ...],
    background: NDArray[np.float32] | None,
    seed: int,
    target: float,
) -> Matcher:
    scale = scale_of(training.evidence if background is None else background, features)
    waited_for = _SOME <= len(training.labels) < _MANY
    folds = fold_of(training.groups, training.labels, seed, _FOLDS_WHILE_WAITING if waited_for else _FOLDS)
    fit = _fit_few if len(training.labels) < _MANY else _fit_many
    found = fit(training, scale, folds, packaged_prior().expected(features), seed)
    probabilities = found.calibration.probabilities(found.scores)
    if len(training.labels) >= _MANY:
        threshold = threshold_of_many(probabilities, training.labels, training.weights, seed)
    elif background is not None:
        threshold = threshold_over(found.learner, background, seed)
    else:
        # So few labels cannot say where F1 is best; the probabilities themselves must.
        threshold = best_threshold(probabilities, training.weights)
    return Matcher(
        learner=found.learner,
        calibration=found.calibration,
        threshold=threshold,
        cuts=cut(probabilities, training.labels, target),
        features=features,
        labels=len(training.labels),
        matches=int(training.labels.sum()),
        losses=found.losses,
    )


@dataclass(frozen=True)
class _Found:
    """A learner fitted to all labels, and what folds of them say of it.

    Attributes:
        scores: of each pair by a learner of this kind that has not seen its query, shape (n,).
        losses: cross-validated log-loss of every kind of learner that was tried, by name.
    """

    learner: Learner
    calibration: BetaCalibration
    scores: NDArray[np.float64]
    losses: dict[str, float]


def _fit_few(training: Training, scale: Scale, folds: NDArray[np.int64], expected: Expected, seed: int) -> _Found:
    """Up to some hundred labels: what is expected of the evidence leads.

    What so few labels say of the calibration is wider of the mark than what they would correct, so there is none.
    """

    def learners(part: Training, boosters: int = 1) -> dict[str, Learner]:
        linear = fit_linear(
            part.evidence, part.labels, part.weights, scale, expected.weights, intercept=expected.intercept
        )
        stacked = fit_stacked(part.evidence, part.labels, part.weights, linear, seed=seed, boosters=boosters)
        return {"linear": linear, "stacked": stacked}

    scores = _out_of_fold(learners, ("linear", "stacked"), training, folds)
    lost = {name: _log_losses(each, training.labels) for name, each in scores.items()}
    best = _chosen_of_few(lost, training.weights)
    return _Found(learners(training, boosters=2)[best], BetaCalibration(), scores[best], _means(lost, training.weights))


def _fit_many(training: Training, scale: Scale, folds: NDArray[np.int64], expected: Expected, seed: int) -> _Found:
    """Thousands of labels: trees, and whether those that expectations lead have something to add."""

    def learners(part: Training) -> dict[str, Learner]:
        linear = fit_linear(
            part.evidence, part.labels, part.weights, scale, expected.weights, intercept=expected.intercept
        )
        stacked = fit_stacked(part.evidence, part.labels, part.weights, linear, seed=seed, boosters=8)
        boosted = fit_boosted(part.evidence, part.labels, part.weights, seed=seed, boosters=8, trees=150)
        return {"linear": linear, "stacked": stacked, "boosted": boosted, "blend": Blend((stacked, boosted))}

    scores = _out_of_fold(learners, ("linear", "stacked", "boosted", "blend"), training, folds)
    losses = _means({name: _log_losses(each, training.labels) for name, each in scores.items()}, training.weights)
    best = min(losses, key=lambda name: losses[name])
    return _Found(
        learners(training)[best], fit_beta(scores[best], training.labels, training.weights), scores[best], losses
    )


def _means(lost: dict[str, NDArray[np.float64]], weights: NDArray[np.float64]) -> dict[str, float]:
    return {name: float(weights @ each / weights.sum()) for name, each in lost.items()}


def fold_of(groups: NDArray[np.int64], labels: NDArray[np.bool_], seed: int, count: int = _FOLDS) -> NDArray[np.int64]:
    """The fold of each pair, shape (n,): a query is in one fold only, and matches are spread evenly."""
    queries, place = np.unique(groups, return_inverse=True)
    has_match = np.zeros(len(queries), bool)
    has_match[place[labels]] = True
    order = np.random.default_rng(seed).permutation(len(queries))
    order = order[np.argsort(~has_match[order], kind="stable")]
    folds = np.empty(len(queries), np.int64)
    folds[order] = np.arange(len(queries)) % count
    found: NDArray[np.int64] = folds[place]
    return found


def _out_of_fold(
    learners: Callable[[Training], dict[str, Learner]],
    names: Sequence[str],
    training: Training,
    folds: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """The score of each pair by each kind of learner, fitted without its query; 0 where that is impossible."""
    found = {name: np.zeros(len(training.labels)) for name in names}

    def score(fold: int) -> dict[str, NDArray[np.float64]]:
        rest, held = training.part(folds != fold), training.evidence[folds == fold]
        return {name: each.scores(held) for name, each in learners(rest).items()} if rest.both_classes else {}

    numbers = np.unique(folds)
    with ThreadPoolExecutor() as pool:
        for fold, scores in zip(numbers, pool.map(score, numbers), strict=True):
            for name, each in scores.items():
                found[name][folds == fold] = each
    return found


def _log_losses(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What each score costs, shape (n,)."""
    found: NDArray[np.float64] = -log_expit(np.where(labels, scores, -scores))
    return found


def _chosen_of_few(lost: dict[str, NDArray[np.float64]], weights: NDArray[np.float64]) -> str:
    """The stack, unless its folds say clearly that the trees do harm.

    Its trees begin with the linear score and move little while labels are few, so there is not much to lose; and the
    mean of some tens of losses names the wrong one half of the time. Clearly is by two standard errors of the
    difference, pair by pair. Choosing by the mean alone costs 0.01 of F1 at 50 and at 100 labels.
    """
    harm = weights * (lost["stacked"] - lost["linear"])
    error = float(harm.std() / np.sqrt(len(harm)))
    return "linear" if float(harm.mean()) > _CLEARLY * error else "stacked"


#: Rejecting what was on the screen beside an accepted candidate is weaker evidence than rejecting it by itself.
IMPLIED_WEIGHT = 0.5


class TrainingLabels(NamedTuple):
    """The labels that may train, and how much each counts for who gave it: 1 for those that are not listed."""

    labels: list[Label]
    trust: dict[Pair, float]


def read_training_labels(workspace: Workspace, settings: Settings, without: Collection[Pair] = ()) -> TrainingLabels:
    """What a workspace's labels teach; without some pairs, because the matcher is to be measured on them."""
    with ledger_and_catalogue(workspace) as (store, catalog):
        found = training_labels(store, settings.labels.rule, catalog)
        labels = [label for label in found if label.pair not in without]
        weigh = settings.labels.weight_by_annotator
        return TrainingLabels(
            labels, label_weights(labels, human_annotations(store), first_answers(store)) if weigh else {}
        )


def training_of(
    table: FeatureTable,
    labels: Iterable[Label],
    unseen: Mapping[Pair, float] | None = None,
    trust: Mapping[Pair, float] | None = None,
) -> Training:
    """The labelled pairs that evidence is known of.

    Args:
        table: evidence.
        labels: what people agreed on; conflicts have no answer and are left out.
        unseen: cosines by encoders that were not trained on the pair's query, for pairs on which the encoder of
            the table was trained. An encoder gives pairs that it has seen too good a cosine, and a matcher that
            learns from those trusts it too much.
        trust: how much each label counts for who gave it, in [0, 1]; 1 for one that is absent.
    """
    known = [label for label in labels if label.match is not None and label.pair in table.row]
    known.sort(key=lambda label: label.pair)  # the same labels give the same matcher, in whatever order they came
    rows = [table.row[label.pair] for label in known]
    evidence: NDArray[np.float32] = table.vectors[rows].copy()
    if unseen:
        column = table.features.index("cosine")
        for i, label in enumerate(known):
            evidence[i, column] = unseen.get(label.pair, evidence[i, column])
    number: dict[object, int] = {}
    strength = [IMPLIED_WEIGHT if label.strength is Strength.IMPLIED else 1.0 for label in known]
    trusted = [(trust or {}).get(label.pair, 1.0) for label in known]
    return Training(
        evidence=evidence.reshape(len(known), len(table.features)),
        labels=np.array([bool(label.match) for label in known], bool),
        weights=np.array(strength, float) * np.array(trusted, float),
        groups=np.array([number.setdefault(label.pair.query, len(number)) for label in known], np.int64),
    )
