"""Labels of the products as they are now: without those given on another article, or on a product that is gone.

A decision is about what the catalogue said when it was made. Where a retailer has given the id to another article
since, the decision does not count until somebody decides again; where the product was removed, it counts no more. If
an import brings the former article back, what was decided on it counts again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from core.catalog.listing_identity import is_different_article
from core.catalog.product import Product, Role
from core.catalog.store import CatalogStore, FormerArticle
from core.text.safe import safe
from core.workspace import Workspace
from labels.consensus import Label, Rule
from labels.model import Decision, Pair, ProductRef, Strength
from labels.product_decisions import ProductDecision, answered_at, decisions_on, labels_from
from labels.reader import LabelReader
from labels.store import LabelStore

#: So much of a former title is enough to know it again.
_LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True)
class Outdated:
    """What does not count for what it was decided on.

    Attributes:
        decisions: numbers in the ledger of decisions on another article, or on a product that is gone.
        valid: numbers of the other decisions on pairs that have such a one.
        changed: pairs with no decision on the article that is there now.
        gone: pairs with a product that was removed.
        queries: those of all pairs with a product that was replaced or removed at some time.
        waiting: the queries that wait to be answered again, each with the reason.
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


NOTHING_OUTDATED = Outdated()


def outdated(store: LabelReader, catalog: CatalogStore) -> Outdated:
    """Compare what was decided with what the catalogue says now.

    Raises:
        SameskuError: one of the files cannot be read.
    """
    former = catalog.former_articles()
    if not former:
        return NOTHING_OUTDATED
    articles = _Articles(former, catalog.get_many(former))
    by_pair: dict[Pair, list[ProductDecision]] = {}
    for decision in decisions_on(store, former):
        by_pair.setdefault(decision.pair, []).append(decision)
    stale, valid, changed, gone = set[int](), set[int](), set[Pair](), set[Pair]()
    for pair, decisions in by_pair.items():
        old = [each for each in decisions if not articles.are_same(each.pair, each.at)]
        if not old:
            continue
        stale.update(each.seq for each in old)
        valid.update(each.seq for each in decisions if each not in old)
        if len(old) == len(decisions):
            (gone if articles.is_gone(pair) else changed).add(pair)
    queries = frozenset(pair.query for pair in by_pair)
    waiting = _waiting(articles, by_pair, answered_at(store, queries))
    return Outdated(frozenset(stale), frozenset(valid), frozenset(changed), frozenset(gone), queries, waiting)


def _waiting(
    articles: "_Articles",
    by_pair: Mapping[Pair, Sequence[ProductDecision]],
    answered: Mapping[ProductRef, float],
) -> dict[ProductRef, str]:
    """The queries that were answered last before a product of theirs was replaced, each with the reason."""
    found: dict[ProductRef, str] = {}
    for pair, decisions in by_pair.items():
        at = answered.get(pair.query)
        if at is not None and articles.wants_answer(pair, decisions) and (words := articles.replaced_since(pair, at)):
            found[pair.query] = words
    return found


@contextmanager
def ledger_and_catalogue(workspace: Workspace) -> Iterator[tuple[LabelStore, CatalogStore | None]]:
    """A workspace's ledger and its catalogue; None where it has none, so that none is made by looking for it."""
    with ExitStack() as stack:
        store = stack.enter_context(LabelStore(workspace.labels))
        there = workspace.catalog.exists()
        yield store, stack.enter_context(CatalogStore(workspace.catalog)) if there else None


def current_labels(store: LabelReader, catalog: CatalogStore | None, rule: Rule = Rule.UNANIMOUS) -> list[Label]:
    """What the decisions on the products as they are now add up to, by pair; without a catalogue all decisions count.

    Raises:
        SameskuError: one of the files cannot be read.
    """
    if catalog is None:
        return store.labels(rule=rule)
    labels = revised(store, store.labels(rule=rule), outdated(store, catalog), rule)
    roles = {source.name: source.role for source in catalog.sources()}
    labels = [label for label in labels if _is_on_its_side(label.pair, roles)]
    missing = catalog.missing(ref for label in labels for ref in label.pair)
    return [label for label in labels if missing.isdisjoint(label.pair)] if missing else labels


def _is_on_its_side(pair: Pair, roles: Mapping[str, Role]) -> bool:
    """Whether both products are in sources of the role that they were labelled in."""
    return roles.get(pair.query.source) == "query" and roles.get(pair.candidate.source) == "catalog"


def current_conflicts(store: LabelReader, catalog: CatalogStore | None, rule: Rule = Rule.UNANIMOUS) -> list[Label]:
    """The pairs that people disagree about now, by pair; who decided on another article is no party to it.

    Raises:
        SameskuError: one of the files cannot be read.
    """
    labels = store.conflicts(rule)
    if not labels or catalog is None:
        return labels
    return [label for label in revised(store, labels, outdated(store, catalog), rule) if label.match is None]


def revised(store: LabelReader, labels: Iterable[Label], found: Outdated, rule: Rule) -> list[Label]:
    """Labels without the decisions that are outdated.

    Args:
        store: the ledger.
        labels: as it has them.
        found: what is outdated.
        rule: what settles a disagreement.
    """
    if not found.decisions:
        return list(labels)
    anew = {label.pair: label for label in labels_from(store, found.valid, rule)}
    kept = (anew.get(label.pair, label) for label in labels if label.pair not in found.pairs)
    return list(kept)


class _Articles:
    """What the ids of some products stood for, and when."""

    def __init__(self, former: Mapping[ProductRef, Sequence[FormerArticle]], now: Mapping[ProductRef, Product]) -> None:
        self._former = former
        self._now = now
        self._same: dict[tuple[ProductRef, float], bool] = {}

    def is_gone(self, pair: Pair) -> bool:
        """Whether one of the products was removed."""
        return any(ref in self._former and ref not in self._now for ref in pair)

    def are_same(self, pair: Pair, at: float) -> bool:
        """Whether both products are the articles that they were at some time."""
        return all(self._is_same(ref, at) for ref in pair)

    def wants_answer(self, pair: Pair, decisions: Sequence[ProductDecision]) -> bool:
        """Whether somebody has to look again: what merely followed from another decision is left out and no more.

        Of a candidate that is gone, only a match leaves a question: which candidate it is then.
        """
        if pair.query in self._former and pair.query not in self._now:
            return False
        matched = any(each.decision is Decision.MATCH for each in decisions)
        explicit = any(each.strength is Strength.EXPLICIT for each in decisions)
        return matched or (explicit and not self.is_gone(pair))

    def replaced_since(self, pair: Pair, at: float) -> str:
        """Which product was replaced or removed since some time, in a sentence; empty where none was."""
        for ref in pair:
            article = self._at(ref, at)
            if article is not None and not self._is_same(ref, at):
                title = article.product.title
                short = title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"
                state = "is another product" if ref in self._now else "has left the catalogue"
                return safe(f"{ref.source} {ref.id} {state} since this was answered: it was “{short}”.")
        return ""

    def _at(self, ref: ProductRef, at: float) -> FormerArticle | None:
        """The article that a product was at some time; None where it is the one that is there now."""
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
