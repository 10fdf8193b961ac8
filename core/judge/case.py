"""A case: a pair of listings as a judge gets it."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

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


def cases(workspace: Workspace, pairs: Iterable[Pair]) -> Iterator[Case]:
    """The cases of pairs, in their order; a pair with a product that the catalogue lacks is left out."""
    with CatalogStore(workspace.catalog) as catalog:
        finder = Finder(Vocabulary.load(workspace.vocabulary), rarity_of(catalog))
        waiting = list(pairs)
        for start in range(0, len(waiting), _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            products = catalog.get_many(ref for pair in some for ref in pair)
            for pair in some:
                if set(pair) <= products.keys():
                    query, candidate = products[pair.query], products[pair.candidate]
                    yield Case(query, candidate, finder.findings(query, candidate))
