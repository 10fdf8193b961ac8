"""The evaluations of `samesku evaluate`: retrieval, pair classification, and both on the validation set."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from core.evaluation.intervals import pair_intervals, retrieval_intervals
from core.evaluation.pairs import band_table, pair_metrics, reliability
from core.evaluation.report import save_evaluation
from core.evaluation.retrieval import (
    Gold,
    Ranking,
    evaluate_encoder,
    ir_metrics,
    matcher_ranking,
    pairs_of,
    reordered,
    retrieval_metrics,
)
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.pair_file import read_named_labels, read_named_matches
from core.matching.scoring import ScoredPairs, score_pairs
from core.retrieval.corpus import Corpus
from core.retrieval.corpus_vectors import encode_corpus
from core.retrieval.encoder_files import EncoderModel
from core.settings import Settings
from core.splits.match_groups import evaluation_gold
from core.splits.split import Splits, splits_of
from core.workspace import Workspace
from labels.model import Pair, ProductRef
from labels.wording import counted


def evaluate_workspace(
    workspace: Workspace, settings: Settings, model: EncoderModel, reporter: Reporter
) -> dict[str, object]:
    """Both evaluations on the validation set of the workspace; saves the result among the reports.

    The matcher is fitted without the validation pairs. Without a validation set, retrieval alone is evaluated, on
    queries held out of training.

    Returns:
        the keys of `evaluate_retrieval` and `evaluate_pairs`; `pairs_judged_on`; `at`, ISO 8601 in UTC; `seconds`.

    Raises:
        CoreError: there are no evaluation queries.
    """
    started = time.monotonic()
    corpus, splits = Corpus.read(workspace), splits_of(workspace, settings)
    gold = evaluation_gold(splits, corpus)
    truth = _known_pairs(splits, corpus)
    features = CorpusFeatures(workspace, settings, corpus)
    evaluation, rankings = evaluate_encoder(features, model, gold, reporter)
    pairs = [*pairs_of(rankings["fused"]), *truth]
    scored = score_pairs(features, model, pairs, reporter, without=frozenset(truth))
    rankings["matched"] = reordered(rankings["fused"], scored)
    result = _retrieval(workspace, settings, model, corpus, gold, rankings, reporter)
    result |= asdict(evaluation) | {"judged_on": splits.name}
    if truth:
        result |= _pairs(scored, truth, model, settings) | {"pairs_judged_on": splits.name}
    result |= {"at": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": round(time.monotonic() - started, 1)}
    save_evaluation(workspace, result)
    return result


def evaluate_retrieval(
    workspace: Workspace, settings: Settings, model: EncoderModel, matches: Path, reporter: Reporter
) -> dict[str, object]:
    """Retrieval metrics on the matches of a file.

    Args:
        workspace: with the catalogue and the labels.
        settings: templates, weights, depths.
        model: the encoder.
        matches: known matches as `query_id,candidate_id`, or labels, whose non-matches are ignored.
        reporter: receives progress.

    Returns:
        `hit@1 hit@5 hit@10 mrr@10 recall@10 queries` of the matcher ranking; the same for each ranking under `encoder`,
        `lexical`, `fused` and `matched`; `ir_metrics` under `ir`; the id of the encoder under `model`; the file under
        `judged_on`; 95 % intervals by ranking and metric under `intervals`.

    Raises:
        CatalogError: the file names an unknown product. CoreError: there are no evaluation queries.
    """
    corpus = Corpus.read(workspace)
    gold = _gold_of(matches, corpus)
    features = CorpusFeatures(workspace, settings, corpus)
    evaluation, rankings = evaluate_encoder(features, model, gold, reporter)
    rankings["matched"] = matcher_ranking(features, model, rankings["fused"], reporter)
    found = _retrieval(workspace, settings, model, corpus, gold, rankings, reporter)
    return found | asdict(evaluation) | {"judged_on": str(matches)}


def _retrieval(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    corpus: Corpus,
    gold: Gold,
    rankings: Mapping[str, Ranking],
    reporter: Reporter,
) -> dict[str, object]:
    evaluated = {query: gold[query] for query in rankings["fused"]}
    matched = retrieval_metrics(rankings["matched"], evaluated)
    vectors = encode_corpus(workspace, settings, model, corpus, reporter)
    return {
        **matched,
        "matched": matched,
        "ir": ir_metrics(corpus, evaluated, *vectors),
        "intervals": {name: retrieval_intervals(ranking, evaluated) for name, ranking in rankings.items()},
    }


def evaluate_pairs(
    workspace: Workspace, settings: Settings, model: EncoderModel, path: Path, reporter: Reporter
) -> dict[str, object]:
    """Pair classification metrics on the labelled pairs of a file.

    The matcher, its calibration and its threshold are fitted on the training labels of the workspace without the
    evaluated pairs; without training labels the packaged prior is evaluated.

    Returns:
        `f1 precision recall average_precision ece threshold pairs`; the reliability curve under `reliability`; the
        bands under `bands`; 95 % intervals under `pair_intervals`; facts about the matcher under `matcher`; the file
        under `pairs_judged_on`.

    Raises:
        LabelsError: the file is not a labels file. CatalogError: it names an unknown product.
    """
    corpus = Corpus.read(workspace)
    truth = read_named_labels(corpus, path)
    scored = score_pairs(
        CorpusFeatures(workspace, settings, corpus), model, list(truth), reporter, without=frozenset(truth)
    )
    return _pairs(scored, truth, model, settings) | {"pairs_judged_on": str(path)}


def _pairs(
    scored: ScoredPairs, truth: Mapping[Pair, bool], model: EncoderModel, settings: Settings
) -> dict[str, object]:
    labels = list(truth.values())
    probabilities = [scored.probability[pair] for pair in truth]
    matcher = scored.matcher
    return {
        **pair_metrics(labels, probabilities, matcher.threshold),
        "reliability": reliability(labels, probabilities),
        "bands": band_table(
            matcher.cuts, labels, probabilities, settings.match.precision, calibrated=matcher.calibrated
        ),
        "pair_intervals": pair_intervals(labels, probabilities, matcher.threshold, [pair.query for pair in truth]),
        "matcher": {
            "learner": matcher.learner.name, "labels": matcher.labels, "matches": matcher.matches,
            "calibrated": matcher.calibrated, "losses": matcher.losses,
        },
        "pairs_model": model.id,
        "threshold_from": f"{counted(matcher.labels, 'training label')}",
    }  # fmt: skip


def _known_pairs(splits: Splits, corpus: Corpus) -> dict[Pair, bool]:
    """The labelled validation pairs whose products are in the catalogue; empty without a validation set."""
    refs = {product.ref for product in (*corpus.queries, *corpus.products)}
    return {pair: label for pair, label in splits.truth.items() if set(pair) <= refs}


def _gold_of(path: Path, corpus: Corpus) -> dict[ProductRef, frozenset[ProductRef]]:
    gold: dict[ProductRef, set[ProductRef]] = {}
    for query, candidate in read_named_matches(corpus, path):
        gold.setdefault(query, set()).add(candidate)
    return {query: frozenset(found) for query, found in gold.items()}
