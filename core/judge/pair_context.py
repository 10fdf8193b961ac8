"""What a judge reads about a pair: both listings, and the similarities and differences that the features find."""

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

#: Feature groups that can be explained from the two listings alone, most informative first.
_GROUPS = (
    "GTIN", "model number", "codes", "brand", "quantities", "pack", "numbers",
    *(group for group in TITLE_FACTS if group not in {"quantities", "pack"}),
    "price", "query words", "candidate words",
)  # fmt: skip
#: Pairs whose products are read from the catalogue in one query.
_BATCH_SIZE = 256


@dataclass(frozen=True, slots=True)
class Findings:
    """Statements about a pair, most informative first.

    Attributes:
        equal: statements in favour of a match.
        differs: statements against a match.
    """

    equal: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PairContext:
    """Everything that a judge may read about a pair."""

    query: Product
    candidate: Product
    findings: Findings

    @property
    def pair(self) -> Pair:
        """The pair of product references."""
        return Pair(self.query.ref, self.candidate.ref)

    @property
    def content(self) -> str:
        """SHA-256 of everything a judge may read: the cache key under which a verdict on this content is valid."""
        fields = json.dumps([asdict(self.query), asdict(self.candidate), asdict(self.findings)], sort_keys=True)
        return hashlib.sha256(fields.encode("utf-8", "surrogatepass")).hexdigest()


class FindingsExtractor:
    """States what is equal and what differs between two listings, from the matcher's features.

    Args:
        vocabulary: colours, part types, brands.
        document_frequency: the number of listings that contain a token.
    """

    def __init__(self, vocabulary: Vocabulary, document_frequency: Callable[[str], int]) -> None:
        self._describer = PairDescriber(vocabulary, document_frequency)

    def extract(self, query: Product, candidate: Product) -> Findings:
        """All statements about two listings."""
        facts = [fact for group in _GROUPS for fact in self._describer.facts(group, query, candidate, {})]
        return Findings(
            tuple(fact.text for fact in facts if fact.sign > 0), tuple(fact.text for fact in facts if fact.sign < 0)
        )


class ContextBuilder:
    """Builds pair contexts; the document frequencies are read once.

    Args:
        catalog: the product store.
        vocabulary: colours, part types, brands.
    """

    def __init__(self, catalog: CatalogStore, vocabulary: Vocabulary) -> None:
        self._catalog = catalog
        self._extractor = FindingsExtractor(vocabulary, document_frequency(catalog))

    def build(self, pairs: Iterable[Pair]) -> Iterator[PairContext]:
        """Yield the contexts in input order; pairs with a product missing from the catalogue are skipped."""
        remaining = iter(pairs)
        while batch := list(islice(remaining, _BATCH_SIZE)):
            products = self._catalog.get_many(ref for pair in batch for ref in pair)
            for pair in batch:
                if set(pair) <= products.keys():
                    query, candidate = products[pair.query], products[pair.candidate]
                    yield PairContext(query, candidate, self._extractor.extract(query, candidate))


def pair_contexts(workspace: Workspace, pairs: Iterable[Pair]) -> Iterator[PairContext]:
    """The contexts of pairs of a workspace, as `ContextBuilder.build` yields them."""
    with CatalogStore(workspace.catalog) as catalog:
        yield from ContextBuilder(catalog, Vocabulary.load(workspace.vocabulary)).build(pairs)
