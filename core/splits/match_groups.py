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
    """The products of a corpus that count as found, of each evaluation query; see `_gold`."""
    return _gold(splits, known_groups(splits, corpus), corpus.digests, frozenset(corpus.product_refs))


def catalogue_gold(splits: Splits, catalog: CatalogStore) -> dict[ProductRef, frozenset[ProductRef]]:
    """The same, but for equal GTINs, without reading the listings of the catalogue."""
    stored = catalog.digests()
    groups = ConnectedGroups((query, *matches) for query, matches in splits.matches.items())
    products = frozenset(ref for ref, (role, _) in stored.items() if has_role(role, "catalog"))
    return _gold(splits, groups, {ref: digest for ref, (_, digest) in stored.items()}, products)


def _gold(
    splits: Splits,
    groups: ConnectedGroups[ProductRef],
    digests: Mapping[ProductRef, str],
    products: frozenset[ProductRef],
) -> dict[ProductRef, frozenset[ProductRef]]:
    """The products that count as found, of each evaluation query.

    These are its labelled matches, the products of its group, and those with the content of one of them or of the
    query, since a label of each such pair is not asked for: to rank one of them first is no error. What other labels
    say of a listing with the same content does not count. A group with a rejected pair inside contradicts itself, so
    that only labelled matches count there.

    Args:
        splits: with the labels.
        groups: of products that are known to be the same.
        digests: of the products' content.
        products: the candidates.
    """
    contradicted = {groups.group(pair.query) for pair in splits.rejected if _is_one_group(groups, pair)} - {None}
    same_content = ConnectedGroups[ProductRef]()
    _connect(same_content, digests)
    rejected: dict[ProductRef, set[ProductRef]] = {}
    for pair in splits.rejected:
        rejected.setdefault(pair.query, set()).add(pair.candidate)
    found = {}
    for query in splits.eval_queries:
        matches = splits.matches[query]
        if groups.group(query) not in contradicted:
            same = same_content.connected(groups.connected([query])) & products
            matches |= same - {query} - rejected.get(query, set())
        found[query] = matches
    return found


def _is_one_group(groups: ConnectedGroups[ProductRef], pair: Pair) -> bool:
    return groups.representative(pair.query) == groups.representative(pair.candidate)


def _connect(groups: ConnectedGroups[ProductRef], values: Mapping[ProductRef, str]) -> None:
    """Connect the products with one value, except for values that too many of a source have: these are defaults.

    The bound is that of `CatalogStore.with_same_gtin`.
    """
    counts = Counter(values.values())
    same: dict[str, list[ProductRef]] = {}
    for ref, value in values.items():
        if counts[value] > 1:
            same.setdefault(value, []).append(ref)
    for refs in same.values():
        if max(Counter(ref.source for ref in refs).values()) <= MAX_LISTINGS:
            groups.connect(refs)
