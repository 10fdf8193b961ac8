"""Compares two encoders: both rank the catalogue for the evaluation queries, query by query."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from core.errors import CoreError, ModelError
from core.evaluation.comparison import Change, Comparison, Figure, JudgedQuery, Move, Place, save_comparison
from core.evaluation.intervals import change_intervals, retrieval_intervals
from core.evaluation.retrieval import Gold, Ranking, evaluate_encoder, matcher_ranking, retrieval_metrics
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.run import labelled_pairs, out_of_fold_path
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import Registry
from core.retrieval.index_run import Corpus
from core.settings import Settings
from core.splits.split import splits_of
from core.workspace import Workspace
from labels.model import ProductRef

#: The rankings that depend on the encoder, in display order.
_RANKINGS = ("encoder", "fused", "matched")

#: The rankings of one encoder, by name.
Rankings = dict[str, Ranking]


def compare_encoders(
    workspace: Workspace, settings: Settings, before: str, after: str, reporter: Reporter
) -> Comparison:
    """Compare two encoders by their ids, and save the comparison.

    The matcher ranking is compared only if both encoders have out-of-fold cosines.

    Raises:
        ModelError: an encoder is missing, or both are the same. CoreError: there are no evaluation queries.
    """
    if before == after:
        raise ModelError(f"{before} cannot be compared with itself.", "`samesku models list` shows the others.")
    started = time.monotonic()
    registry, corpus, splits = Registry(workspace, settings), Corpus.read(workspace), splits_of(workspace, settings)
    models = [registry.get(before), registry.get(after)]
    gold = {query: splits.matches[query] for query in splits.eval_queries}
    features = CorpusFeatures(workspace, settings, corpus)
    ranked = [evaluate_encoder(features, model, gold, reporter)[1] for model in models]
    add_matcher_rankings(features, registry, list(zip(models, ranked, strict=True)), reporter)
    found = comparison_of(
        corpus, gold, (before, ranked[0]), (after, ranked[1]), judged_on=splits.name, seconds=time.monotonic() - started
    )
    save_comparison(workspace, found)
    return found


def add_matcher_rankings(
    features: CorpusFeatures, registry: Registry, ranked: Sequence[tuple[EncoderModel, Rankings]], reporter: Reporter
) -> None:
    """Add the matcher's ranking of the evaluation queries to the rankings of some encoders.

    Each matcher is fitted without labels of these queries. Nothing is added, and that is reported, unless all encoders
    have out-of-fold cosines: a matcher that is fitted on the cosines of an encoder's own training pairs trusts the
    cosine too much.
    """
    workspace = features.workspace
    missing = [model.id for model, _ in ranked if not _has_unbiased_cosines(workspace, registry, model)]
    if missing:
        reporter.message(f"Without the matcher ranking: no out-of-fold cosines of {', '.join(missing)}.")
        return
    labelled = labelled_pairs(workspace, features.settings)
    for model, rankings in ranked:
        judged = frozenset(pair for pair in labelled if pair.query in rankings["fused"])
        rankings["matched"] = matcher_ranking(features, model, rankings["fused"], reporter, without=judged)


def _has_unbiased_cosines(workspace: Workspace, registry: Registry, model: EncoderModel) -> bool:
    return not registry.is_trained(model.id) or out_of_fold_path(workspace, model.id).exists()


def comparison_of(
    corpus: Corpus,
    gold: Gold,
    before: tuple[str, Rankings],
    after: tuple[str, Rankings],
    *,
    judged_on: str,
    seconds: float,
) -> Comparison:
    """The comparison of the rankings of two encoders.

    Args:
        corpus: for the titles.
        gold: known matches of the evaluation queries.
        before: id of an encoder, and its rankings of these queries.
        after: likewise of the other encoder.
        judged_on: name of the evaluation set.
        seconds: duration so far.

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
