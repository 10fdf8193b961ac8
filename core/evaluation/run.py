"""The evaluations behind `samesku evaluate`: retrieval, pairs, and both on the workspace's own validation set."""

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
    information_retrieval,
    matched_ranking,
    pairs_of,
    reordered,
    retrieval_metrics,
)
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.pair_file import read_named_labels, read_named_matches
from core.matching.scoring import ScoredPairs, score_pairs
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import Corpus, encode_corpus
from core.settings import Settings
from core.splits.split import Splits, splits_of
from core.workspace import Workspace
from labels.model import Pair, ProductRef
from labels.wording import counted


def evaluate_own(
    workspace: Workspace, settings: Settings, model: EncoderModel, reporter: Reporter
) -> dict[str, object]:
    """Both evaluations on the workspace's validation set, kept among its reports.

    Pairs are measured where there is a validation set: a matcher judges them that has learnt from none of them. Where
    there is none yet, retrieval is measured on queries held out of training.

    Returns:
        what `evaluate_retrieval` and `evaluate_pairs` return; `pairs_judged_on`; `at`, ISO 8601 in UTC; `seconds`.

    Raises:
        CoreError: there is nothing to measure on.
    """
    began = time.monotonic()
    corpus, splits = Corpus.read(workspace), splits_of(workspace, settings)
    gold = {query: splits.matches[query] for query in splits.eval_queries}
    truth = _judged_pairs(splits, corpus)
    corpus_features = CorpusFeatures(workspace, settings, corpus)
    evaluation, rankings = evaluate_encoder(corpus_features, model, gold, reporter)
    asked = [*pairs_of(rankings["fused"]), *truth]
    judged = score_pairs(corpus_features, model, asked, reporter, without=frozenset(truth))
    rankings["matched"] = reordered(rankings["fused"], judged)
    result = _retrieval(workspace, settings, model, corpus, gold, rankings, reporter)
    result |= asdict(evaluation) | {"judged_on": splits.name}
    if truth:
        result |= _pairs(judged, truth, model) | {"pairs_judged_on": splits.name}
    result |= {"at": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": round(time.monotonic() - began, 1)}
    save_evaluation(workspace, result)
    return result


def evaluate_retrieval(
    workspace: Workspace, settings: Settings, model: EncoderModel, matches: Path, reporter: Reporter
) -> dict[str, object]:
    """How well the matches of a file are found.

    Args:
        workspace: where the catalogue and the labels are.
        settings: templates, weights, depths.
        model: the encoder to measure.
        matches: known matches as `query_id,candidate_id`, or labels, of which the matches count.
        reporter: hears progress.

    Returns:
        `hit@1 hit@5 hit@10 mrr@10 recall@10 queries` of the candidates in the matcher's order, as `match` writes
        them; the same for each ranking under `encoder`, `lexical`, `fused` and `matched`; sentence-transformers'
        InformationRetrievalEvaluator under `ir`; the encoder's id under `model`; under `judged_on` the file, or the
        version of the validation set; 95 % intervals by ranking and metric under `intervals`.

    Raises:
        CatalogError: the file names an unknown product. CoreError: there is nothing to measure on.
    """
    corpus = Corpus.read(workspace)
    gold = _gold_of(matches, corpus)
    corpus_features = CorpusFeatures(workspace, settings, corpus)
    evaluation, rankings = evaluate_encoder(corpus_features, model, gold, reporter)
    rankings["matched"] = matched_ranking(corpus_features, model, rankings["fused"], reporter)
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
    counted = {query: gold[query] for query in rankings["fused"]}
    matched = retrieval_metrics(rankings["matched"], counted)
    vectors = encode_corpus(workspace, settings, model, corpus, reporter)
    return {
        **matched,
        "matched": matched,
        "ir": information_retrieval(corpus, counted, *vectors),
        "intervals": {name: retrieval_intervals(ranking, counted) for name, ranking in rankings.items()},
    }


def evaluate_pairs(
    workspace: Workspace, settings: Settings, model: EncoderModel, path: Path, reporter: Reporter
) -> dict[str, object]:
    """How well the labelled pairs of a file are told apart by the matcher.

    The matcher, its calibration and its threshold come from the training labels of the workspace, or are the
    packaged prior's while there are none; never from the pairs that are measured.

    Returns:
        `f1 precision recall average_precision ece threshold pairs`; the reliability curve under `reliability`;
        the bands, their cuts and their precision under `bands`; 95 % intervals under `pair_intervals`; what the
        matcher is under `matcher`, `calibrated` among it; the file under `pairs_judged_on`.

    Raises:
        LabelsError: the file is no labels file. CatalogError: it names an unknown product.
    """
    corpus = Corpus.read(workspace)
    truth = read_named_labels(corpus, path)
    judged = score_pairs(
        CorpusFeatures(workspace, settings, corpus), model, list(truth), reporter, without=frozenset(truth)
    )
    return _pairs(judged, truth, model) | {"pairs_judged_on": str(path)}


def _pairs(judged: ScoredPairs, truth: Mapping[Pair, bool], model: EncoderModel) -> dict[str, object]:
    labels = list(truth.values())
    probabilities = [judged.probability[pair] for pair in truth]
    matcher = judged.matcher
    return {
        **pair_metrics(labels, probabilities, matcher.threshold),
        "reliability": reliability(labels, probabilities),
        "bands": band_table(matcher.cuts, labels, probabilities, calibrated=matcher.calibrated),
        "pair_intervals": pair_intervals(labels, probabilities, matcher.threshold, [pair.query for pair in truth]),
        "matcher": {
            "learner": matcher.learner.name, "labels": matcher.labels, "matches": matcher.matches,
            "calibrated": matcher.calibrated, "losses": matcher.losses,
        },
        "pairs_model": model.id,
        "threshold_from": f"{counted(matcher.labels, 'training label')}",
    }  # fmt: skip


def _judged_pairs(splits: Splits, corpus: Corpus) -> dict[Pair, bool]:
    """What is known of the pairs of the validation set whose products are in the catalogue; nothing without a set."""
    known = {product.ref for product in (*corpus.queries, *corpus.products)}
    return {pair: label for pair, label in splits.truth.items() if set(pair) <= known}


def _gold_of(path: Path, corpus: Corpus) -> dict[ProductRef, frozenset[ProductRef]]:
    gold: dict[ProductRef, set[ProductRef]] = {}
    for query, candidate in read_named_matches(corpus, path):
        gold.setdefault(query, set()).add(candidate)
    return {query: frozenset(found) for query, found in gold.items()}
