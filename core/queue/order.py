"""The order of the triage queue: what the machine is least sure of comes first."""

import hashlib
from collections.abc import Iterable

from labels.model import Pair, ProductRef


def by_uncertainty(top: dict[ProductRef, float], boundary: float) -> list[ProductRef]:
    """Queries, least confident first.

    Args:
        top: the best candidate's probability of each query, or its cosine.
        boundary: where the answer changes: the matcher's threshold, or the middle of the medium band.
    """
    return sorted(top, key=lambda query: (abs(top[query] - boundary), query))


def drawn(queries: Iterable[ProductRef], share: float, seed: int) -> list[ProductRef]:
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
