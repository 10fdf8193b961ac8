"""Train, validation and test pairs for a judge, without leakage between the splits.

A query, the products that match it, and the products with the same GTIN as either occur in one split only.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

from core.catalog.pair_table import read_pairs
from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.settings import Settings
from core.splits.split import splits_of
from core.stats.sampling import shuffled
from core.workspace import Workspace
from labels.model import Pair, ProductRef

#: Pairs, and whether each is a match.
Labels = Mapping[Pair, bool]
#: Returns the products that share a GTIN with any of the given ones.
SameGtin = Callable[[AbstractSet[ProductRef]], frozenset[ProductRef]]

#: Share of the queries that become the validation split.
_VALIDATION_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class TrainValidTest:
    """Labelled pairs in three splits.

    Attributes:
        train: to train on.
        valid: to monitor the training.
        test: to evaluate on; for a workspace, its validation set if there is one.
        left_out: number of pairs that would leak and are in no split.
    """

    train: Labels
    valid: Labels
    test: Labels
    left_out: int = 0


def split_workspace(workspace: Workspace, settings: Settings, valid_share: float = _VALIDATION_SHARE) -> TrainValidTest:
    """The splits of a workspace's labels; its validation set becomes the test split.

    Args:
        workspace: the workspace.
        settings: the hold-out share without a validation set, and the seed.
        valid_share: share of the training queries for the validation split.
    """
    splits = splits_of(workspace, settings)
    labels = {label.pair: bool(label.match) for label in splits.train}
    test = {label.pair: bool(label.match) for label in splits.eval_labels}
    train, valid = _split_off_queries(labels, valid_share, settings.retrain.seed)
    with CatalogStore(workspace.catalog) as catalog:
        return _remove_leaks(train, valid, test, catalog.with_same_gtin)


def split_benchmark(folder: Path, query_source: str = "walmart", candidate_source: str = "amazon") -> TrainValidTest:
    """The splits of a published benchmark: `train.csv`, `valid.csv`, `test.csv`, each `ltable_id,rtable_id,label`.

    Benchmarks are split by pair and their splits share queries: the test split stays as published, and leaking pairs
    are removed from the others. Without test.csv, valid.csv is the test split, and a share of the queries of train.csv
    becomes the validation split.

    Raises:
        LabelsError: a file is missing or has another format.
    """
    train, valid = (read_pairs(folder / name, query_source, candidate_source) for name in ("train.csv", "valid.csv"))
    if (folder / "test.csv").exists():
        return _remove_leaks(train, valid, read_pairs(folder / "test.csv", query_source, candidate_source))
    remaining, monitored = _split_off_queries(_without(train, valid), _VALIDATION_SHARE, seed=0)
    splits = _remove_leaks(remaining, monitored, valid)
    return replace(splits, left_out=len(train) - len(splits.train) - len(splits.valid))


def downsample_negatives(labels: Labels, ratio: float, seed: int) -> Labels:
    """The pairs with at most `ratio` non-matches per match, drawn at random.

    Raises:
        CoreError: all pairs are matches, or none is.
    """
    matches = sum(labels.values())
    if not 0 < matches < len(labels):
        raise CoreError(
            "Balancing needs both matches and non-matches.",
            "Label some more, or prepare the data without a balance.",
        )
    negatives = sorted(pair for pair, match in labels.items() if not match)
    count = min(round(ratio * matches), len(negatives))
    sample = set(random.Random(seed).sample(negatives, count))  # noqa: S311 - no secret
    return {pair: match for pair, match in labels.items() if match or pair in sample}


def _remove_leaks(train: Labels, valid: Labels, test: Labels, same_gtin: SameGtin = frozenset) -> TrainValidTest:
    """The splits without leakage: pairs are removed from `train` before `valid`, and never from `test`."""
    clean_valid = _without(valid, test, same_gtin)
    clean_train = _without(_without(train, test, same_gtin), clean_valid, same_gtin)
    removed = len(train) + len(valid) - len(clean_train) - len(clean_valid)
    return TrainValidTest(clean_train, clean_valid, test, removed)


def _without(labels: Labels, others: Labels, same_gtin: SameGtin = frozenset) -> Labels:
    """The pairs that share neither a query nor a matching product with `others`, directly or by GTIN."""
    queries = {pair.query for pair in others}
    products = {pair.candidate for pair, match in others.items() if match}
    excluded = same_gtin(queries | products) | queries | products
    return {pair: match for pair, match in labels.items() if excluded.isdisjoint(pair)}


def _split_off_queries(labels: Labels, share: float, seed: int) -> tuple[dict[Pair, bool], dict[Pair, bool]]:
    """Split the pairs by query: the rest, and a random share of the queries, never all.

    Queries that match a common product stay together.
    """
    group_of = _query_groups((pair for pair, match in labels.items() if match), {pair.query for pair in labels})
    groups = set(group_of.values())
    count = min(max(1, round(share * len(groups))), len(groups) - 1) if groups else 0
    selected = set(shuffled(groups, seed)[:count])
    rest = {pair: match for pair, match in labels.items() if group_of[pair.query] not in selected}
    return rest, {pair: match for pair, match in labels.items() if group_of[pair.query] in selected}


def _query_groups(matches: Iterable[Pair], queries: set[ProductRef]) -> dict[ProductRef, ProductRef]:
    """The connected components of queries with common matches (union-find): each query's smallest fellow."""
    parent = {query: query for query in queries}

    def find(query: ProductRef) -> ProductRef:
        while parent[query] != query:
            query = parent[query]
        return query

    first_query: dict[ProductRef, ProductRef] = {}
    for query, candidate in sorted(matches):
        other = find(first_query.setdefault(candidate, query))
        own = find(query)
        parent[max(own, other)] = min(own, other)
    return {query: find(query) for query in queries}
