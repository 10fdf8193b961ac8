"""Leakage check of training data against the evaluation data, computed apart from the split."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from core.errors import CoreError
from core.splits.groups import ConnectedGroups
from core.splits.split import Splits
from core.text.safe import safe
from labels.model import Pair, ProductRef
from labels.wording import counted

#: Leaks that a message names.
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class LeakageCheck:
    """A passed leakage check.

    Attributes:
        products: number of training products.
        evaluation_products: number of products that are connected with an excluded query; none of them trains.
        shared_queries: number of training queries that have evaluated pairs as well, since a file assigned their pairs
            to both sides, as published benchmarks do.
        shared_matches: number of training matches that are connected with an evaluated match for the same reason.
    """

    products: int
    evaluation_products: int
    shared_queries: int
    shared_matches: int


def check_leakage(
    splits: Splits, rows: Sequence[tuple[ProductRef, ...]], matches: Iterable[Pair], groups: ConnectedGroups[ProductRef]
) -> LeakageCheck:
    """Check that no evaluation data train.

    Args:
        splits: with the evaluation queries and pairs.
        rows: the products of each training row, the query first.
        matches: the training matches.
        groups: the groups of products that are known to be the same.

    Raises:
        CoreError: a training row has a product that is connected with an excluded query, or is an evaluated pair.
    """
    evaluation = groups.connected(splits.excluded_queries)
    used = {ref for row in rows for ref in row}
    leaks = sorted(used & evaluation)
    evaluated = {Pair(one, other) for one, others in splits.evaluated_with.items() for other in others}
    pairs = sorted({Pair(query, other) for query, *others in rows for other in others} & evaluated)
    if leaks or pairs:
        named = [safe(f"{ref.source} {ref.id}") for ref in leaks]
        named += [safe(f"{pair.query.id} with {pair.candidate.id}") for pair in pairs]
        more = ", …" if len(named) > _MAX_NAMED else ""
        raise CoreError(
            f"Evaluation data would train: {counted(len(leaks), 'product')} and {counted(len(pairs), 'pair')}"
            f" ({', '.join(islice(named, _MAX_NAMED))}{more}). Nothing was trained or written.",
            "Run it again if products were imported meanwhile; otherwise please report this error of samesku.",
        )
    judged = {label.pair.query for label in splits.eval_labels}
    shared = groups.connected(label.pair.query for label in splits.eval_labels if label.match)
    return LeakageCheck(
        products=len(used),
        evaluation_products=len(evaluation),
        shared_queries=len({row[0] for row in rows} & judged),
        shared_matches=sum(not shared.isdisjoint(pair) for pair in matches),
    )
