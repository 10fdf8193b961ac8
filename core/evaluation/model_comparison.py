"""Compares any number of encoders on the same evaluation queries and labelled pairs, against the first of them."""

import gc
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CoreError, ModelError
from core.evaluation.cluster_purity import MAX_PRODUCTS, matched_groups, purity_by_group, resampled_purity
from core.evaluation.comparison import PAIR_METRIC_NAMES, Change, Comparison, Figure, save_comparison
from core.evaluation.embedding_map import MAX_POINTS, embedding_map
from core.evaluation.encoder_comparison import Rankings, comparison_of, has_fair_matcher
from core.evaluation.retrieval import Gold, Ranking, evaluate_encoder, graded_query_values, held_out_matcher_ranking
from core.evaluation.similarity_metrics import (
    Calibration,
    Confusion,
    best_threshold,
    calibration,
    confusion,
    resampled_metrics,
    weighted_metrics,
)
from core.evaluation.training_cost import TrainingCost, training_cost
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.retrieval.corpus import Corpus
from core.retrieval.corpus_vectors import encode_corpus
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import Registry
from core.settings import Settings
from core.splits.match_groups import evaluation_gold
from core.splits.split import Splits, splits_of
from core.stats import bootstrap
from core.stats.sampling import shuffled
from core.workspace import Workspace
from labels.model import Pair, ProductRef
from labels.wording import counted

#: Seed of the products that are clustered and drawn on the map, where there are too many.
_SEED = 11

