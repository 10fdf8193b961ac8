"""Training triplets: an anchor, a match, and hard negatives, each with its source."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.catalog.product import Product, identifying_gtins
from core.retrieval.candidates import Candidate
from core.splits.groups import ConnectedGroups
from core.splits.hard_negatives import Chosen, Mixer, NegativeFinder, NegativeSource, Pools, in_fixed_order
from core.splits.weak_labels import WeakLabel
from labels.consensus import Label, LabelState
from labels.model import ProductRef, Strength


@dataclass(frozen=True, slots=True)
class Triplet:
    """An anchor, one of its matches, and hard negatives, hardest first.

    Attributes:
        sources: where each negative comes from.
        source: where the match comes from: a person's `explicit` or `implied` label, or a weak source.
    """

    anchor: ProductRef
    positive: ProductRef
    negatives: tuple[ProductRef, ...]
    sources: tuple[NegativeSource, ...] = ()
    source: str = Strength.EXPLICIT.value

    @property
    def products(self) -> tuple[ProductRef, ...]:
        """All products in it."""
        return self.anchor, self.positive, *self.negatives


@dataclass(frozen=True, slots=True)
class NegativeOptions:
    """How negatives are chosen.

    Attributes:
        count: maximum number per triplet.
        mix: source → its share; empty for the fixed order of `in_fixed_order`.
        likely: candidates with this probability or more are never negatives in a mix; None to trust scores alone.
        catalogue: products for the sources `same_brand` and `random`, sorted.
        seed: of the random draws.
    """

    count: int
    mix: Mapping[str, float] | None = None
    likely: float | None = None
    catalogue: Sequence[ProductRef] = ()
    seed: int = 0


def build_triplets(
    labels: Iterable[Label],
    mined: Mapping[ProductRef, Sequence[Candidate]],
    products: Mapping[ProductRef, Product],
    options: NegativeOptions,
    *,
    weak: Iterable[WeakLabel] = (),
    connected: ConnectedGroups[ProductRef] | None = None,
    excluded_products: frozenset[ProductRef] = frozenset(),
    excluded_pairs: Mapping[ProductRef, frozenset[ProductRef]] | None = None,
) -> list[Triplet]:
    """One triplet for every labelled match.

    There may be fewer negatives than asked for; the loss adds in-batch negatives. A product with the GTIN of the anchor
    or its match, or in the group of one, is never a negative, not even a rejected one, unless an adjudication says so.

    Args:
        labels: the training labels of people.
        mined: the candidates of each query, best first.
        products: with GTINs and model numbers, by which likely matches are recognised.
        options: number and sources of the negatives.
        weak: weak labels, of pairs without a label.
        connected: the groups of products that are known to be the same.
        excluded_products: products that must not occur in training, such as leak candidates of validation queries.
        excluded_pairs: the other products of each product's evaluated pairs, which are never mined for it; in a mix,
            for no query.

    Returns:
        sorted by anchor and positive, so that the same labels give the same training run.
    """
    if options.mix:
        excluded_products = excluded_products.union(*(excluded_pairs or {}).values())
    finder = NegativeFinder(
        products, mined, excluded_products, connected or ConnectedGroups(), options.likely if options.mix else None,
        options.catalogue, options.seed,
    )  # fmt: skip
    gtins = dict(zip(products, identifying_gtins(list(products.values())), strict=True))
    builder = _Builder(finder, options, gtins, Mixer(options.mix) if options.mix else None)
    by_query: dict[ProductRef, tuple[list[Label], list[WeakLabel]]] = {}
    for label in labels:
        by_query.setdefault(label.pair.query, ([], []))[0].append(label)
    for each in weak:
        by_query.setdefault(each.pair.query, ([], []))[1].append(each)
    triplets = []
    for query, (labelled, weakly) in sorted(by_query.items()):
        known = {label.pair.candidate for label in labelled} | {each.pair.candidate for each in weakly}
        known |= (excluded_pairs or {}).get(query, frozenset())
        sources = {each.pair.candidate: each.source.value for each in weakly if each.match}
        sources |= {label.pair.candidate: label.strength.value for label in labelled if label.match}
        for match, source in sorted(sources.items()):
            chosen = builder.negatives(query, match, labelled, weakly, known)
            if chosen:
                refs, origins = zip(*chosen, strict=True)
                triplets.append(Triplet(query, match, refs, origins, source))
    return triplets


@dataclass(frozen=True, slots=True)
class _Builder:
    """Chooses the negatives of one match after another."""

    finder: NegativeFinder
    options: NegativeOptions
    gtins: Mapping[ProductRef, str]
    mixer: Mixer | None = None

    def negatives(
        self,
        query: ProductRef,
        match: ProductRef,
        labels: Sequence[Label],
        weak: Sequence[WeakLabel],
        known: set[ProductRef],
    ) -> Chosen:
        candidates, same = self.finder.candidates.get(query, ()), self.finder.connected.connected((query, match))
        own = {gtin for ref in (query, match) if (gtin := self.gtins.get(ref))}
        twins = {c.ref for c in candidates if self.gtins.get(c.ref) in own}
        pools: dict[NegativeSource, Sequence[ProductRef]] = {
            **_labelled_non_matches(labels, candidates, own, self.gtins, same),
            NegativeSource.OTHER_GTIN: [
                each.pair.candidate
                for each in weak
                if not each.match and self.gtins.get(each.pair.candidate) not in own and each.pair.candidate not in same
            ],
            NegativeSource.MINED: self.finder.mined(query, match, known | twins),
        }
        if self.mixer is None:
            return in_fixed_order(pools, self.options.count)
        return self.mixer.choose(self._with_further(pools, query, match, known, own), self.options.count)

    def _with_further(
        self, pools: Pools, query: ProductRef, match: ProductRef, known: set[ProductRef], own: set[str]
    ) -> Pools:
        """The pools with those sources that only a mix uses."""
        mix, finder = self.options.mix or {}, self.finder
        found = dict(pools)
        if mix.get(NegativeSource.SAME_BRAND):
            found[NegativeSource.SAME_BRAND] = finder.same_brand(query, match, known)
        if mix.get(NegativeSource.RANDOM):
            found[NegativeSource.RANDOM] = finder.drawn(query, match, known, self.options.count)
        for source in (NegativeSource.SAME_BRAND, NegativeSource.RANDOM):
            found[source] = [ref for ref in found.get(source, ()) if self.gtins.get(ref) not in own]
        return found


def _labelled_non_matches(
    labels: Sequence[Label],
    candidates: Sequence[Candidate],
    own: set[str],
    gtins: Mapping[ProductRef, str],
    same: Collection[ProductRef],
) -> dict[NegativeSource, list[ProductRef]]:
    """The labelled non-matches, best first, without unadjudicated ones with a GTIN in `own`, or that are in `same`."""
    rank = {candidate.ref: candidate.rank for candidate in candidates}
    last = len(candidates) + 1
    rejected = [
        label
        for label in labels
        if label.match is False
        and (
            label.state is LabelState.ADJUDICATED
            or (gtins.get(label.pair.candidate) not in own and label.pair.candidate not in same)
        )
    ]
    rejected.sort(key=lambda label: (rank.get(label.pair.candidate, last), label.pair))
    return {
        source: [label.pair.candidate for label in rejected if label.strength is strength]
        for source, strength in (
            (NegativeSource.EXPLICIT, Strength.EXPLICIT), (NegativeSource.IMPLIED, Strength.IMPLIED),
        )
    }  # fmt: skip


def negative_counts(triplets: Iterable[Triplet]) -> dict[str, int]:
    """Source → number of negatives."""
    return dict(Counter(source.value for triplet in triplets for source in triplet.sources))


def match_counts(triplets: Iterable[Triplet]) -> dict[str, int]:
    """Source → number of matches."""
    return dict(Counter(triplet.source for triplet in triplets))
