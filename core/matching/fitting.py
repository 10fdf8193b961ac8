"""Fit a matcher to labels: learner, calibration and threshold, all chosen by cross-validation over queries.

Also how a workspace's labels become a training set.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from core.matching.calibration import (
    BetaCalibration,
    band_cuts,
    best_threshold,
    expected_threshold,
    fit_beta,
    many_labels_threshold,
)
from core.matching.features.store import FeatureTable
from core.matching.known_matches import KnownMatches, fit_known_matches
from core.matching.labelled_texts import PairTexts
from core.matching.learners import (
    Blend,
    Learner,
    Linear,
    Scale,
    Stacked,
    fit_boosted,
    fit_linear,
    fit_stacked,
    scale_of,
)
from core.matching.matcher import Matcher, prior_matcher
from core.matching.prior import PriorMean, packaged_prior
from core.matching.word_weights import WithWords, WordWeights, fit_word_weights, has_words, without_words
from core.settings import Settings
from core.splits.annotator_accuracy import label_weights
from core.splits.current_labels import ledger_and_catalogue
from core.splits.llm_labels import llm_training_labels
from core.splits.split import training_labels
from core.splits.weak_labels import WeakLabel
from core.workspace import Workspace
from labels.annotations import human_annotations
from labels.consensus import Label
from labels.first_answers import first_answers
from labels.model import Pair, Strength

_FOLDS = 5
#: Folds from `_MEDIUM_LABELS` to `MANY_LABELS` labels: fewer, since an annotator waits for the refit.
_FOLDS_ONLINE = 3
_MEDIUM_LABELS = 500
#: Labels from which larger ensembles are fitted: these fits run in the background.
MANY_LABELS = 2000
#: From then on, the share of the labels that must have changed before another fit: fewer change nothing visible.
REFIT_SHARE = 0.02
#: Standard errors by which the simpler learner must be better to be chosen.
_MIN_STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class TrainingSet:
    """Labelled pairs.

    Attributes:
        vectors: float32, shape (n, features), NaN where unknown.
        labels: bool, shape (n,).
        weights: of the labels, shape (n,): implied ones weigh less than explicit ones.
        groups: the query of each pair as a number, shape (n,). All pairs of a query are in one fold.
        weak: pairs that learners are fitted to in addition. Folds, calibration, threshold and bands know nothing of
            them.
        texts: of the pairs; None where known matches do not count.
    """

    vectors: NDArray[np.float32]
    labels: NDArray[np.bool_]
    weights: NDArray[np.float64]
    groups: NDArray[np.int64]
    weak: "TrainingSet | None" = None
    texts: PairTexts | None = None

    def part(self, chosen: NDArray[np.bool_]) -> "TrainingSet":
        """The chosen pairs alone, without texts, and the weak ones of no other query of this set."""
        arrays = self.vectors[chosen], self.labels[chosen], self.weights[chosen], self.groups[chosen]
        weak = None if self.weak is None else self.weak.part(~np.isin(self.weak.groups, self.groups[~chosen]))
        return TrainingSet(*arrays, weak)

    @property
    def with_weak(self) -> "TrainingSet":
        """All pairs that a learner is fitted to."""
        weak = self.weak
        if weak is None:
            return self
        return TrainingSet(
            np.concatenate([self.vectors, weak.vectors]),
            np.concatenate([self.labels, weak.labels]),
            np.concatenate([self.weights, weak.weights]),
            np.concatenate([self.groups, weak.groups]),
        )

    def without_words(self, features: tuple[str, ...]) -> "TrainingSet":
        """The pairs without the numbers of words, for learners that have no weights of words."""
        weak = None if self.weak is None else self.weak.without_words(features)
        return replace(self, vectors=without_words(self.vectors, features), weak=weak)

    @property
    def both_classes(self) -> bool:
        """Whether both classes are present."""
        return bool(self.labels.any() and not self.labels.all())


def fit_matcher(
    training: TrainingSet,
    features: tuple[str, ...],
    *,
    background: NDArray[np.float32] | None = None,
    seed: int = 0,
    target: float = 0.98,
) -> Matcher:
    """Fit the matcher with the lowest cross-validated log-loss.

    Args:
        training: labels of both classes.
        features: names of the feature columns.
        background: vectors of the pairs to be scored, which set the scale; those of the labels if None.
        seed: of folds and trees. The same labels and seed give the same matcher.
        target: the precision that the firm bands must reach.

    Raises:
        ValueError: the labels are all of one class.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    if not training.both_classes:
        raise ValueError("a matcher needs labels of both classes")
    # The matrices are small: BLAS threads would only wait for each other by spinning, which beside other work takes
    # five times as long as everything else.
    with threadpool_limits(1, "blas"):
        return _fit(training, features, background, seed, target)


