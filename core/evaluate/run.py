"""The two evaluations behind `samesku evaluate`: retrieval, and pairs."""

from dataclasses import asdict
from pathlib import Path

from core.dataset.splits import splits_of
from core.encode.models import EncoderModel
from core.errors import CatalogError
from core.evaluate.encoder import Ranking, evaluate_encoder
from core.evaluate.information_retrieval import information_retrieval
from core.evaluate.intervals import pair_intervals, retrieval_intervals
from core.evaluate.pairs import band_table, pair_metrics, reliability
from core.evaluate.retrieval import retrieval_metrics
from core.jobs.progress import Reporter
from core.match.judging import judge_pairs, named_pairs
from core.match.table import read_matches, refs_by_id
from core.search.build import Corpus, encode_corpus
from core.settings import Settings
from core.workspace import Workspace
from labels.exchange.labels_csv import read_pairs
from labels.model import Pair, ProductRef


def evaluate_retrieval(
    workspace: Workspace, settings: Settings, model: EncoderModel, matches: Path | None, reporter: Reporter
) -> dict[str, object]:
    """How well matches are found.

    Args:
        workspace: where the catalogue and the labels are.
        settings: templates, weights, depths.
        model: the encoder to measure.
        matches: known matches as `query_id,candidate_id`, or labels, of which the matches count; None for those of
            the validation set.
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
    gold, judged_on = (
        _labelled_gold(workspace, settings) if matches is None else (_gold_of(matches, corpus), str(matches))
    )
    evaluation, rankings = evaluate_encoder(workspace, settings, model, corpus, gold, reporter)
    rankings["matched"] = _rerank(workspace, settings, model, corpus, rankings["fused"], reporter)
    matched = retrieval_metrics(rankings["matched"], gold)
    vectors = encode_corpus(workspace, settings, model, corpus, reporter)
    return {
        **matched,
        **asdict(evaluation),
        "matched": matched,
        "ir": information_retrieval(corpus, gold, *vectors),
        "judged_on": judged_on,
        "intervals": {name: retrieval_intervals(ranking, gold) for name, ranking in rankings.items()},
    }


def _rerank(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, fused: Ranking, reporter: Reporter
) -> Ranking:
    """The same candidates in the matcher's order, as `match` writes them."""
    pairs = [Pair(query, candidate) for query, candidates in fused.items() for candidate in candidates]
    judged = judge_pairs(workspace, settings, model, corpus, pairs, reporter)
    return {
        query: sorted(candidates, key=lambda c: -judged.probability[Pair(query, c)])
        for query, candidates in fused.items()
    }


def evaluate_pairs(
    workspace: Workspace, settings: Settings, model: EncoderModel, path: Path, reporter: Reporter
) -> dict[str, object]:
    """How well labelled pairs are told apart by the matcher.

    The matcher, its calibration and its threshold come from the training labels of the workspace, or from the
    bands of the cosine while there are none; never from the pairs that are measured.

    Returns:
        `f1 precision recall average_precision ece threshold pairs`; the reliability curve under `reliability`;
        the bands, their cuts and their precision under `bands`; 95 % intervals under `pair_intervals`; what the
        matcher is under `matcher`.

    Raises:
        LabelsError: the file is no labels file. CatalogError: it names an unknown product.
    """
    corpus = Corpus.read(workspace)
    labels = read_pairs(path, "", "")
    named = named_pairs(corpus, [(pair.query.id, pair.candidate.id) for pair in labels])
    judged = judge_pairs(workspace, settings, model, corpus, named, reporter, without=frozenset(named))
    truth = [bool(label) for label in labels.values()]
    probabilities = [judged.probability[pair] for pair in named]
    matcher = judged.matcher
    return {
        **pair_metrics(truth, probabilities, matcher.threshold),
        "reliability": reliability(truth, probabilities),
        "bands": band_table(matcher.cuts, truth, probabilities),
        "pair_intervals": pair_intervals(truth, probabilities, matcher.threshold, [pair.query for pair in named]),
        "matcher": {"learner": matcher.learner.name, "labels": matcher.labels, "losses": matcher.losses},
        "pairs_model": model.id,
        "threshold_from": f"{matcher.labels} training labels",
    }


def _labelled_gold(workspace: Workspace, settings: Settings) -> tuple[dict[ProductRef, frozenset[ProductRef]], str]:
    """The known matches to judge on, and what they are called."""
    splits = splits_of(workspace, settings)
    return {query: splits.gold[query] for query in splits.judged}, splits.name


def _gold_of(path: Path, corpus: Corpus) -> dict[ProductRef, frozenset[ProductRef]]:
    queries = refs_by_id((q.ref for q in corpus.queries), "query")
    products = refs_by_id((p.ref for p in corpus.products), "catalog")
    gold: dict[ProductRef, set[ProductRef]] = {}
    for query, candidate in read_matches(path):
        gold.setdefault(_known(queries, query), set()).add(_known(products, candidate))
    return {query: frozenset(found) for query, found in gold.items()}


def _known(refs: dict[str, ProductRef], id_: str) -> ProductRef:
    if id_ not in refs:
        raise CatalogError(f"The id {id_} is not in the catalogue.", "Import the products first.")
    return refs[id_]
