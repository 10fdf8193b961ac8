"""Current labels: those that still apply to the products as they are in the catalogue now.

A decision applies to the listing that was shown. If the retailer has assigned the id to another product since, the
decision is outdated until someone decides again; if the product was removed, it no longer counts. If an import restores
the former product, its decisions count again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from core.catalog.listing_identity import is_different_article
from core.catalog.product import SIDES, Product, Role, has_role, ordered_pair
from core.catalog.store import CatalogStore, FormerArticle
from core.text.safe import safe
from core.workspace import Workspace
from labels.consensus import Label, Rule
from labels.model import Decision, Pair, ProductRef, Strength
from labels.product_decisions import ProductDecision, answered_at, decisions_on, labels_from
from labels.reader import LabelReader
from labels.store import LabelStore

#: Characters of a former title in a message.
_MAX_TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class OutdatedLabels:
    """Outdated decisions and labels.

    Attributes:
        decisions: event numbers of decisions on a replaced or removed product.
        valid: event numbers of the other decisions on pairs that have outdated ones.
        changed: pairs without a decision on the current product.
        gone: pairs with a removed product.
        queries: of all pairs with a product that was replaced or removed at some time.
        waiting: queries to be answered again, each with the reason.
    """

    decisions: frozenset[int] = frozenset()
    valid: frozenset[int] = frozenset()
    changed: frozenset[Pair] = frozenset()
    gone: frozenset[Pair] = frozenset()
    queries: frozenset[ProductRef] = frozenset()
    waiting: Mapping[ProductRef, str] = field(default_factory=dict)

    @property
    def pairs(self) -> frozenset[Pair]:
        """The pairs whose labels are left out."""
        return self.changed | self.gone


NONE_OUTDATED = OutdatedLabels()


def outdated(store: LabelReader, catalog: CatalogStore) -> OutdatedLabels:
    """Find the decisions on products that have changed since.

    Raises:
        SameskuError: one of the files cannot be read.
    """
    former = catalog.former_articles()
    if not former:
        return NONE_OUTDATED
    articles = _ProductHistory(former, catalog.get_many(former))
    by_pair: dict[Pair, list[ProductDecision]] = {}
    for decision in decisions_on(store, former):
        by_pair.setdefault(decision.pair, []).append(decision)
    outdated_seqs, valid, changed, gone = set[int](), set[int](), set[Pair](), set[Pair]()
    for pair, decisions in by_pair.items():
        old = [each for each in decisions if not articles.are_same(each.pair, each.at)]
        if not old:
            continue
        outdated_seqs.update(each.seq for each in old)
        valid.update(each.seq for each in decisions if each not in old)
        if len(old) == len(decisions):
            (gone if articles.is_gone(pair) else changed).add(pair)
    queries = frozenset(pair.query for pair in by_pair)
    waiting = _waiting(articles, by_pair, answered_at(store, queries))
    return OutdatedLabels(
        frozenset(outdated_seqs), frozenset(valid), frozenset(changed), frozenset(gone), queries, waiting
    )


def _waiting(
    articles: "_ProductHistory",
    by_pair: Mapping[Pair, Sequence[ProductDecision]],
    answered: Mapping[ProductRef, float],
) -> dict[ProductRef, str]:
    """The queries whose last answer is older than a replacement of one of their products, each with the reason."""
    found: dict[ProductRef, str] = {}
    for pair, decisions in by_pair.items():
        at = answered.get(pair.query)
        if at is not None and articles.needs_answer(pair, decisions) and (reason := articles.replaced_since(pair, at)):
            found[pair.query] = reason
    return found


@contextmanager
def ledger_and_catalogue(workspace: Workspace) -> Iterator[tuple[LabelStore, CatalogStore | None]]:
    """Open a workspace's ledger and catalogue; the catalogue is None, and not created, where it does not exist."""
    with ExitStack() as stack:
        store = stack.enter_context(LabelStore(workspace.labels))
        exists = workspace.catalog.exists()
        yield store, stack.enter_context(CatalogStore(workspace.catalog)) if exists else None


def current_labels(store: LabelReader, catalog: CatalogStore | None, rule: Rule = Rule.UNANIMOUS) -> list[Label]:
    """The consensus labels of the current products, by pair; without a catalogue all decisions count.

    Raises:
        SameskuError: one of the files cannot be read.
    """
    if catalog is None:
        return store.labels(rule=rule)
    labels = without_outdated(store, store.labels(rule=rule), outdated(store, catalog), rule)
    return _present(_with_roles(labels, catalog), catalog)


def human_labels(store: LabelReader, catalog: CatalogStore | None, rule: Rule = Rule.UNANIMOUS) -> list[Label]:
    """The current labels that people decided, by pair; `match` is None where they disagree.

    Raises:
        SameskuError: one of the files cannot be read.
    """
    return [label for label in current_labels(store, catalog, rule) if label.people]