def _fit(
    training: TrainingSet,
    features: tuple[str, ...],
    background: NDArray[np.float32] | None,
    seed: int,
    target: float,
) -> Matcher:
    scale = scale_of(training.vectors if background is None else background, features)
    many = len(training.labels) >= MANY_LABELS
    if not (many and has_words(features)):
        training = training.without_words(features)
    medium = _MEDIUM_LABELS <= len(training.labels) < MANY_LABELS
    folds = fold_of(training.groups, training.labels, seed, _FOLDS_ONLINE if medium else _FOLDS)
    prior = packaged_prior().mean(features)
    if many:
        found = _with_known_matches(_fit_many(training, features, scale, folds, prior, seed), training, folds, seed)
    else:
        found = _fit_few(training, scale, folds, prior, seed)
    probabilities = found.calibration.probabilities(found.scores)
    if many:
        threshold = many_labels_threshold(probabilities, training.labels, training.weights, seed)
    elif background is not None:
        threshold = expected_threshold(found.learner, background, seed)
    else:
        threshold = best_threshold(probabilities, training.weights)
    return Matcher(
        learner=found.learner,
        calibration=found.calibration,
        threshold=threshold,
        cuts=band_cuts(probabilities, training.labels, target, training.groups),
        features=features,
        labels=len(training.labels),
        matches=int(training.labels.sum()),
        losses=found.losses,
        known=found.known,
    )


