"""Families of queries: listings of one retailer that say the same, so that nobody is asked twice."""

import re
from collections.abc import Sequence

from core.catalog.product import Product
from core.text.model_numbers import bare

_WORD = re.compile(r"[^\W_]+")


def families(queries: Sequence[Product]) -> list[int]:
    """A number for each query; near-duplicates share one.

    Near-duplicates are listings with the same words in the title, whatever their order, case, punctuation and
    repetition, and the same model number. One word that differs, a colour or a size, makes another product.
    """
    number: dict[tuple[frozenset[str], str], int] = {}
    return [number.setdefault(_said(query), len(number)) for query in queries]


def _said(query: Product) -> tuple[frozenset[str], str]:
    return frozenset(_WORD.findall(query.title.lower())), bare(query.model)
