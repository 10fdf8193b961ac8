"""Hard negatives from several sources, in a fixed order or mixed by ratio.

Model-mined negatives are unlabelled candidates of the last index run that score clearly below the match: a
positive-aware margin, as `relative_margin` of `mine_hard_negatives` in sentence-transformers (TopK-PercPos, de Souza P.
Moreira et al. 2024, arXiv:2407.15831). That function is not used, since it would encode the catalogue again and rank by
the encoder alone, whereas the candidates have dense and lexical scores and the matcher's probability.
"""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from core.catalog.product import Product
from core.retrieval.candidates import Candidate
from core.splits.groups import ConnectedGroups
from core.text.model_numbers import alphanumeric
from labels.model import ProductRef

#: Mined negatives must score below this share of the match's score: above it they are probably unlabelled matches.
_MAX_SCORE_SHARE = 0.95
#: Products of a brand that are compared with a match; large brands have thousands.
_MAX_BRAND_SAMPLE = 200
#: A model number that begins with another one of at least this length is a variant of the same model.
_MIN_MODEL_PREFIX = 4


class NegativeSource(StrEnum):
    """Where a negative comes from."""

    EXPLICIT = "explicit"
    """A person rejected it."""
    IMPLIED = "implied"
    """It was on the screen when a person accepted another candidate."""
    SAME_BRAND = "same_brand"
    """Of the brand of the match, with another model number."""
    MINED = "mined"
    """A candidate of the index below the match's score."""
    RANDOM = "random"
    """Any product of the catalogue."""
    OTHER_GTIN = "other_gtin"
    """A weak label: of the match's category, with another GTIN."""


#: The negatives of one match by source, hardest first.
Pools = Mapping[NegativeSource, Sequence[ProductRef]]
#: Negatives with their sources.
Chosen = list[tuple[ProductRef, NegativeSource]]


def in_fixed_order(pools: Pools, count: int) -> Chosen:
    """Rejections first (explicit, implied, then weak ones), then mined negatives, for which one place is reserved.

    Rejections cover only what annotators happened to see; on Walmart-Amazon the reserved place is worth 2 points of
    hit@1.
    """
    rejected: Chosen = [
        (ref, source)
        for source in (NegativeSource.EXPLICIT, NegativeSource.IMPLIED, NegativeSource.OTHER_GTIN)
        for ref in pools.get(source, ())
    ]
    mined: Chosen = [(ref, NegativeSource.MINED) for ref in pools.get(NegativeSource.MINED, ())]
    return [*rejected[: count - 1], *mined, *rejected[count - 1 :]][:count]


class Mixer:
    """Chooses negatives so that the sources have given shares over a whole run, as far as there are enough of each.

    Every place goes to the source that is furthest behind its share, among those that still have a negative for this
    match.

    Args:
        ratios: source → its share relative to the others; sources without one are not used.
    """

    def __init__(self, ratios: Mapping[str, float]) -> None:
        total = sum(ratios.values())
        self._shares = {NegativeSource(name): ratio / total for name, ratio in ratios.items() if ratio > 0}
        self._counts: Counter[NegativeSource] = Counter()

    def choose(self, pools: Pools, count: int) -> Chosen:
        """At most `count` distinct negatives of a match."""
        chosen: dict[ProductRef, NegativeSource] = {}
        rest = {source: [*pools.get(source, ())][::-1] for source in self._shares}
        while len(chosen) < count:
            for refs in rest.values():
                while refs and refs[-1] in chosen:
                    refs.pop()
            open_sources = [source for source, refs in rest.items() if refs]
            if not open_sources:
                break
            source = max(open_sources, key=self._deficit)
            chosen[rest[source].pop()] = source
            self._counts[source] += 1
        return list(chosen.items())

    def _deficit(self, source: NegativeSource) -> float:
        return self._shares[source] * (self._counts.total() + 1) - self._counts[source]


