"""The training data of a workspace for an encoder: labels, candidates and triplets."""

from contextlib import closing

from core.retrieval.candidates import Candidate, CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.manifest import indexed_models, no_candidates
from core.settings import RetrainSettings
from core.splits.match_groups import indistinguishable
from core.splits.split import Splits
from core.splits.triplets import NegativeOptions, Triplet, build_triplets
from core.splits.weak_labels import WeakLabel
from core.workspace import Workspace
from labels.consensus import Label
from labels.model import ProductRef


def training_labels_of(corpus: Corpus, splits: Splits) -> list[Label]:
    """The training labels of products that are in the catalogue."""
    products = {p.ref for p in [*corpus.queries, *corpus.products]}
    return [label for label in splits.train if label.pair.query in products and label.pair.candidate in products]


def candidates_of(workspace: Workspace) -> dict[ProductRef, list[Candidate]]:
    """The candidates of each query by the last index run, best first; none before the first run.

    Raises:
        DamagedError: they are damaged or missing.
    """
    found: dict[ProductRef, list[Candidate]] = {}
    with closing(CandidateStore(workspace.derived)) as store:
        if store.model is None and indexed_models(workspace.index):
            raise no_candidates(workspace.index)
        for query, candidate in store.all():
            found.setdefault(query, []).append(candidate)
    return found


def training_triplets(
    workspace: Workspace, settings: RetrainSettings, corpus: Corpus, splits: Splits, negatives: int
) -> list[Triplet]:
    """A triplet for every training match, weak ones included, with up to `negatives` hard negatives.

    In a mix of sources, a likely match by the matcher is no negative, as far as the candidates have probabilities.

    Raises:
        DamagedError: the candidates are damaged or missing.
    """
    products = {p.ref: p for p in [*corpus.queries, *corpus.products]}
    options = NegativeOptions(
        negatives, {str(name): ratio for name, ratio in settings.negative_mix.items()},
        _match_threshold(workspace) if settings.negative_mix else None,
        sorted(product.ref for product in corpus.products), settings.seed,
    )  # fmt: skip
    return build_triplets(
        training_labels_of(corpus, splits),
        candidates_of(workspace),
        products,
        options,
        weak=weak_labels_of(corpus, splits),
        connected=indistinguishable(splits, corpus),
        excluded_products=splits.leak_candidates,
        excluded_pairs=splits.evaluated_with,
    )


def weak_labels_of(corpus: Corpus, splits: Splits) -> list[WeakLabel]:
    """The weak labels of products that are in the catalogue, in the roles that they had."""
    queries, products = {p.ref for p in corpus.queries}, {p.ref for p in corpus.products}
    return [label for label in splits.weak if label.pair.query in queries and label.pair.candidate in products]


def _match_threshold(workspace: Workspace) -> float | None:
    """The probability from which the matcher takes a pair for a match; None before it was fitted to labels."""
    with closing(CandidateStore(workspace.derived)) as store:
        summary = store.matcher_summary
    return summary.threshold if summary is not None and summary.calibrated else None
