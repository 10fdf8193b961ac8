"""Training triplets: an anchor, a match, and hard negatives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.catalog.product import Product, identifying_gtins
from core.retrieval.candidates import Candidate
from core.text.model_numbers import alphanumeric
from labels.consensus import Label, LabelState
from labels.model import ProductRef, Strength

#: Mined negatives must score below this share of the match's score: above it they are probably unlabelled matches.
_MAX_SCORE_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Triplet:
    """An anchor, one of its matches, and hard negatives, hardest first."""

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

    Hard negatives are rejected candidates (explicit before implied, highest ranked first), then mined ones: unlabelled
    candidates that are not likely matches. One place is reserved for a mined negative, since rejections cover only
    what annotators happened to see (on Walmart-Amazon it is worth 2 points of hit@1). There may be fewer than
    `negatives`; the loss adds in-batch negatives. A product with the GTIN of the anchor or its match is never a
    negative, not even a rejected one, unless an adjudication says so.

    Args:
        labels: the training labels.
        mined: the candidates of each query, best first.
        products: with GTINs and model numbers, by which likely matches are recognised.
        negatives: maximum number per triplet.
        excluded_products: products that must not occur in training, such as leak candidates of validation queries.
        excluded_pairs: candidates of evaluated pairs by query, which are never mined.

    Returns:
        sorted by anchor and positive, so that the same labels give the same training run.
    """
    by_query: dict[ProductRef, list[Label]] = {}
    for label in labels:
        by_query.setdefault(label.pair.query, []).append(label)
    gtins = dict(zip(products, identifying_gtins(list(products.values())), strict=True))
    triplets = []
    for query, labelled in sorted(by_query.items()):
        candidates = mined.get(query, ())
        known = {label.pair.candidate for label in labelled} | (excluded_pairs or {}).get(query, frozenset())
        for match in sorted(label.pair.candidate for label in labelled if label.match):
            own = {gtin for ref in (query, match) if (gtin := gtins.get(ref))}
            twins = {c.ref for c in candidates if gtins.get(c.ref) in own}
            rejected = _rejections(labelled, candidates, own, gtins)
            others = _unlabelled(query, match, candidates, products, known | excluded_products | twins)
            chosen = tuple([*rejected[: negatives - 1], *others, *rejected[negatives - 1 :]][:negatives])
            if chosen:
                triplets.append(Triplet(query, match, chosen))
    return triplets


def _rejections(
    labels: list[Label], candidates: Sequence[Candidate], own: set[str], gtins: Mapping[ProductRef, str]
) -> list[ProductRef]:
    """The rejected candidates, explicit ones first, without unadjudicated ones that have a GTIN in `own`."""
    rank = {candidate.ref: candidate.rank for candidate in candidates}
    last = len(candidates) + 1
    rejected = [
        label
        for label in labels
        if label.match is False
        and (label.state is LabelState.ADJUDICATED or gtins.get(label.pair.candidate) not in own)
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
    """The candidates that are mined as negatives, best first."""
    matched_score = next((c.score for c in candidates if c.ref == match), None)
    if matched_score is None and candidates:
        # The match is not among the candidates, so the first one may be another match.
        matched_score = candidates[0].score
    ceiling = _MAX_SCORE_SHARE * (matched_score or 0.0)
    own = [products[ref] for ref in (query, match) if ref in products]
    return [
        c.ref
        for c in candidates
        if c.ref not in excluded
        and c.score < ceiling
        and c.ref in products
        and not any(is_same_model(products[c.ref], other) for other in own)
    ]


def is_same_model(one: Product, other: Product) -> bool:
    """Whether both state a model number, and the same one."""
    return bool(alphanumeric(one.model)) and alphanumeric(one.model) == alphanumeric(other.model)