@dataclass(frozen=True, slots=True)
class NegativeFinder:
    """Finds negatives that no person has labelled.

    Attributes:
        products: all products.
        candidates: of each query in the last index run, best first.
        excluded: products that must not occur in training.
        connected: the groups of products that are known to be the same.
        likely: candidates with this probability or more are likely matches; None to trust scores alone.
        catalogue: the products that are candidates, sorted.
        seed: of the random negatives.
    """

    products: Mapping[ProductRef, Product]
    candidates: Mapping[ProductRef, Sequence[Candidate]]
    excluded: frozenset[ProductRef]
    connected: ConnectedGroups[ProductRef]
    likely: float | None = None
    catalogue: Sequence[ProductRef] = ()
    seed: int = 0
    _brands: dict[str, list[ProductRef]] = field(default_factory=dict)

    def mined(self, query: ProductRef, match: ProductRef, known: Collection[ProductRef]) -> list[ProductRef]:
        """The candidates below the margin that are not known, best first."""
        candidates = self.candidates.get(query, ())
        matched_score = next((c.score for c in candidates if c.ref == match), None)
        if matched_score is None and candidates:
            # The match is not among the candidates, so the first one may be another match.
            matched_score = candidates[0].score
        ceiling = _MAX_SCORE_SHARE * (matched_score or 0.0)
        same, likely = self.connected.connected((query, match)), self._likely(query)
        own = [self.products[ref] for ref in (query, match) if ref in self.products]
        return [
            c.ref
            for c in candidates
            if c.ref not in known
            and c.ref not in self.excluded
            and c.ref not in same
            and c.ref not in likely
            and c.score < ceiling
            and c.ref in self.products
            and not any(is_same_model(self.products[c.ref], other) for other in own)
        ]

    def same_brand(self, query: ProductRef, match: ProductRef, known: Collection[ProductRef]) -> list[ProductRef]:
        """Products of the match's brand with another model number, those with the most similar titles first."""
        own = [self.products[ref] for ref in (match, query) if ref in self.products]
        brand = next((key for product in own if (key := alphanumeric(product.brand))), "")
        models = [alphanumeric(product.model) for product in own if alphanumeric(product.model)]
        if not brand or not models:
            return []
        pool = self._by_brand().get(brand, [])
        if len(pool) > _MAX_BRAND_SAMPLE:
            pool = self._rng(query, match).sample(pool, _MAX_BRAND_SAMPLE)
        unknown = self._unknown(pool, query, match, known)
        others = [ref for ref in unknown if not _is_variant(alphanumeric(self.products[ref].model), models)]
        words = _words(own[0])
        return sorted(others, key=lambda ref: (-_overlap(words, _words(self.products[ref])), ref))

    def drawn(
        self, query: ProductRef, match: ProductRef, known: Collection[ProductRef], count: int
    ) -> list[ProductRef]:
        """Random products of the catalogue; the same ones for the same pair and seed."""
        rng = self._rng(query, match)
        # Twice as many as needed, of which few are excluded.
        drawn = rng.sample(self.catalogue, min(len(self.catalogue), 2 * count + len(known)))
        return self._unknown(drawn, query, match, known)[:count]

    def _unknown(
        self, refs: Iterable[ProductRef], query: ProductRef, match: ProductRef, known: Collection[ProductRef]
    ) -> list[ProductRef]:
        same, likely = self.connected.connected((query, match)), self._likely(query)
        own = [self.products[ref] for ref in (query, match) if ref in self.products]
        return [
            ref
            for ref in refs
            if not (ref in known or ref in self.excluded or ref in same or ref in likely)
            and not any(is_same_model(self.products[ref], other) for other in own)
        ]

    def _likely(self, query: ProductRef) -> set[ProductRef]:
        """The candidates that the matcher takes for matches."""
        if self.likely is None:
            return set()
        probabilities = ((c.ref, c.probability) for c in self.candidates.get(query, ()))
        return {ref for ref, probability in probabilities if probability is not None and probability >= self.likely}

    def _by_brand(self) -> dict[str, list[ProductRef]]:
        if not self._brands:
            for ref in self.catalogue:
                product = self.products[ref]
                if (brand := alphanumeric(product.brand)) and alphanumeric(product.model):
                    self._brands.setdefault(brand, []).append(ref)
        return self._brands

    def _rng(self, query: ProductRef, match: ProductRef) -> random.Random:
        return random.Random(f"{self.seed}\0{query}\0{match}")  # noqa: S311 - a repeatable draw, not a secret


def is_same_model(one: Product, other: Product) -> bool:
    """Whether both state a model number, and the same one."""
    return bool(alphanumeric(one.model)) and alphanumeric(one.model) == alphanumeric(other.model)


def _is_variant(model: str, models: Iterable[str]) -> bool:
    """Whether a model number is one of these, or extends one, or is extended by one: UN55J6300 and UN55J6300AFXZA."""
    return any(
        model == other or (min(len(model), len(other)) >= _MIN_MODEL_PREFIX and _is_prefix(model, other))
        for other in models
    )


def _is_prefix(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _words(product: Product) -> frozenset[str]:
    return frozenset(product.title.lower().split())


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity."""
    return len(one & other) / len(one | other) if one or other else 0.0
