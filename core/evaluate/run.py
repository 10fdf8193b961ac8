"""The two evaluations behind `samesku evaluate`: retrieval, and pairs."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from core.dataset.splits import split_labels
from core.encode.models import EncoderModel
from core.errors import CatalogError
from core.evaluate.encoder import evaluate_encoder
from core.evaluate.information_retrieval import information_retrieval
from core.evaluate.pairs import pair_metrics
from core.jobs.progress import Reporter
from core.match.calibration import fit_curve
from core.match.table import read_id_pairs, refs_by_id
from core.search.build import Corpus, encode_corpus
from core.settings import Settings
from core.workspace import Workspace
from labels.exchange import read_pairs
from labels.model import ProductRef
from labels.store import LabelStore


def evaluate_retrieval(
    workspace: Workspace, settings: Settings, model: EncoderModel, matches: Path | None, reporter: Reporter
) -> dict[str, object]:
    """How well matches are found.

    Args:
        workspace: where the catalogue and the labels are.
        settings: templates, weights, depths.
        model: the encoder to measure.
        matches: known matches as `query_id,candidate_id`; None for those of the validation set.
        reporter: hears progress.

    Returns:
        `hit@1 hit@5 hit@10 mrr@10 recall@10 queries` of the fused candidates, as `match` writes them; the same
        for each ranking under `encoder`, `lexical` and `fused`; sentence-transformers'
        InformationRetrievalEvaluator under `ir`; the encoder's id under `model`.

    Raises:
        CatalogError: the file names an unknown product. CoreError: there is nothing to measure on.
    """
    corpus = Corpus.read(workspace)
    gold = _labelled_gold(workspace, settings) if matches is None else _gold_of(matches, corpus)
    evaluation = evaluate_encoder(workspace, settings, model, corpus, gold, reporter)
    vectors = encode_corpus(workspace, settings, model, corpus, reporter)
    return {
        **evaluation.fused,
        **asdict(evaluation),
        "ir": information_retrieval(corpus, gold, *vectors),
        "judged_on": "validation set" if matches is None else str(matches),
    }


def evaluate_pairs(
    workspace: Workspace, settings: Settings, model: EncoderModel, path: Path, reporter: Reporter
) -> dict[str, object]:
    """How well labelled pairs are told apart by the encoder's cosine.

    Probability and threshold come from a curve fitted on the training labels of the workspace, or from the
    bands while there are none; never from the pairs that are measured.

    Raises:
        LabelsError: the file is no labels file. CatalogError: it names an unknown product.
    """
    corpus = Corpus.read(workspace)
    measured = [(p.query.id, p.candidate.id, label) for p, label in read_pairs(path, "", "").items()]
    with LabelStore(workspace.labels) as store:
        splits = split_labels(store, held_out=settings.retrain.held_out, seed=settings.retrain.seed)
    pairs = {(query, candidate) for query, candidate, _ in measured}
    known = {p.ref for p in [*corpus.queries, *corpus.products]}
    train = [
        (label.pair.query.id, label.pair.candidate.id, bool(label.match))
        for label in splits.train
        if label.pair.query in known and label.pair.candidate in known
    ]
    train = [entry for entry in train if entry[:2] not in pairs]
    similarities = cosines(workspace, settings, model, corpus, [e[:2] for e in [*measured, *train]], reporter)
    boundary = (settings.bands.high + settings.bands.medium) / 2
    curve = fit_curve(similarities[len(measured) :], [label for *_, label in train], boundary)
    probabilities = curve.probabilities(similarities[: len(measured)]).tolist()
    metrics = pair_metrics([label for *_, label in measured], probabilities, curve.threshold)
    return {**metrics, "pairs_model": model.id, "threshold_from": f"{curve.labels} training labels"}


def cosines(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    corpus: Corpus,
    pairs: Sequence[tuple[str, str]],
    reporter: Reporter,
) -> list[float]:
    """The encoder's cosine of each pair of retailers' ids.

    Raises:
        CatalogError: an id is not in the catalogue.
    """
    import numpy as np  # noqa: PLC0415

    query_vectors, product_vectors = encode_corpus(workspace, settings, model, corpus, reporter)
    queries = refs_by_id((q.ref for q in corpus.queries), "query")
    products = refs_by_id((p.ref for p in corpus.products), "catalog")
    left = {ref: i for i, ref in enumerate(q.ref for q in corpus.queries)}
    right = {ref: i for i, ref in enumerate(p.ref for p in corpus.products)}
    for query, candidate in pairs:
        _known(queries, query)
        _known(products, candidate)
    rows = [left[queries[query]] for query, _ in pairs]
    columns = [right[products[candidate]] for _, candidate in pairs]
    return [float(s) for s in np.einsum("nd,nd->n", query_vectors[rows], product_vectors[columns])]


def _labelled_gold(workspace: Workspace, settings: Settings) -> dict[ProductRef, frozenset[ProductRef]]:
    with LabelStore(workspace.labels) as store:
        splits = split_labels(store, held_out=settings.retrain.held_out, seed=settings.retrain.seed)
    return {query: splits.gold[query] for query in splits.judged}


def _gold_of(path: Path, corpus: Corpus) -> dict[ProductRef, frozenset[ProductRef]]:
    queries = refs_by_id((q.ref for q in corpus.queries), "query")
    products = refs_by_id((p.ref for p in corpus.products), "catalog")
    gold: dict[ProductRef, set[ProductRef]] = {}
    for query, candidate in read_id_pairs(path):
        gold.setdefault(_known(queries, query), set()).add(_known(products, candidate))
    return {query: frozenset(found) for query, found in gold.items()}


def _known(refs: dict[str, ProductRef], id_: str) -> ProductRef:
    if id_ not in refs:
        raise CatalogError(f"The id {id_} is not in the catalogue.", "Import the products first.")
    return refs[id_]
