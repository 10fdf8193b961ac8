"""The order of the triage queue: what the machine is least sure of comes first."""

from labels.model import ProductRef


def by_uncertainty(top: dict[ProductRef, float], boundary: float) -> list[ProductRef]:
    """Queries, least confident first.

    Args:
        top: the best candidate's probability of each query, or its cosine.
        boundary: where the answer changes: the matcher's threshold, or the middle of the medium band.
    """
    return sorted(top, key=lambda query: (abs(top[query] - boundary), query))
