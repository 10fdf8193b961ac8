"""Which listings are known to be one product: by matches, equal GTINs, or the same content."""

from collections import Counter
from collections.abc import Mapping

from core.catalog.product import MAX_LISTINGS, has_role
from core.catalog.store import CatalogStore
from core.retrieval.corpus import Corpus
from core.splits.groups import ConnectedGroups
from core.splits.split import Splits
from labels.model import Pair, ProductRef


def known_groups(splits: Splits, corpus: Corpus) -> ConnectedGroups[ProductRef]:
    """The groups of products that are known to be the same: by matches of both sides, and by equal GTINs."""
    groups = ConnectedGroups((query, *matches) for query, matches in splits.matches.items())
    _connect(groups, {product.ref: product.gtin for product in corpus.listings if product.gtin})
    return groups


def indistinguishable(splits: Splits, corpus: Corpus) -> ConnectedGroups[ProductRef]:
    """The known groups, and listings that have the same content: nothing that is read tells them apart.

    A shop's offer may be there twice, in both catalogues. It is no negative of itself.
    """
    groups = known_groups(splits, corpus)
    _connect(groups, corpus.digests)
    return groups


def evaluation_gold(splits: Splits, corpus: Corpus) -> dict[ProductRef, frozenset[ProductRef]]:
    """The products of a corpus that count as found, of each evaluation query; see `gold_by`."""
    return gold_by(splits, indistinguishable(splits, corpus), frozenset(corpus.product_refs))


def catalogue_gold(splits: Splits, catalog: CatalogStore) -> dict[ProductRef, frozenset[ProductRef]]:
    """The same, but for equal GTINs, without reading the listings of the catalogue."""
    stored = catalog.digests()
    groups = ConnectedGroups((query, *matches) for query, matches in splits.matches.items())
    _connect(groups, {ref: digest for ref, (_, digest) in stored.items()})
    return gold_by(splits, groups, frozenset(ref for ref, (role, _) in stored.items() if has_role(role, "catalog")))


def gold_by(
    splits: Splits, groups: ConnectedGroups[ProductRef], products: frozenset[ProductRef]
) -> dict[ProductRef, frozenset[ProductRef]]:
    """The products that count as found, of each evaluation query.

    These are its labelled matches, and the products that are known to be the same as one of them, since a label of
    each such pair is not asked for: to rank one of them first is no error. A group with a labelled non-match inside
    contradicts itself, so that only labelled matches count there.

    Args:
        splits: with the labels.
        groups: of products that are known to be the same.
        products: the candidates.
    """
    rejected = (label.pair for label in (*splits.train, *splits.eval_labels) if label.match is False)
    contradicted = {groups.group(pair.query) for pair in rejected if _is_one_group(groups, pair)} - {None}
    found = {}
    for query in splits.eval_queries:
        matches = splits.matches[query]
        if groups.group(query) not in contradicted:
            matches |= (groups.connected([query]) & products) - {query}
        found[query] = matches
    return found


def _is_one_group(groups: ConnectedGroups[ProductRef], pair: Pair) -> bool:
    return groups.representative(pair.query) == groups.representative(pair.candidate)


def _connect(groups: ConnectedGroups[ProductRef], values: Mapping[ProductRef, str]) -> None:
    """Connect the products with one value, except for values that too many of a source have: these are defaults.

    The bound is that of `CatalogStore.with_same_gtin`.
    """
    counts = Counter((ref.source, value) for ref, value in values.items())
    defaults = {value for (_, value), count in counts.items() if count > MAX_LISTINGS}
    same: dict[str, list[ProductRef]] = {}
    for ref, value in values.items():
        if value not in defaults:
            same.setdefault(value, []).append(ref)
    for refs in same.values():
        groups.connect(refs)
