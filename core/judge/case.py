"""A case: a pair of listings as a judge gets it."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.judge.findings import Finder, Findings
from core.match.rarity import rarity_of
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import Pair


@dataclass(frozen=True, slots=True)
class Case:
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


class CaseMaker:
    """Makes cases; what is needed for all of them is read once.

    Args:
        catalog: where the products are.
        vocabulary: colours, kinds, brands.
    """

    def __init__(self, catalog: CatalogStore, vocabulary: Vocabulary) -> None:
        self._catalog = catalog
        self._finder = Finder(vocabulary, rarity_of(catalog))

    def of(self, pairs: Iterable[Pair]) -> Iterator[Case]:
        """The cases of pairs, in their order; a pair with a product that the catalogue lacks is left out."""
        waiting = iter(pairs)
        while some := list(islice(waiting, _AT_ONCE)):
            products = self._catalog.get_many(ref for pair in some for ref in pair)
            for pair in some:
                if set(pair) <= products.keys():
                    query, candidate = products[pair.query], products[pair.candidate]
                    yield Case(query, candidate, self._finder.findings(query, candidate))


def cases(workspace: Workspace, pairs: Iterable[Pair]) -> Iterator[Case]:
    """The cases of pairs of a workspace, in their order, as `CaseMaker` makes them."""
    with CatalogStore(workspace.catalog) as catalog:
        yield from CaseMaker(catalog, Vocabulary.load(workspace.vocabulary)).of(pairs)
