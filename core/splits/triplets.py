"""Labels turned into triplets: an anchor, its match, and products that look like it and are not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.catalog.product import Product, identifying_gtins
from core.retrieval.candidates import Candidate
from core.text.model_numbers import alphanumeric
from labels.consensus import Label, State
from labels.model import ProductRef, Strength

#: A mined negative must score below this share of the match's own score. Above it, it is likely to be a match
#: that nobody has labelled yet, and would teach the opposite of the truth.
_LIKELY_MATCH = 0.95


@dataclass(frozen=True, slots=True)
class Triplet:
    """An anchor, one of its matches, and hard negatives, the hardest first."""

    anchor: ProductRef
    positive: ProductRef
    negatives: tuple[ProductRef, ...]


def build_triplets(
    labels: Iterable[Label],
    mined: Mapping[ProductRef, Sequence[Candidate]],
    products: Mapping[ProductRef, Product],
    *,
    negatives: int,
    excluded_products: frozenset[ProductRef] = frozenset(),
    excluded_pairs: Mapping[ProductRef, frozenset[ProductRef]] | None = None,
) -> list[Triplet]:
    """One triplet for every labelled match.

    Hard negatives are the reviewers' own rejections (explicit before implied, the highest ranked first), then
    mined ones: candidates that nobody judged, never a known match, never a likely one. One place is kept for a
    mined one where there is any: rejections alone teach only what reviewers happened to see (on Walmart-Amazon
    that one place is worth 2 points of hit@1). Fewer than `negatives` where there are no more; the in-batch
    negatives of the loss come on top. A product with the GTIN of the anchor or its match is no negative, not even a
    rejected one, unless the contradiction was settled so.

    Args:
        labels: the training labels.
        mined: the candidates of each query, best first.
        products: for telling likely matches by GTIN and model number.
        negatives: how many for each triplet.
        excluded_products: products that must not be seen in training, such as those tied to validation queries.
        excluded_pairs: candidates by query whose pairs are judged on, and so never mined.

    Returns:
        sorted by anchor and positive, so that the same labels give the same training run.
    """
    by_query: dict[ProductRef, list[Label]] = {}
    for label in labels:
        by_query.setdefault(label.pair.query, []).append(label)
    gtins = dict(zip(products, identifying_gtins(list(products.values())), strict=True))
    triplets = []
    for query, judged in sorted(by_query.items()):
        candidates = mined.get(query, ())
        known = {label.pair.candidate for label in judged} | (excluded_pairs or {}).get(query, frozenset())
        for match in sorted(label.pair.candidate for label in judged if label.match):
            own = {gtin for ref in (query, match) if (gtin := gtins.get(ref))}
            twins = {c.ref for c in candidates if gtins.get(c.ref) in own}
            rejected = _rejections(judged, candidates, own, gtins)
            others = _unlabelled(query, match, candidates, products, known | excluded_products | twins)
            chosen = tuple([*rejected[: negatives - 1], *others, *rejected[negatives - 1 :]][:negatives])
            if chosen:
                triplets.append(Triplet(query, match, chosen))
    return triplets


def _rejections(
    judged: list[Label], candidates: Sequence[Candidate], own: set[str], gtins: Mapping[ProductRef, str]
) -> list[ProductRef]:
    """The rejected candidates, the firmest first, without contradictions: those with one of the GTINs in `own`."""
    rank = {candidate.ref: candidate.rank for candidate in candidates}
    last = len(candidates) + 1
    rejected = [
        label
        for label in judged
        if label.match is False and (label.state is State.ADJUDICATED or gtins.get(label.pair.candidate) not in own)
    ]
    rejected.sort(
        key=lambda label: (label.strength is Strength.IMPLIED, rank.get(label.pair.candidate, last), label.pair)
    )
    return [label.pair.candidate for label in rejected]


def _unlabelled(
    query: ProductRef,
    match: ProductRef,
    candidates: Sequence[Candidate],
    products: Mapping[ProductRef, Product],
    excluded: frozenset[ProductRef] | set[ProductRef],
) -> list[ProductRef]:
    matched_score = next((c.score for c in candidates if c.ref == match), None)
    if matched_score is None and candidates:
        # The match is not among the candidates: what is ranked first may well be another true match.
        matched_score = candidates[0].score
    ceiling = _LIKELY_MATCH * (matched_score or 0.0)
    alike = [products[ref] for ref in (query, match) if ref in products]
    return [
        c.ref
        for c in candidates
        if c.ref not in excluded
        and c.score < ceiling
        and c.ref in products
        and not any(_same_model(products[c.ref], other) for other in alike)
    ]


def _same_model(one: Product, other: Product) -> bool:
    return bool(alphanumeric(one.model)) and alphanumeric(one.model) == alphanumeric(other.model)
