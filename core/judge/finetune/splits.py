"""Pairs with known answers, apart: those that a judge learns from, is watched by, and is measured on."""

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

#: Pairs and whether they match.
Known = Mapping[Pair, bool]
#: Gives what is to be on the side of some products, by their GTINs.
Tied = Callable[[AbstractSet[ProductRef]], frozenset[ProductRef]]


@dataclass(frozen=True, slots=True)
class TrainValidTest:
    """Three sets of pairs. A query, the products that match it, and what shares a GTIN with these are on one side only.

    Attributes:
        train: to learn from.
        valid: to watch the learning by.
        test: to measure on; of a workspace it is the manual validation set, where there is one.
        left_out: how many pairs are on no side, since they would be on two.
    """

    train: Known
    valid: Known
    test: Known
    left_out: int = 0


def split_workspace(workspace: Workspace, settings: Settings, watched: float = 0.1) -> TrainValidTest:
    """What a workspace's labels add up to, nothing of its validation side in training.

    Args:
        workspace: which.
        settings: what to hold out while there is no validation set, and the seed.
        watched: the share of training queries that the learning is watched by instead.
    """
    splits = splits_of(workspace, settings)
    known = {label.pair: bool(label.match) for label in splits.train}
    test = {label.pair: bool(label.match) for label in splits.eval_labels}
    chosen = _families(known, watched, settings.retrain.seed)
    valid = {pair: match for pair, match in known.items() if pair.query in chosen}
    train = {pair: match for pair, match in known.items() if pair not in valid}
    with CatalogStore(workspace.catalog) as catalog:
        return _apart(train, valid, test, catalog.with_same_gtin)


def split_benchmark(folder: Path, query_source: str = "walmart", candidate_source: str = "amazon") -> TrainValidTest:
    """The sides of a benchmark as published: `train.csv`, `valid.csv`, `test.csv`, each `ltable_id,rtable_id,label`.

    They were split by pair, so that they share queries: what is measured on keeps its pairs, and what is learnt from
    loses those that are tied to them. Where there is no test.csv, it is measured on valid.csv, and a share of the
    queries of train.csv is what the learning is watched by.

    Raises:
        LabelsError: a file is absent or is no such table.
    """
    train, valid = (read_pairs(folder / name, query_source, candidate_source) for name in ("train.csv", "valid.csv"))
    if (folder / "test.csv").exists():
        return _apart(train, valid, read_pairs(folder / "test.csv", query_source, candidate_source))
    free = _without(train, valid)
    chosen = _families(free, 0.1, seed=0)
    watched = {pair: match for pair, match in free.items() if pair.query in chosen}
    learnt = {pair: match for pair, match in free.items() if pair not in watched}
    sides = _apart(learnt, watched, valid)
    return replace(sides, left_out=len(train) - len(sides.train) - len(sides.valid))


def balanced(known: Known, most: float, seed: int) -> Known:
    """The pairs with at most so many that do not match for each that does, drawn at random.

    Raises:
        CoreError: nothing matches, or everything does.
    """
    matches = sum(known.values())
    if not 0 < matches < len(known):
        raise CoreError("There must be matches and others to balance.", "Label some more, or do without the balance.")
    others = sorted(pair for pair, match in known.items() if not match)
    kept = set(random.Random(seed).sample(others, min(round(most * matches), len(others))))  # noqa: S311 - no secret
    return {pair: match for pair, match in known.items() if match or pair in kept}


def _apart(train: Known, valid: Known, test: Known, tied: Tied = frozenset) -> TrainValidTest:
    """The sides, the earlier ones without what is tied to the later."""
    watched = _without(valid, test, tied)
    learnt = _without(_without(train, test, tied), watched, tied)
    return TrainValidTest(learnt, watched, test, len(train) + len(valid) - len(learnt) - len(watched))


def _without(known: Known, others: Known, tied: Tied = frozenset) -> Known:
    """The pairs of neither the others' queries nor a product that matches one of those, nor what is tied to these."""
    queries = {pair.query for pair in others}
    products = {pair.candidate for pair, match in others.items() if match}
    kept_out = tied(queries | products) | queries | products
    return {pair: match for pair, match in known.items() if kept_out.isdisjoint(pair)}


def _families(known: Known, share: float, seed: int) -> set[ProductRef]:
    """A random share of the queries, never all; those that match the same product are drawn together or not at all."""
    head = _heads((pair for pair, match in known.items() if match), {pair.query for pair in known})
    heads = set(head.values())
    count = min(max(1, round(share * len(heads))), len(heads) - 1) if heads else 0
    chosen = set(shuffled(heads, seed)[:count])
    return {query for query, first in head.items() if first in chosen}


def _heads(matches: Iterable[Pair], queries: set[ProductRef]) -> dict[ProductRef, ProductRef]:
    """For each query the first of its family."""
    head = {query: query for query in queries}

    def first(query: ProductRef) -> ProductRef:
        while head[query] != query:
            query = head[query]
        return query

    owner: dict[ProductRef, ProductRef] = {}
    for query, candidate in sorted(matches):
        other = first(owner.setdefault(candidate, query))
        mine = first(query)
        head[max(mine, other)] = min(mine, other)
    return {query: first(query) for query in queries}
