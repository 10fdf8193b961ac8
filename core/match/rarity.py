"""How rare a word is: in how many listings of the catalogue it stands."""

import re
from collections.abc import Callable, Iterable

from core.catalog.store import CatalogStore

#: As many listings as tell the rare from the common.
_MOST = 200_000
_WORD = re.compile(r"[^\W_]+(?:[.'-][^\W_]+)*")


def rarity_of(catalog: CatalogStore) -> Callable[[str], int]:
    """Counts listings with a word in the title; read once, when it is first asked."""
    counts: dict[str, int] = {}

    def count(word: str) -> int:
        if not counts:
            counts.update(_counted(product.title for product in catalog.iter()))
        return counts.get(word, 0)

    return count


def _counted(titles: Iterable[str]) -> dict[str, int]:
    counts = {"": 0}
    for number, title in enumerate(titles):
        if number >= _MOST:
            break
        for word in {word.lower() for word in _WORD.findall(title)}:
            counts[word] = counts.get(word, 0) + 1
    return counts
