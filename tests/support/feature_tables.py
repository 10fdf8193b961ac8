"""Features in a workspace, without an encoder: as an index run computes them."""

import numpy as np

from core.catalog.store import CatalogStore
from core.matching.features.builder import FeatureBuilder
from core.matching.features.store import FeatureStore, FeatureTable
from core.retrieval.candidates import CandidateStore
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import Pair


def write_features(workspace: Workspace, mark: str = "by hand") -> FeatureTable:
    """Compute and store the features of every candidate of the workspace."""
    candidates = CandidateStore(workspace.derived)
    rows = list(candidates.all())
    candidates.close()
    with CatalogStore(workspace.catalog) as catalog:
        queries = list(catalog.iter(role="query"))
        products = list(catalog.iter(role="catalog"))
    left = {product.ref: place for place, product in enumerate(queries)}
    right = {product.ref: place for place, product in enumerate(products)}
    builder = FeatureBuilder(queries, products, Vocabulary.load())
    vectors = builder.compute(
        np.array([left[query] for query, _ in rows]),
        np.array([right[candidate.ref] for _, candidate in rows]),
        np.array([candidate.similarity for _, candidate in rows], np.float32),
    )
    pairs = [Pair(query, candidate.ref) for query, candidate in rows]
    table = FeatureTable(tuple(feature.name for feature in builder.features), pairs, vectors)
    store = FeatureStore(workspace.derived)
    store.replace(table, mark)
    store.close()
    return table
