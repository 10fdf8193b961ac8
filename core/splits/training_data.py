"""The training data of a workspace for an encoder: labels, candidates and triplets."""

from contextlib import closing

from core.retrieval.candidates import Candidate, CandidateStore
from core.retrieval.index_run import Corpus
from core.retrieval.manifest import indexed_models, no_candidates
from core.splits.split import Splits
from core.splits.triplets import Triplet, build_triplets
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


def training_triplets(workspace: Workspace, corpus: Corpus, splits: Splits, negatives: int) -> list[Triplet]:
    """A triplet for every training match, with up to `negatives` candidates of the last index run as negatives."""
    return build_triplets(
        training_labels_of(corpus, splits),
        candidates_of(workspace),
        {p.ref: p for p in [*corpus.queries, *corpus.products]},
        negatives=negatives,
        excluded_products=splits.leak_candidates,
        excluded_pairs=splits.excluded_pairs,
    )
