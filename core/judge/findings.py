"""What is equal and what differs between two listings, in words: what a judge reads, or learns to write."""

from collections.abc import Callable
from dataclasses import dataclass

from core.catalog.product import Product
from core.match.attribute_wording import TITLES
from core.match.wording import Teller
from core.text.vocabulary import Vocabulary

#: What the evidence can put into words of the two listings alone, the most telling first.
_GROUPS = (
    "GTIN", "model number", "codes", "brand", "quantities", "pack", "numbers",
    *(group for group in TITLES if group not in {"quantities", "pack"}),
    "price", "query words", "candidate words",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Findings:
    """Statements about a pair, the most telling first: those that speak for a match, and those that speak against."""

    equal: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


class Finder:
    """Finds what is equal and what differs, as the matcher's evidence has it.

    Args:
        vocabulary: colours, kinds, brands.
        rarity: in how many listings a word stands.
    """

    def __init__(self, vocabulary: Vocabulary, rarity: Callable[[str], int]) -> None:
        self._teller = Teller(vocabulary, rarity)

    def findings(self, query: Product, candidate: Product) -> Findings:
        """All that can be said of two listings."""
        facts = [fact for group in _GROUPS for fact in self._teller.facts(group, query, candidate, {})]
        return Findings(
            tuple(fact.text for fact in facts if fact.leans > 0), tuple(fact.text for fact in facts if fact.leans < 0)
        )
