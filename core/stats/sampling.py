"""Random samples that stand for the whole: stratified, seeded, with the weight of each member."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from labels.model import Pair, ProductRef, Stratum


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


def merge_small_strata(names: Mapping[ProductRef, str], fewest: int) -> dict[ProductRef, str]:
    """Strata of at least so many members; the small ones are one, `other`."""
    sizes = Counter(names.values())
    return {query: name if sizes[name] >= fewest else "other" for query, name in names.items()}


def draw_share(queries: Iterable[ProductRef], share: float, seed: int) -> list[ProductRef]:
    """A random `share` of the queries. Whether one is drawn depends on itself and the seed alone.

    So a catalogue that grows keeps what was drawn, and nothing that is known of a query plays a part.
    """
    return [query for query in queries if _uniform(query, seed) < share]


def shuffled(refs: Iterable[ProductRef], seed: int) -> list[ProductRef]:
    """The products in a random order that is the same each time."""
    return sorted(refs, key=lambda ref: _uniform(ref, seed))


def shuffled_by_query(pairs: Iterable[Pair], seed: int) -> list[Pair]:
    """The pairs in a random order of their queries, which depends on the queries and the seed alone."""
    return sorted(pairs, key=lambda pair: (_uniform(pair.query, seed), pair))


def _uniform(ref: ProductRef, seed: int) -> float:
    """A number in [0, 1) made of a product's key and a seed."""
    digest = hashlib.sha256(f"{seed}\0{ref.source}\0{ref.id}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