def human_labels_in_any_role(store: LabelReader, catalog: CatalogStore, rule: Rule = Rule.UNANIMOUS) -> list[Label]:
    """As `human_labels`, also of pairs whose sources have other roles now: two listings are one product all the same.

    Raises:
        SameskuError: one of the files cannot be read.
    """
    labels = without_outdated(store, store.labels(rule=rule), outdated(store, catalog), rule)
    return [label for label in _present(labels, catalog) if label.people]


def _with_roles(labels: Iterable[Label], catalog: CatalogStore) -> list[Label]:
    """The labels whose sources still have the roles of their sides, one per pair."""
    roles = {source.name: source.role for source in catalog.sources()}
    return _in_order([label for label in labels if has_roles(label.pair, roles)], catalog.sources_in("both"))


def _present(labels: list[Label], catalog: CatalogStore) -> list[Label]:
    """The labels of products that are in the catalogue."""
    missing = catalog.missing(ref for label in labels for ref in label.pair)
    return [label for label in labels if missing.isdisjoint(label.pair)] if missing else labels


def has_roles(pair: Pair, roles: Mapping[str, Role]) -> bool:
    """Whether the sources of both products have the roles of their sides of the pair.

    Args:
        pair: of products that may have left the catalogue.
        roles: by source.
    """
    return all(ref.source in roles and has_role(roles[ref.source], side) for ref, side in zip(pair, SIDES, strict=True))


def _in_order(labels: list[Label], both: Collection[str]) -> list[Label]:
    """One label per pair, in the order of `ordered_pair`: two sources may have had other roles when it was labelled.

    Args:
        labels: one per pair, ordered.
        both: names of the sources in both roles.
    """
    found: dict[Pair, Label] = {}
    for label in labels if both else ():
        pair = ordered_pair(label.pair, both)
        if pair == label.pair or pair not in found:
            found[pair] = replace(label, pair=pair)
    return list(found.values()) if both else labels


def current_conflicts(store: LabelReader, catalog: CatalogStore | None, rule: Rule = Rule.UNANIMOUS) -> list[Label]:
    """The pairs on which annotators disagree, by pair, without outdated decisions.

    Raises:
        SameskuError: one of the files cannot be read.
    """
    labels = store.conflicts(rule)
    if not labels or catalog is None:
        return labels
    return [label for label in without_outdated(store, labels, outdated(store, catalog), rule) if label.match is None]


def without_outdated(store: LabelReader, labels: Iterable[Label], found: OutdatedLabels, rule: Rule) -> list[Label]:
    """Labels computed without outdated decisions.

    Args:
        store: the ledger.
        labels: of the ledger.
        found: the outdated decisions.
        rule: what settles a disagreement.
    """
    if not found.decisions:
        return list(labels)
    recomputed = {label.pair: label for label in labels_from(store, found.valid, rule)}
    return [recomputed.get(label.pair, label) for label in labels if label.pair not in found.pairs]


class _ProductHistory:
    """The products that ids stood for, over time."""

    def __init__(self, former: Mapping[ProductRef, Sequence[FormerArticle]], now: Mapping[ProductRef, Product]) -> None:
        self._former = former
        self._now = now
        self._same: dict[tuple[ProductRef, float], bool] = {}

    def is_gone(self, pair: Pair) -> bool:
        """Whether one of the products was removed."""
        return any(ref in self._former and ref not in self._now for ref in pair)

    def are_same(self, pair: Pair, at: float) -> bool:
        """Whether both products are the same as at some time."""
        return all(self._is_same(ref, at) for ref in pair)

    def needs_answer(self, pair: Pair, decisions: Sequence[ProductDecision]) -> bool:
        """Whether the query must be answered again: not for implied non-matches alone.

        A removed candidate matters only if it was a match, since another candidate may match then.
        """
        if pair.query in self._former and pair.query not in self._now:
            return False
        matched = any(each.decision is Decision.MATCH for each in decisions)
        explicit = any(each.strength is Strength.EXPLICIT for each in decisions)
        return matched or (explicit and not self.is_gone(pair))

    def replaced_since(self, pair: Pair, at: float) -> str:
        """A sentence on the product that was replaced or removed since some time; empty where none was."""
        for ref in pair:
            article = self._at(ref, at)
            if article is not None and not self._is_same(ref, at):
                title = article.product.title
                short = title if len(title) <= _MAX_TITLE_LENGTH else title[: _MAX_TITLE_LENGTH - 1] + "…"
                state = "is another product" if ref in self._now else "has left the catalogue"
                return safe(f"{ref.source} {ref.id} {state} since this was answered: it was “{short}”.")
        return ""

    def _at(self, ref: ProductRef, at: float) -> FormerArticle | None:
        """The former product of an id at some time; None where it is the current one."""
        return next((each for each in self._former.get(ref, ()) if each.until > at), None)

    def _is_same(self, ref: ProductRef, at: float) -> bool:
        article = self._at(ref, at)
        if article is None:
            return ref not in self._former or ref in self._now
        key = ref, article.until
        if key not in self._same:
            self._same[key] = self._is_current(article.product)
        return self._same[key]

    def _is_current(self, product: Product) -> bool:
        now = self._now.get(product.ref)
        return now is not None and not is_different_article(product, now)
