"""Random samples that stand for the whole: stratified, seeded, with the weight of each member."""

from collections import Counter
from collections.abc import Mapping

from core.queue.order import shuffled
from labels.model import ProductRef, Stratum


def stratified(strata: Mapping[ProductRef, str], count: int, seed: int) -> dict[ProductRef, Stratum]:
    """About `count` queries, from each stratum its share, and from none of them nothing.

    Within a stratum those come up whose hash with the seed is lowest: the same queries give the same sample, and a
    stratum that grows keeps what was drawn of it.

    Args:
        strata: the stratum of every query that may come up.
        count: how many to draw; more where there are more strata.
        seed: another one draws others.

    Returns:
        what was drawn; a weight is the size of the stratum over how many were drawn of it.
    """
    sizes = Counter(strata.values())
    wanted = {name: min(size, max(1, round(count * size / len(strata)))) for name, size in sizes.items() if count > 0}
    taken: Counter[str] = Counter()
    drawn: dict[ProductRef, Stratum] = {}
    for query in shuffled(strata, seed):
        name = strata[query]
        if taken[name] < wanted.get(name, 0):
            taken[name] += 1
            drawn[query] = Stratum(name, sizes[name] / wanted[name])
    return drawn


def pooled(names: Mapping[ProductRef, str], fewest: int) -> dict[ProductRef, str]:
    """Strata of at least so many members; the small ones are one, `other`."""
    sizes = Counter(names.values())
    return {query: name if sizes[name] >= fewest else "other" for query, name in names.items()}
