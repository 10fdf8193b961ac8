"""Families of queries: listings of one retailer that say the same, so that nobody is asked twice."""

import re
from collections.abc import Sequence

from core.catalog.product import Product, identifying_gtins
from core.text.model_numbers import bare

_WORD = re.compile(r"[^\W_]+")


def families(queries: Sequence[Product]) -> list[int]:
    """A number for each query; near-duplicates share one.

    Near-duplicates are listings with the same words in the title, whatever their order, case, punctuation and
    repetition, and the same model number; and listings of one retailer with the same GTIN. One word that differs, a
    colour or a size, makes another product.
    """
    # The first query of a family stands for it; families that turn out to be one are joined.
    head = list(range(len(queries)))

    def first(place: int) -> int:
        while head[place] != place:
            head[place] = place = head[head[place]]
        return place

    owner: dict[object, int] = {}
    for place, (query, gtin) in enumerate(zip(queries, identifying_gtins(queries), strict=True)):
        for sign in (_said(query), *([(query.source, gtin)] if gtin else [])):
            one, other = first(owner.setdefault(sign, place)), first(place)
            head[max(one, other)] = min(one, other)
    number: dict[int, int] = {}
    return [number.setdefault(first(place), len(number)) for place in range(len(queries))]


def _said(query: Product) -> tuple[frozenset[str], str]:
    return frozenset(_WORD.findall(query.title.lower())), bare(query.model)