def fit_weak_matcher(
    weak: TrainingSet, features: tuple[str, ...], background: NDArray[np.float32], *, seed: int = 0
) -> Matcher:
    """The packaged prior's matcher with a learner fitted to weak labels, while people's labels are of one class.

    It remains uncalibrated, with the prior's bands: nothing tells how often the weak labels are right.

    Args:
        weak: weak labels of both classes.
        features: names of the feature columns.
        background: vectors of the pairs to be scored.
        seed: of the trees.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    scale, prior = scale_of(background, features), packaged_prior().mean(features)
    with threadpool_limits(1, "blas"):
        _, stacked = _fit_linear_and_stacked(weak.without_words(features), scale, prior, seed, boosters=2)
        threshold = expected_threshold(stacked, background, seed)
    return replace(prior_matcher(features, background), learner=stacked, threshold=threshold)


@dataclass(frozen=True)
class _Selection:
    """The chosen learner, fitted to all labels, and its cross-validation.

    Attributes:
        scores: of each pair by a learner of this kind that was not fitted on its query, shape (n,).
        losses: cross-validated log-loss of every kind of learner that was tried, by name.
        known: corrects the scores; None where that does not pay.
    """

    learner: Learner
    calibration: BetaCalibration
    scores: NDArray[np.float64]
    losses: dict[str, float]
    known: KnownMatches | None = None


def _fit_few(training: TrainingSet, scale: Scale, folds: NDArray[np.int64], prior: PriorMean, seed: int) -> _Selection:
    """Below `MANY_LABELS` labels: a linear learner from the prior, with or without trees.

    The scores stay uncalibrated: so few labels would add more error than the calibration removes.
    """

    def learners(part: TrainingSet, boosters: int = 1) -> dict[str, Learner]:
        linear, stacked = _fit_linear_and_stacked(part.with_weak, scale, prior, seed, boosters)
        return {"linear": linear, "stacked": stacked}

    scores = _out_of_fold(learners, ("linear", "stacked"), training, folds)
    losses = {name: _log_losses(each, training.labels) for name, each in scores.items()}
    best = _choose_for_few_labels(losses, training.weights)
    return _Selection(
        learners(training, boosters=2)[best], BetaCalibration(), scores[best], _means(losses, training.weights)
    )


def _fit_many(
    training: TrainingSet,
    features: tuple[str, ...],
    scale: Scale,
    folds: NDArray[np.int64],
    prior: PriorMean,
    seed: int,
) -> _Selection:
    """From `MANY_LABELS` labels: trees, and their blend with the learners that start from the prior.

    All of them have the weights of single words too.
    """

    def learners(part: TrainingSet) -> dict[str, Learner]:
        part = part.with_weak
        words = None
        if has_words(features):
            part, words = _with_word_scores(part, features, scale, seed)
        linear, stacked = _fit_linear_and_stacked(part, scale, prior, seed, boosters=8)
        boosted = fit_boosted(part.vectors, part.labels, part.weights, seed=seed, boosters=8, trees=150)
        found: dict[str, Learner] = {"linear": linear, "stacked": stacked, "boosted": boosted}
        found["blend"] = Blend((stacked, boosted))
        return found if words is None else {name: WithWords(each, words) for name, each in found.items()}

    scores = _out_of_fold(learners, ("linear", "stacked", "boosted", "blend"), training, folds)
    losses = _means({name: _log_losses(each, training.labels) for name, each in scores.items()}, training.weights)
    best = min(losses, key=lambda name: losses[name])
    calibration = fit_beta(scores[best], training.labels, training.weights)
    return _Selection(learners(training)[best], calibration, scores[best], losses)


def _with_known_matches(found: _Selection, training: TrainingSet, folds: NDArray[np.int64], seed: int) -> _Selection:
    """The selection with what the labels of other pairs say, where that pays."""
    if training.texts is None:
        return found
    labels, weights = training.labels, training.weights
    fitted = fit_known_matches(found.scores, training.texts, labels, weights, folds, seed)
    if fitted is None:
        return found
    known, scores = fitted
    losses = found.losses | _means({"known matches": _log_losses(scores, labels)}, weights)
    return replace(found, calibration=fit_beta(scores, labels, weights), scores=scores, losses=losses, known=known)


def _with_word_scores(
    part: TrainingSet, features: tuple[str, ...], scale: Scale, seed: int
) -> tuple[TrainingSet, WordWeights]:
    """The pairs with the cross-fitted scores of the words left, and the weights fitted to all of them."""

    def fit(rest: TrainingSet) -> WordWeights:
        return fit_word_weights(rest.vectors, rest.labels, rest.weights, features, scale)

    folds = fold_of(part.groups, part.labels, seed + 1)
    scores = np.zeros(len(part.labels))
    for fold in np.unique(folds):
        scores[folds == fold] = fit(part.part(folds != fold)).scores(part.vectors[folds == fold])
    words = fit(part)
    return replace(part, vectors=words.fill(part.vectors, scores)), words


def _fit_linear_and_stacked(
    part: TrainingSet, scale: Scale, prior: PriorMean, seed: int, boosters: int
) -> tuple[Linear, Stacked]:
    linear = fit_linear(part.vectors, part.labels, part.weights, scale, prior.weights, intercept=prior.intercept)
    return linear, fit_stacked(part.vectors, part.labels, part.weights, linear, seed=seed, boosters=boosters)


def _means(losses: dict[str, NDArray[np.float64]], weights: NDArray[np.float64]) -> dict[str, float]:
    return {name: float(weights @ each / weights.sum()) for name, each in losses.items()}


def fold_of(groups: NDArray[np.int64], labels: NDArray[np.bool_], seed: int, count: int = _FOLDS) -> NDArray[np.int64]:
    """The fold of each pair, shape (n,): all pairs of a query are in one fold, and matches are spread evenly."""
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
    learners: Callable[[TrainingSet], dict[str, Learner]],
    names: Sequence[str],
    training: TrainingSet,
    folds: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """Out-of-fold scores by kind of learner, each of shape (n,); 0 where the other folds are of one class."""
    found = {name: np.zeros(len(training.labels)) for name in names}

    def score(fold: int) -> dict[str, NDArray[np.float64]]:
        rest, vectors = training.part(folds != fold), training.vectors[folds == fold]
        return {name: each.scores(vectors) for name, each in learners(rest).items()} if rest.both_classes else {}

    numbers = np.unique(folds)
    with ThreadPoolExecutor() as pool:
        for fold, scores in zip(numbers, pool.map(score, numbers), strict=True):
            for name, each in scores.items():
                found[name][folds == fold] = each
    return found


def _log_losses(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The log-loss of each score, shape (n,)."""
    found: NDArray[np.float64] = -log_expit(np.where(labels, scores, -scores))
    return found