#: A metric in every resampling, beside its value.
_Resampled = tuple[float, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of a model less that of the reference, on the same resamplings.

    Attributes:
        by: the difference.
        interval: its 95 % interval; None where it is the same in all resamplings.
        p_value: two-sided, by paired bootstrap, not corrected for the number of comparisons; None if undefined.
    """

    by: float
    interval: tuple[float, float] | None
    p_value: float | None

    @property
    def significant(self) -> bool:
        """Whether the interval excludes zero."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric of a model.

    Attributes:
        interval: its 95 % bootstrap interval; None where it is the same in all resamplings.
        difference: from the reference; None for the reference itself.
    """

    value: float
    interval: tuple[float, float] | None
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class ModelResult:
    """The measurements of one encoder.

    Attributes:
        id: of the encoder.
        rankings: estimates of `graded_query_values` by ranking, a key of `RANKING_NAMES`, and metric.
        pairs: estimates of the pair metrics by name, without those that are undefined here.
        threshold: cosine with the best F1; None without labelled pairs of both classes, as the next three.
        confusion: of the pairs at the threshold.
        calibration: None also where there are too few queries.
        cosines: of the pairs, shape (pairs,).
        positions: of the products on the map, shape (points, 2); None for too few.
        cost: of the training.
    """

    id: str
    rankings: Mapping[str, Mapping[str, Estimate]]
    pairs: Mapping[str, Estimate]
    threshold: float | None
    confusion: Confusion | None
    calibration: Calibration | None
    cosines: NDArray[np.float64]
    positions: NDArray[np.float64] | None
    cost: TrainingCost


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """What all models are measured on.

    Attributes:
        name: the validation set with its version, or the held-out queries.
        gold: known matches of the evaluation queries.
        pairs: labelled pairs of these queries whose products are in the catalogue, sorted.
        labels: whether each pair is a match, shape (pairs,).
        groups: products that match one another, for clustering.
        map_groups: the groups on the map.
        titles: of every product in any of these.
    """

    name: str
    gold: Gold
    pairs: tuple[Pair, ...]
    labels: NDArray[np.bool_]
    groups: tuple[tuple[ProductRef, ...], ...]
    map_groups: tuple[tuple[ProductRef, ...], ...]
    titles: Mapping[ProductRef, str]

    @property
    def has_both_classes(self) -> bool:
        """Whether there are matches and non-matches among the pairs."""
        return bool(self.labels.any()) and not bool(self.labels.all())

    @property
    def queries_of_pairs(self) -> list[ProductRef]:
        """The query of each pair."""
        return [pair.query for pair in self.pairs]


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Several encoders on the same evaluation set.

    Attributes:
        at: time, ISO 8601 in UTC.
        seconds: duration.
        evaluated_on: queries, pairs and groups.
        models: the reference first.
        changes: of each other model against the reference, query by query.
    """

    at: str
    seconds: float
    evaluated_on: EvaluationSet
    models: tuple[ModelResult, ...]
    changes: tuple[Comparison, ...]

    @property
    def reference(self) -> ModelResult:
        """The model that the others are compared with."""
        return self.models[0]

    def as_json(self) -> dict[str, Any]:
        """All figures, without cosines and positions."""
        evaluated_on = self.evaluated_on
        return {
            "reference": self.reference.id, "at": self.at, "seconds": self.seconds, "judged_on": evaluated_on.name,
            "queries": len(evaluated_on.gold), "pairs": len(evaluated_on.pairs),
            "matches": int(evaluated_on.labels.sum()), "models": [_model_as_json(model) for model in self.models],
            "comparisons": [
                asdict(each) | {"counts": {name: each.counts(name) for name in each.rankings}} for each in self.changes
            ],
        }  # fmt: skip


def _model_as_json(model: ModelResult) -> dict[str, Any]:
    def estimate(of: Estimate) -> dict[str, Any]:
        found = asdict(of)
        if of.difference is not None:
            found["difference"]["significant"] = of.difference.significant
        return found

    return {
        "id": model.id,
        "rankings": {
            ranking: {name: estimate(each) for name, each in metrics.items()}
            for ranking, metrics in model.rankings.items()
        },
        "pairs": {name: estimate(each) for name, each in model.pairs.items()},
        "threshold": model.threshold,
        "confusion": asdict(model.confusion) if model.confusion else None,
        "calibration": asdict(model.calibration) if model.calibration else None,
        "training": asdict(model.cost),
    }


def compare_models(
    workspace: Workspace, settings: Settings, names: Sequence[str], reporter: Reporter
) -> ModelComparison:
    """Measure encoders one after the other, and save the query-by-query comparisons with the first.

    The matcher ranking is measured for encoders with out-of-fold cosines only, see `has_fair_matcher`.

    Args:
        workspace: with catalogue and labels.
        settings: of the workspace.
        names: of the encoders, as `Registry.find` takes them; the first is the reference.
        reporter: receives progress.

    Raises:
        ModelError: an encoder is missing, or named twice. CoreError: there are no evaluation queries.
    """
    started = time.monotonic()
    registry, splits = Registry(workspace, settings), _labelled_splits(workspace, settings)
    models = _distinct([registry.find(name) for name in names])
    corpus = Corpus.read(workspace)
    data = read_evaluation_set(corpus, splits)
    if not data.has_both_classes:
        reporter.message(
            f"No pair metrics: the {counted(len(data.pairs), 'labelled pair')} of {data.name} must include matches and"
            " non-matches."
        )
    fair = _with_fair_matcher(workspace, registry, models, reporter)
    run = _Run(workspace, settings, registry, CorpusFeatures(workspace, settings, corpus), data, fair, reporter)
    measured = []
    for number, model in enumerate(models, 1):
        reporter.message(f"Model {number} of {len(models)}: {model.id}")
        measured.append(run.measure(model))
        gc.collect()  # modules refer to one another; the next model is loaded into the memory of this one
    models_found = tuple(_result(each, measured[0]) for each in measured)
    changes = _changes(run, measured, models_found, time.monotonic() - started)
    for change in changes:
        save_comparison(workspace, change)
    return ModelComparison(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - started, 1),
        evaluated_on=data,
        models=models_found,
        changes=changes,
    )


def _labelled_splits(workspace: Workspace, settings: Settings) -> Splits:
    """The split of the labels.

    Raises:
        CoreError: there are no evaluation queries.
    """
    splits = splits_of(workspace, settings)
    if not splits.eval_queries:
        raise CoreError(
            "There is nothing to evaluate on: no label says which products match.",
            "Label the validation stream with `samesku review --stream validation`, or import labels:"
            " samesku import labels FILE --as NAME --split validation",
        )
    return splits


def _changes(
    run: "_Run", measured: "Sequence[_Measured]", results: Sequence[ModelResult], seconds: float
) -> tuple[Comparison, ...]:
    """Every other model against the reference, query by query."""
    reference = measured[0]
    return tuple(
        replace(
            comparison_of(
                run.features.corpus,
                run.data.gold,
                (reference.id, reference.rankings),
                (other.id, other.rankings),
                judged_on=run.data.name,
                seconds=seconds,
            ),
            pairs=_pair_changes(results[0], result),
        )
        for other, result in zip(measured[1:], results[1:], strict=True)
    )


