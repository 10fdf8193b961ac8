"""Features in a workspace, without an encoder: as an index run computes them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from samples import match, no_match, q, write_workspace

from core.catalog.store import CatalogStore
from core.matching.features.builder import FeatureBuilder
from core.matching.features.store import FeatureStore, FeatureTable
from core.matching.matcher import prior_matcher
from core.matching.run import publish
from core.retrieval.candidates import CandidateStore
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import ActionDetails, Pair, Side, Verb
from labels.store import LabelStore


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


def write_scored_workspace(home: Path, answered: Mapping[str, Side]) -> Workspace:
    """The tiny workspace with features and probabilities.

    Args:
        home: its folder.
        answered: the queries that a person has answered, each on a side: the first candidate is the match.
    """
    workspace = write_workspace(home)
    table = write_features(workspace)
    publish(workspace, prior_matcher(table.features, table.vectors), table)
    with LabelStore(workspace.labels) as store:
        for id_, side in answered.items():
            judgements = [*match(f"{id_}-c1"), *no_match(f"{id_}-c2", f"{id_}-c3")]
            store.record("ada", Verb.ACCEPT, q(id_), judgements, ActionDetails(side=side, closes=True))
    return workspace
