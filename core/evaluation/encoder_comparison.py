"""The rankings of two encoders for the same queries, query by query."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from core.errors import CoreError
from core.evaluation.comparison import Change, Comparison, Figure, JudgedQuery, Move, Place
from core.evaluation.intervals import change_intervals, retrieval_intervals
from core.evaluation.retrieval import Gold, Ranking, held_out_matcher_ranking, retrieval_metrics
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.run import out_of_fold_path
from core.retrieval.corpus import Corpus
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import Registry
from core.workspace import Workspace
from labels.model import ProductRef

#: The rankings that depend on the encoder, in display order.
_RANKINGS = ("encoder", "fused", "matched")

#: The rankings of one encoder, by name.
Rankings = dict[str, Ranking]


def add_matcher_rankings(
    features: CorpusFeatures, registry: Registry, ranked: Sequence[tuple[EncoderModel, Rankings]], reporter: Reporter
) -> None:
    """Add the matcher's ranking of the evaluation queries to the rankings of some encoders.

    Nothing is added, and that is reported, unless it is fair for all of them.
    """
    unfair = [model.id for model, _ in ranked if not has_fair_matcher(features.workspace, registry, model)]
    if unfair:
        reporter.message(f"Without the matcher ranking: no out-of-fold cosines of {', '.join(unfair)}.")
        return
    for model, rankings in ranked:
        rankings["matched"] = held_out_matcher_ranking(features, model, rankings["fused"], reporter)


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
