"""A split inside the training side: queries held out of training to choose a recipe, apart from the evaluation data."""

from dataclasses import replace

from core.splits.groups import ConnectedGroups
from core.splits.split import Splits, matches_by_query
from core.splits.weak_labels import without_products
from core.stats.sampling import draw_share, shuffled
from labels.model import ProductRef

#: Added to the seed of the draw. With the same seed, every query below the share is in the outer held-out set already.
_SEED_OFFSET = 1


def inner_split(splits: Splits, groups: ConnectedGroups[ProductRef], share: float, seed: int) -> Splits:
    """Hold a share of the training queries out of training, by connected group of products.

    The evaluation queries of the outer split, their labels and all that is connected with them stay excluded, and are
    not evaluated on.

    Args:
        splits: the outer split.
        groups: the groups of products that are known to be the same.
        share: of the training queries with a match.
        seed: of the outer draw.

    Returns:
        a split whose `eval_queries` are the held-out queries; empty if there are fewer than two groups to draw from.
    """
    queries = sorted(matches_by_query(splits.train))
    first_of: dict[ProductRef, ProductRef] = {}
    representative = {
        query: query if (group := groups.group(query)) is None else first_of.setdefault(group, query)
        for query in queries
    }
    distinct = sorted(set(representative.values()))
    drawn = draw_share(distinct, share, seed + _SEED_OFFSET)
    if not 0 < len(drawn) < len(distinct):  # a draw from few
        drawn = shuffled(distinct, seed)[: len(distinct) // 2]
    held_out = frozenset(query for query in queries if representative[query] in drawn)
    connected = groups.connected(held_out)
    return replace(
        splits,
        train=tuple(label for label in splits.train if connected.isdisjoint(label.pair)),
        eval_queries=tuple(sorted(held_out)),
        leak_candidates=splits.leak_candidates | connected,
        manual=False,
        name="training queries held out for the sweep",
        eval_labels=tuple(label for label in splits.train if label.pair.query in held_out),
        excluded_queries=splits.excluded_queries | held_out,
        weak=without_products(splits.weak, connected),
    )
