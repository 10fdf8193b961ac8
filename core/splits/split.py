"""Train/evaluation split of the labels by connected groups of products, without leakage through matches or GTINs."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from core.catalog.store import CatalogStore
from core.settings import Settings
from core.splits.current_labels import current_labels, ledger_and_catalogue
from core.splits.groups import ConnectedGroups
from core.splits.weak_labels import WeakLabel
from core.stats.sampling import draw_share, shuffled
from core.workspace import Workspace
from labels.consensus import Label, Rule
from labels.model import Pair, ProductRef, Side, Strength
from labels.recovery import require_sound
from labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class Splits:
    """The labels of a workspace, split.

    Attributes:
        train: labels that may train.
        eval_queries: queries with a match, for evaluation.
        matches: all known matches of each query that has one, from both sides.
        leak_candidates: the excluded queries, and the products that are connected with one of them by matches or equal
            GTINs, over any number of steps; they never occur in training, not even as negatives.
        excluded_pairs: candidates of the validation labels by query; they are never mined as negatives.
        manual: whether `eval_queries` are the manual validation set; else training queries were held out.
        name: of the evaluation data: the validation set with its version, or the held-out queries.
        eval_labels: all labels for evaluation; in a manual set also those of queries without a match.
        excluded_queries: the workspace's own validation queries, or the held-out queries; none of their labels trains.
        weak: weak labels that may train in addition; see `core.splits.weak_training`.
        withheld: number of labels of other queries that do not train: a product of theirs is in `leak_candidates`.
        rejected: pairs that somebody has rejected explicitly, from both sides.
    """

    train: tuple[Label, ...]
    eval_queries: tuple[ProductRef, ...]
    matches: dict[ProductRef, frozenset[ProductRef]]
    leak_candidates: frozenset[ProductRef]
    excluded_pairs: dict[ProductRef, frozenset[ProductRef]]
    manual: bool
    name: str
    eval_labels: tuple[Label, ...] = ()
    excluded_queries: frozenset[ProductRef] = frozenset()
    weak: tuple[WeakLabel, ...] = ()
    withheld: int = 0
    rejected: frozenset[Pair] = frozenset()

    @property
    def products(self) -> set[ProductRef]:
        """All products in training pairs, queries and candidates."""
        return {ref for label in self.train for ref in (label.pair.query, label.pair.candidate)}

    @property
    def evaluated_with(self) -> dict[ProductRef, frozenset[ProductRef]]:
        """The other products of each product's evaluated pairs, whichever of the two is the query."""
        found = {query: set(candidates) for query, candidates in self.excluded_pairs.items()}
        for query, candidates in self.excluded_pairs.items():
            for candidate in candidates:
                found.setdefault(candidate, set()).add(query)
        return {ref: frozenset(others) for ref, others in found.items()}

    @property
    def truth(self) -> dict[Pair, bool]:
        """Whether each validation pair is a match, sorted by pair; empty without a manual validation set."""
        pairs = (
            Pair(query, candidate) for query, candidates in self.excluded_pairs.items() for candidate in candidates
        )
        return {pair: pair.candidate in self.matches.get(pair.query, ()) for pair in sorted(pairs) if self.manual}