def _pair_changes(reference: ModelResult, other: ModelResult) -> dict[str, Change]:
    """The pair metrics that a saved comparison holds."""
    found = {}
    for name in PAIR_METRIC_NAMES:
        before, after = reference.pairs.get(name), other.pairs.get(name)
        if before is not None and after is not None and after.difference is not None:
            by, interval = after.difference.by, after.difference.interval
            # Rounding may put a difference a little outside of what a file may hold.
            ends = None if interval is None else (max(-1.0, interval[0]), min(1.0, interval[1]))
            found[name] = Change(_figure(before), _figure(after), min(1.0, max(-1.0, by)), ends)
    return found


def _figure(estimate: Estimate) -> Figure:
    """An estimate of a share, without what rounding puts outside of [0, 1]."""
    interval = estimate.interval
    ends = None if interval is None else (max(0.0, interval[0]), min(1.0, interval[1]))
    return Figure(min(1.0, max(0.0, estimate.value)), ends)


def _distinct(models: list[EncoderModel]) -> list[EncoderModel]:
    """The models, each named once."""
    seen: set[str] = set()
    for model in models:
        if model.id in seen:
            raise ModelError(f"{model.id} cannot be compared with itself.", "`samesku models list` shows the others.")
        seen.add(model.id)
    return models


def _with_fair_matcher(
    workspace: Workspace, registry: Registry, models: Sequence[EncoderModel], reporter: Reporter
) -> frozenset[str]:
    """Ids of the models whose matcher ranking is measured: the reference and at least one other, or none."""
    fair = [model.id for model in models if has_fair_matcher(workspace, registry, model)]
    if missing := [model.id for model in models if model.id not in fair]:
        reporter.message(f"Without the matcher ranking: no out-of-fold cosines of {', '.join(missing)}.")
    return frozenset(fair) if models[0].id in fair and (len(fair) > 1 or len(models) == 1) else frozenset()


def read_evaluation_set(corpus: Corpus, splits: Splits) -> EvaluationSet:
    """The evaluation queries and pairs of a split whose products are in the catalogue."""
    queries = {product.ref: product.title for product in corpus.queries}
    candidates = {product.ref: product.title for product in corpus.products}
    gold = {query: found for query, found in evaluation_gold(splits, corpus).items() if query in queries}
    truth = {
        label.pair: bool(label.match)
        for label in sorted(splits.eval_labels, key=lambda label: label.pair)
        if label.pair.query in queries and label.pair.candidate in candidates
    }
    groups = matched_groups({query: matches & candidates.keys() for query, matches in gold.items()})
    by_first = {group[0]: tuple(group) for group in groups}
    drawn = [by_first[ref] for ref in shuffled(by_first, _SEED)]
    return EvaluationSet(
        name=splits.name,
        gold=gold,
        pairs=tuple(truth),
        labels=np.fromiter(truth.values(), bool, len(truth)),
        groups=_bounded(drawn, MAX_PRODUCTS),
        map_groups=_bounded(drawn, MAX_POINTS),
        titles=queries | candidates,
    )


