"""A case: a pair of listings as a judge gets it."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.matching.explain import TITLE_FACTS, PairDescriber, document_frequency
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import Pair

#: Feature groups with facts from the two listings alone, the most telling first.
_GROUPS = (
    "GTIN", "model number", "codes", "brand", "quantities", "pack", "numbers",
    *(group for group in TITLE_FACTS if group not in {"quantities", "pack"}),
    "price", "query words", "candidate words",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Findings:
    """Statements about a pair, the most telling first: those that speak for a match, and those that speak against."""

    equal: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


class Finder:
    """Finds what is equal and what differs, as the explanations state it.

    Args:
        vocabulary: colours, kinds, brands.
        frequency: number of listings that contain a word.
    """

    def __init__(self, vocabulary: Vocabulary, frequency: Callable[[str], int]) -> None:
        self._describer = PairDescriber(vocabulary, frequency)

    def findings(self, query: Product, candidate: Product) -> Findings:
        """All that can be said of two listings."""
        facts = [fact for group in _GROUPS for fact in self._describer.facts(group, query, candidate, {})]
        return Findings(
            tuple(fact.text for fact in facts if fact.sign > 0), tuple(fact.text for fact in facts if fact.sign < 0)
        )


@dataclass(frozen=True, slots=True)
class PairContext:
    """Everything that a judge may read about a pair."""

    query: Product
    candidate: Product
    findings: Findings

    @property
    def pair(self) -> Pair:
        """What the case is about."""
        return Pair(self.query.ref, self.candidate.ref)

    @property
    def content(self) -> str:
        """SHA-256 of all that a judge may read: a verdict on the same content holds, on any other it does not."""
        read = json.dumps([asdict(self.query), asdict(self.candidate), asdict(self.findings)], sort_keys=True)
        return hashlib.sha256(read.encode("utf-8", "surrogatepass")).hexdigest()


#: So many pairs are looked up at once.
_AT_ONCE = 256


class ContextBuilder:
    """Makes cases; what is needed for all of them is read once.

    Args:
        catalog: where the products are.
        vocabulary: colours, kinds, brands.
    """

    def __init__(self, catalog: CatalogStore, vocabulary: Vocabulary) -> None:
        self._catalog = catalog
        self._finder = Finder(vocabulary, document_frequency(catalog))

    def of(self, pairs: Iterable[Pair]) -> Iterator[PairContext]:
        """The cases of pairs, in their order; a pair with a product that the catalogue lacks is left out."""
        waiting = iter(pairs)
        while some := list(islice(waiting, _AT_ONCE)):
            products = self._catalog.get_many(ref for pair in some for ref in pair)
            for pair in some:
                if set(pair) <= products.keys():
                    query, candidate = products[pair.query], products[pair.candidate]
                    yield PairContext(query, candidate, self._finder.findings(query, candidate))


def pair_contexts(workspace: Workspace, pairs: Iterable[Pair]) -> Iterator[PairContext]:
    """The cases of pairs of a workspace, in their order, as `CaseMaker` makes them."""
    with CatalogStore(workspace.catalog) as catalog:
        yield from ContextBuilder(catalog, Vocabulary.load(workspace.vocabulary)).of(pairs)
