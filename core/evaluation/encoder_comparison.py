"""The rankings of two encoders for the same queries, query by query."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from core.errors import CoreError
from core.evaluation.comparison import Change, Comparison, Figure, JudgedQuery, Move, Place
from core.evaluation.intervals import change_intervals, retrieval_intervals
from core.evaluation.retrieval import Gold, Ranking, pairs_of, reordered, retrieval_metrics
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.run import labelled_pairs, out_of_fold_path
from core.matching.scoring import score_pairs
from core.retrieval.corpus import Corpus
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import Registry
from core.stats import bootstrap
from core.workspace import Workspace
from labels.model import Pair, ProductRef

#: The rankings that depend on the encoder, in display order.
_RANKINGS = ("encoder", "fused", "matched")

#: The rankings of one encoder, by name.
Rankings = dict[str, Ranking]


def add_matcher_rankings(
    features: CorpusFeatures,
    registry: Registry,
    ranked: tuple[tuple[EncoderModel, Rankings], tuple[EncoderModel, Rankings]],
    truth: Mapping[Pair, bool],
    reporter: Reporter,
) -> Change | None:
    """Add the matcher's ranking of the evaluation queries to the rankings of two encoders.

    Nothing is added, and that is reported, unless it is fair for both of them.

    Args:
        features: of all products.
        registry: of the workspace.
        ranked: the encoders with their rankings, the champion first.
        truth: labelled pairs to evaluate on; may be empty.
        reporter: receives progress.

    Returns:
        the change of the matcher's F1 on the labelled pairs; None where it was not measured.
    """
    unfair = [model.id for model, _ in ranked if not has_fair_matcher(features.workspace, registry, model)]
    if unfair:
        reporter.message(f"Without the matcher ranking: no out-of-fold cosines of {', '.join(unfair)}.")
        return None
    labelled = labelled_pairs(features.workspace, features.settings)
    predicted = []
    for model, rankings in ranked:
        fused = rankings["fused"]
        without = frozenset({*truth, *(pair for pair in labelled if pair.query in fused)})
        scored = score_pairs(features, model, [*pairs_of(fused), *truth], reporter, without=without)
        rankings["matched"] = reordered(fused, scored)
        predicted.append([scored.probability[pair] >= scored.matcher.threshold for pair in truth])
    return f1_change(truth, *predicted) if any(truth.values()) else None


def f1_change(truth: Mapping[Pair, bool], before: Sequence[bool], after: Sequence[bool]) -> Change:
    """The change of F1 between two classifications of labelled pairs, with intervals by bootstrap over queries.

    Args:
        truth: whether each pair is a match; at least one is.
        before: whether it is classified as one, in the same order.
        after: likewise.
    """
    labels = np.array(list(truth.values()), bool)
    columns = [column for each in (before, after) for column in (labels & np.asarray(each, bool), each)]
    counts = bootstrap.by_query([pair.query for pair in truth], *columns, labels)

    def f1(sums: NDArray[np.float64], at: int) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore", divide="ignore"):
            found: NDArray[np.float64] = 2 * sums[:, at] / (sums[:, at + 1] + sums[:, 4])
        return found

    def figure(at: int) -> Figure:
        total = float(f1(counts.sum(axis=0, keepdims=True), at)[0])
        return Figure(total, bootstrap.interval(counts, lambda sums: f1(sums, at)))

    first, second = figure(0), figure(2)
    interval = bootstrap.interval(counts, lambda sums: f1(sums, 2) - f1(sums, 0))
    return Change(first, second, second.value - first.value, interval)


def has_fair_matcher(workspace: Workspace, registry: Registry, model: EncoderModel) -> bool:
    """Whether a matcher can be fitted: without out-of-fold cosines it would trust a tuned encoder too much."""
    return not registry.is_trained(model.id) or out_of_fold_path(workspace, model.id).exists()


def comparison_of(
    corpus: Corpus,
    gold: Gold,
    before: tuple[str, Rankings],
    after: tuple[str, Rankings],
    *,
    judged_on: str,
    seconds: float,
    f1: Change | None = None,
) -> Comparison:
    """The comparison of the rankings of two encoders.

    Args:
        corpus: for the titles.
        gold: known matches of the evaluation queries.
        before: id of an encoder, and its rankings of these queries.
        after: likewise of the other encoder.
        judged_on: name of the evaluation set.
        seconds: duration so far.
        f1: the change of the matcher's F1, if it was measured.

    Raises:
        CoreError: none of the queries is in the catalogue.
    """
    names = tuple(name for name in _RANKINGS if name in before[1] and name in after[1])
    titles = {product.ref: product.title for product in (*corpus.queries, *corpus.products)}
    judged = {query: gold[query] for query in after[1][names[0]]}
    if not judged:
        raise CoreError("There is nothing to compare on.", "Label the validation stream first.")
    return Comparison(
        before=before[0],
        after=after[0],
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
        judged_on=judged_on,
        rankings=names,
        changes={name: _changes(before[1][name], after[1][name], judged) for name in names},
        queries=tuple(_judged_query(query, judged, before[1], after[1], names, titles) for query in judged),
        pairs={} if f1 is None else {"f1": f1},
    )


def _changes(before: Ranking, after: Ranking, gold: Gold) -> dict[str, Change]:
    first, second = _figures(before, gold), _figures(after, gold)
    intervals = change_intervals(before, after, gold)
    return {
        name: Change(first[name], second[name], second[name].value - first[name].value, intervals.get(name))
        for name in first
    }


def _figures(ranking: Ranking, gold: Gold) -> dict[str, Figure]:
    intervals = retrieval_intervals(ranking, gold)
    values = retrieval_metrics(ranking, gold)
    return {name: Figure(value, intervals.get(name)) for name, value in values.items() if name != "queries"}


def _judged_query(
    query: ProductRef,
    gold: Gold,
    before: Rankings,
    after: Rankings,
    names: tuple[str, ...],
    titles: Mapping[ProductRef, str],
) -> JudgedQuery:
    matches = gold[query]

    def place(ranking: Ranking) -> Place:
        found = ranking.get(query, [])
        rank = next((rank for rank, ref in enumerate(found, 1) if ref in matches), None)
        return Place(rank, titles.get(found[0], "") if found else "")

    listed = [ref for rankings in (after, before) for name in names for ref in rankings[name].get(query, ())]
    match = next((ref for ref in listed if ref in matches), min(matches))
    moves = {name: Move(place(before[name]), place(after[name])) for name in names}
    return JudgedQuery(query, titles.get(query, ""), match, titles.get(match, ""), moves)