def _bounded(groups: Iterable[tuple[ProductRef, ...]], most: int) -> tuple[tuple[ProductRef, ...], ...]:
    """The first groups, with at most `most` products in total."""
    found, size = [], 0
    for group in groups:
        size += len(group)
        if size > most:
            break
        found.append(group)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Measured:
    """Values and resamplings of one model, before they are compared."""

    id: str
    rankings: Rankings
    retrieval: Mapping[str, Mapping[str, _Resampled]]
    pairs: Mapping[str, _Resampled]
    threshold: float | None
    cosines: NDArray[np.float64]
    positions: NDArray[np.float64] | None
    cost: TrainingCost
    confusion: Confusion | None = None
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    """What the measurements of all models share."""

    workspace: Workspace
    settings: Settings
    registry: Registry
    features: CorpusFeatures
    data: EvaluationSet
    with_matcher: frozenset[str]
    reporter: Reporter

    def measure(self, model: EncoderModel) -> _Measured:
        """Encode the corpus with a model, unless its vectors are cached, and measure it."""
        rankings: dict[str, Ranking] = evaluate_encoder(self.features, model, self.data.gold, self.reporter)[1]
        del rankings["lexical"]  # the same for all
        if model.id in self.with_matcher:
            rankings["matched"] = held_out_matcher_ranking(self.features, model, rankings["fused"], self.reporter)
        vector_of = self._vectors(model)
        self.reporter.stage("measure")
        cosines = np.array([float(vector_of[q] @ vector_of[c]) for q, c in self.data.pairs], float)
        threshold = best_threshold(self.data.labels, cosines) if self.data.has_both_classes else None
        on_map = [vector_of[ref] for group in self.data.map_groups for ref in group]
        queries = self.data.queries_of_pairs
        return _Measured(
            id=model.id,
            rankings=rankings,
            retrieval={name: _resampled_ranking(ranking, self.data.gold) for name, ranking in rankings.items()},
            pairs=self._pair_metrics(cosines, threshold) | self._purity(vector_of),
            threshold=threshold,
            cosines=cosines,
            positions=embedding_map(np.array(on_map)) if on_map else None,
            cost=self._cost(model),
            confusion=None if threshold is None else confusion(self.data.labels, cosines, threshold),
            calibration=None if threshold is None else calibration(self.data.labels, cosines, queries),
        )

    def _vectors(self, model: EncoderModel) -> dict[ProductRef, NDArray[np.float32]]:
        """The vectors of the products in pairs and groups."""
        corpus = self.features.corpus
        query_vectors, product_vectors = encode_corpus(self.workspace, self.settings, model, corpus, self.reporter)
        needed = {ref for pair in self.data.pairs for ref in pair} | {ref for each in self.data.groups for ref in each}
        return {
            product.ref: vector.copy()  # else the whole matrix would stay in memory
            for products, vectors in ((corpus.queries, query_vectors), (corpus.products, product_vectors))
            for product, vector in zip(products, vectors, strict=True)
            if product.ref in needed
        }

    def _pair_metrics(self, cosines: NDArray[np.float64], threshold: float | None) -> dict[str, _Resampled]:
        if threshold is None:
            return {}
        labels = self.data.labels
        values = weighted_metrics(labels, cosines, np.ones((1, len(labels))), threshold)
        draws = resampled_metrics(labels, cosines, self.data.queries_of_pairs, threshold)
        return {name: (float(value[0]), draws[name]) for name, value in values.items() if not np.isnan(value[0])}

    def _purity(self, vector_of: Mapping[ProductRef, NDArray[np.float32]]) -> dict[str, _Resampled]:
        groups = self.data.groups
        if len(groups) < 2:
            return {}
        vectors = np.array([vector_of[ref] for group in groups for ref in group])
        by_group = purity_by_group(vectors, (number for number, group in enumerate(groups) for _ in group))
        pure, products = by_group.sum(axis=0)
        return {"cluster_purity": (float(pure / products), resampled_purity(by_group))}

    def _cost(self, model: EncoderModel) -> TrainingCost:
        if not self.registry.is_trained(model.id):
            return TrainingCost()
        return training_cost(self.registry.card(model.id), self.registry.folder(model.id))


def _resampled_ranking(ranking: Ranking, gold: Gold) -> dict[str, _Resampled]:
    values = np.array(list(graded_query_values(ranking, gold).values()))
    if len(gold) < 2:
        draws = np.empty((0, len(values)))
    else:
        draws = np.concatenate([drawn @ values.T for drawn in bootstrap.draws(len(gold), len(gold))]) / len(gold)
    names = graded_query_values({}, {})
    return {name: (float(values[i].mean()), draws[:, i]) for i, name in enumerate(names)}


def _result(measured: _Measured, reference: _Measured) -> ModelResult:
    """The estimates of a model, compared with the reference unless it is the same."""
    is_reference = measured is reference

    def estimates(own: Mapping[str, _Resampled], others: Mapping[str, _Resampled]) -> dict[str, Estimate]:
        return {name: _estimate(each, None if is_reference else others.get(name)) for name, each in own.items()}

    return ModelResult(
        id=measured.id,
        rankings={
            name: estimates(metrics, reference.retrieval.get(name, {})) for name, metrics in measured.retrieval.items()
        },
        pairs=estimates(measured.pairs, reference.pairs),
        threshold=measured.threshold,
        confusion=measured.confusion,
        calibration=measured.calibration,
        cosines=measured.cosines,
        positions=measured.positions,
        cost=measured.cost,
    )


def _estimate(own: _Resampled, other: _Resampled | None) -> Estimate:
    value, draws = own
    interval = bootstrap.percentile_interval(draws)
    if other is None:
        return Estimate(value, interval, None)
    by = draws - other[1]
    difference = Difference(value - other[0], bootstrap.percentile_interval(by), bootstrap.two_sided_p(by))
    return Estimate(value, interval, difference)