def split_labels(
    store: LabelStore,
    *,
    held_out: float,
    seed: int,
    rule: Rule = Rule.UNANIMOUS,
    catalog: CatalogStore | None = None,
) -> Splits:
    """Split the labels of the ledger.

    The validation side is for evaluation. Nothing of the workspace's own validation queries trains, nor any pair with a
    product that is connected with one of them by matches or equal GTINs. Where the validation side has no match yet, a
    share of the labelled queries is held out of training instead.

    Labels that a file assigned to the validation side exclude their own pairs only: published benchmarks are split by
    pair, and share queries between the sides.

    Args:
        store: the ledger.
        held_out: the share of queries to hold out, if need be.
        seed: of the draw of held-out queries.
        rule: what settles a disagreement.
        catalog: the current products with their GTINs; without it all labels count.
    """
    labels = _usable_labels(store, rule, catalog)
    matches = matches_by_query(labels)
    validation = [label for label in labels if label.side is Side.VALIDATION]
    eval_queries = sorted({label.pair.query for label in validation if label.match})
    manual = bool(eval_queries)
    if manual:
        excluded_queries = store.validation_queries()
        eval_labels = validation
        name = f"validation@{store.validation_version()}"
    else:
        # A draw from few queries may be empty; at least one is needed for evaluation.
        eval_queries = draw_share(sorted(matches), held_out, seed) or shuffled(matches, seed)[:1]
        excluded_queries = set(eval_queries)
        eval_labels = [label for label in labels if label.pair.query in excluded_queries]
        name = "queries held out of training"
    leak_candidates = connected_products(excluded_queries, labels, catalog)
    train = _training_side(labels, leak_candidates)
    others = sum(label.side is Side.TRAIN and label.pair.query not in excluded_queries for label in labels)
    return Splits(
        train=tuple(train),
        eval_queries=tuple(eval_queries),
        matches=matches,
        leak_candidates=leak_candidates,
        excluded_pairs=_candidates_by_query(validation),
        manual=manual,
        name=name,
        eval_labels=tuple(eval_labels),
        excluded_queries=frozenset(excluded_queries),
        withheld=others - len(train),
        rejected=frozenset(each.pair for each in labels if not each.match and each.strength is Strength.EXPLICIT),
    )


def splits_of(workspace: Workspace, settings: Settings) -> Splits:
    """Split the labels of a workspace by its settings.

    Raises:
        SameskuError: labels or catalogue cannot be read, or the ledger is damaged.
    """
    require_sound(workspace.labels)
    with ledger_and_catalogue(workspace) as (store, catalog):
        return split_labels(
            store,
            held_out=settings.retrain.holdout_share,
            seed=settings.retrain.seed,
            rule=settings.labels.rule,
            catalog=catalog,
        )


def training_labels(store: LabelStore, rule: Rule = Rule.UNANIMOUS, catalog: CatalogStore | None = None) -> list[Label]:
    """All labels that may train a model which is evaluated by its own cross-validation, as the matcher is.

    Args:
        store: the ledger.
        rule: what settles a disagreement.
        catalog: the current products with their GTINs; without it all labels count.
    """
    labels = _usable_labels(store, rule, catalog)
    return _training_side(labels, connected_products(store.validation_queries(), labels, catalog))


def matches_by_query(labels: Iterable[Label]) -> dict[ProductRef, frozenset[ProductRef]]:
    """The known matches of every query that has one."""
    return _candidates_by_query(label for label in labels if label.match)


def _usable_labels(store: LabelStore, rule: Rule, catalog: CatalogStore | None) -> list[Label]:
    """The consensus labels of people. Automatic decisions are the matcher's own output, and are left out."""
    labels = current_labels(store, catalog, rule)
    return [label for label in labels if label.people and label.match is not None]


def connected_products(
    products: Collection[ProductRef], labels: Iterable[Label], catalog: CatalogStore | None
) -> frozenset[ProductRef]:
    """These products, and all that are connected with one of them by matches or equal GTINs, over any number of steps.

    Args:
        products: where to start.
        labels: whose matches count.
        catalog: with the GTINs; without it only matches count.
    """
    groups = ConnectedGroups(label.pair for label in labels if label.match)
    found = groups.connected(products)
    while catalog is not None:
        wider = groups.connected(found | catalog.with_same_gtin(found))
        if wider == found:
            break
        found = wider
    return found


def _training_side(labels: Iterable[Label], leak_candidates: frozenset[ProductRef]) -> list[Label]:
    """The labels of the training side without leak candidates. A validation query may be another query's candidate."""
    return [label for label in labels if label.side is Side.TRAIN and leak_candidates.isdisjoint(label.pair)]


def _candidates_by_query(labels: Iterable[Label]) -> dict[ProductRef, frozenset[ProductRef]]:
    found: dict[ProductRef, set[ProductRef]] = {}
    for label in labels:
        found.setdefault(label.pair.query, set()).add(label.pair.candidate)
    return {query: frozenset(candidates) for query, candidates in found.items()}
