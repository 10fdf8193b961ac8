"""Seeded random samples and orders that depend on product keys alone; stratified samples with weights."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from labels.model import Pair, ProductRef, Stratum


def stratified(strata: Mapping[ProductRef, str], count: int, seed: int) -> dict[ProductRef, Stratum]:
    """About `count` queries, proportional to the strata, at least one of each.

    Within a stratum the queries with the lowest hash of key and seed are drawn: the same queries give the same sample.

    Args:
        strata: the stratum of every query.
        count: sample size; exceeded where there are more strata.
        seed: of the hash.

    Returns:
        the drawn queries with stratum and weight, which is the size of the stratum over the number drawn from it.
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


def merge_small_strata(names: Mapping[ProductRef, str], fewest: int) -> dict[ProductRef, str]:
    """The strata with those of fewer than `fewest` members merged into one, `other`."""
    sizes = Counter(names.values())
    return {query: name if sizes[name] >= fewest else "other" for query, name in names.items()}


def draw_share(queries: Iterable[ProductRef], share: float, seed: int) -> list[ProductRef]:
    """A random `share` of the queries. Whether a query is drawn depends on its key and the seed alone.

    A growing catalogue therefore keeps the queries that were drawn before.
    """
    return [query for query in queries if _uniform(query, seed) < share]


def shuffled(refs: Iterable[ProductRef], seed: int) -> list[ProductRef]:
    """The products in a random order that depends on their keys and the seed alone."""
    return sorted(refs, key=lambda ref: _uniform(ref, seed))


def shuffled_by_query(pairs: Iterable[Pair], seed: int) -> list[Pair]:
    """The pairs in a random order of their queries, which depends on the queries' keys and the seed alone."""
    return sorted(pairs, key=lambda pair: (_uniform(pair.query, seed), pair))


def _uniform(ref: ProductRef, seed: int) -> float:
    """A pseudo-random number in [0, 1) from a product's key and a seed."""
    digest = hashlib.sha256(f"{seed}\0{ref.source}\0{ref.id}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