def _choose_for_few_labels(losses: dict[str, NDArray[np.float64]], weights: NDArray[np.float64]) -> str:
    """The stacked learner, unless cross-validation shows by two standard errors that its trees do harm.

    The trees start from the linear score and change it little while labels are few, whereas the mean of some tens of
    losses names the worse learner half of the time. Choosing by the mean alone costs 0.01 of F1 at 50 and 100 labels.
    """
    harm = weights * (losses["stacked"] - losses["linear"])
    error = float(harm.std() / np.sqrt(len(harm)))
    return "linear" if float(harm.mean()) > _MIN_STANDARD_ERRORS * error else "stacked"


#: Weight of an implied non-match, of a candidate shown beside an accepted one: weaker evidence than an explicit one.
IMPLIED_WEIGHT = 0.5


class TrainingLabels(NamedTuple):
    """The labels that may train, and their annotators' weights in [0, 1]; 1 for pairs that are not in `trust`.

    `weak` are those of language models, with their weights.
    """

    labels: list[Label]
    trust: dict[Pair, float]
    weak: list[WeakLabel]


def read_training_labels(workspace: Workspace, settings: Settings, without: Collection[Pair] = ()) -> TrainingLabels:
    """The training labels of a workspace, except for some pairs, such as those to evaluate on.

    Raises:
        SameskuError: labels or catalogue cannot be read.
    """
    with ledger_and_catalogue(workspace) as (store, catalog):
        found = training_labels(store, settings.labels.rule, catalog)
        labels = [label for label in found if label.pair not in without]
        trust = dict[Pair, float]()
        if settings.labels.weight_by_annotator:
            trust = label_weights(labels, human_annotations(store), first_answers(store))
    weak = [label for label in llm_training_labels(workspace, settings) if label.pair not in without]
    return TrainingLabels(labels, trust, weak)


def build_training_set(
    table: FeatureTable,
    labels: Iterable[Label],
    out_of_fold: Mapping[Pair, float] | None = None,
    trust: Mapping[Pair, float] | None = None,
    weak: Iterable[WeakLabel] = (),
    texts: Callable[[Sequence[Pair]], PairTexts] | None = None,
) -> TrainingSet:
    """The labelled pairs that have features, sorted by pair, so that the same labels give the same matcher.

    Args:
        table: the features.
        labels: consensus labels; conflicts have no answer and are left out.
        out_of_fold: cosines by encoders that were not trained on the pair's query. They replace the cosines of pairs
            that the table's encoder was trained on, which are too high: a matcher fitted on them would overrate it.
        trust: weight of each label by its annotators, in [0, 1]; 1 for absent pairs.
        weak: weak labels, of pairs without a label.
        texts: reads those of pairs; called for many labels alone.
    """
    usable = [label for label in labels if label.match is not None and label.pair in table.row]
    usable.sort(key=lambda label: label.pair)
    vectors: NDArray[np.float32] = table.vectors[[table.row[label.pair] for label in usable]].copy()
    if out_of_fold:
        column = table.features.index("cosine")
        for i, label in enumerate(usable):
            vectors[i, column] = out_of_fold.get(label.pair, vectors[i, column])
    number: dict[object, int] = {}
    strength = [IMPLIED_WEIGHT if label.strength is Strength.IMPLIED else 1.0 for label in usable]
    trusted = [(trust or {}).get(label.pair, 1.0) for label in usable]
    return TrainingSet(
        vectors=vectors.reshape(len(usable), len(table.features)),
        labels=np.array([bool(label.match) for label in usable], bool),
        weights=np.array(strength, float) * np.array(trusted, float),
        groups=np.array([number.setdefault(label.pair.query, len(number)) for label in usable], np.int64),
        weak=_weak_set(table, sorted(label for label in weak if label.pair in table.row), number),
        texts=texts([label.pair for label in usable]) if texts and len(usable) >= MANY_LABELS else None,
    )


def _weak_set(table: FeatureTable, labels: Sequence[WeakLabel], number: dict[object, int]) -> TrainingSet | None:
    """Weak labels of pairs with features; None if there are none. Queries share their numbers with the other labels."""
    if not labels:
        return None
    return TrainingSet(
        vectors=table.vectors[[table.row[label.pair] for label in labels]],
        labels=np.array([label.match for label in labels], bool),
        weights=np.array([label.weight for label in labels], float),
        groups=np.array([number.setdefault(label.pair.query, len(number)) for label in labels], np.int64),
    )
