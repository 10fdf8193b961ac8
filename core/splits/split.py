"""Labels by what they may be used for: to train, or to judge. Never both."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from core.catalog.store import CatalogStore
from core.settings import Settings
from core.splits.current_labels import current_labels, ledger_and_catalogue
from core.stats.sampling import draw_share, shuffled
from core.workspace import Workspace
from labels.consensus import Label, Rule
from labels.model import Pair, ProductRef, Side
from labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class Splits:
    """The labels of a workspace, split.

    Attributes:
        train: labels that may train.
        eval_queries: the queries to judge on.
        matches: all known matches of each query that has one, from both sides: a candidate that is known to
            match is right wherever that was said.
        leak_candidates: products that match a held-out query, and those that share a GTIN with it or with one of
            these; they never appear in training, not even as negatives.
        excluded_pairs: pairs that are judged on, by query: not even a negative that nobody rejected may be one of them.
        manual: whether `eval_queries` is the manual validation set; else training queries were held out.
        name: what figures are reported on: the validation set with its version, or the held-out queries.
        judging: all labels that figures are reported on, of queries without a match too where the set is manual.
    """

    train: tuple[Label, ...]
    eval_queries: tuple[ProductRef, ...]
    matches: dict[ProductRef, frozenset[ProductRef]]
    leak_candidates: frozenset[ProductRef]
    excluded_pairs: dict[ProductRef, frozenset[ProductRef]]
    manual: bool
    name: str
    judging: tuple[Label, ...] = ()

    @property
    def products(self) -> set[ProductRef]:
        """All products in a pair that may train, queries and candidates."""
        return {ref for label in self.train for ref in (label.pair.query, label.pair.candidate)}

    @property
    def truth(self) -> dict[Pair, bool]:
        """What is known of each pair that is judged on, in their order; nothing without a manual validation set."""
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
    """Split what the ledger holds.

    The validation side is judged on. Nothing of the workspace's own validation queries trains, nor any pair
    with a product that one of them matches, or that shares a GTIN with either. Where the validation side has no
    match yet, a share of the labelled queries is held out of training instead.

    Args:
        store: the ledger.
        held_out: the share of queries to hold out, if need be.
        seed: which ones.
        rule: what settles a disagreement.
        catalog: what the labelled products are now, and their GTINs; without it all labels count.
    """
    labels = _settled(store, rule, catalog)
    gold = matches_by_query(labels)
    judged = sorted({label.pair.query for label in labels if label.side is Side.VALIDATION and label.match})
    train = [label for label in labels if label.side is Side.TRAIN]
    manual = bool(judged)
    if manual:
        kept_out = store.validation_queries()
    else:
        # A draw among few may come out empty; something must be there to judge on.
        judged = draw_share(sorted(gold), held_out, seed) or shuffled(gold, seed)[:1]
        kept_out = set(judged)
    tied = _tied(kept_out, gold, catalog)
    train = _apart(train, kept_out, tied)
    name = f"validation@{store.validation_version()}" if manual else "queries held out of training"
    barred = _by_query(label for label in labels if label.side is Side.VALIDATION)
    judging = [label for label in labels if (label.side is Side.VALIDATION if manual else label.pair.query in kept_out)]
    return Splits(tuple(train), tuple(judged), gold, tied, barred, manual, name, tuple(judging))


def splits_of(workspace: Workspace, settings: Settings) -> Splits:
    """The labels of a workspace, split as its settings want it.

    Raises:
        SameskuError: labels or catalogue cannot be read.
    """
    with ledger_and_catalogue(workspace) as (store, catalog):
        return split_labels(
            store,
            held_out=settings.retrain.held_out,
            seed=settings.retrain.seed,
            rule=settings.labels.rule,
            catalog=catalog,
        )


def training_labels(store: LabelStore, rule: Rule = Rule.UNANIMOUS, catalog: CatalogStore | None = None) -> list[Label]:
    """All labels that may train something which is judged by folds of its own, as the matcher is.

    Args:
        store: the ledger.
        rule: what settles a disagreement.
        catalog: what the labelled products are now; without it all labels count.
    """
    labels = _settled(store, rule, catalog)
    kept_out = store.validation_queries()
    tied = _tied(kept_out, matches_by_query(labels), catalog)
    return _apart((label for label in labels if label.side is Side.TRAIN), kept_out, tied)


def _tied(
    kept_out: Collection[ProductRef],
    gold: Mapping[ProductRef, frozenset[ProductRef]],
    catalog: CatalogStore | None,
) -> frozenset[ProductRef]:
    """The products that kept-out queries match, and those that share a GTIN with any of them."""
    matched = frozenset(candidate for query in kept_out for candidate in gold.get(query, ()))
    return matched | catalog.with_same_gtin({*kept_out, *matched}) if catalog else matched


def _apart(labels: Iterable[Label], kept_out: Collection[ProductRef], tied: frozenset[ProductRef]) -> list[Label]:
    """The labels of neither a kept-out query nor a product that is tied to one."""
    return [label for label in labels if label.pair.query not in kept_out and tied.isdisjoint(label.pair)]


def _settled(store: LabelStore, rule: Rule, catalog: CatalogStore | None) -> list[Label]:
    """What people agree on. A machine's decisions are its own echo, and teach nothing."""
    labels = current_labels(store, catalog, rule)
    return [label for label in labels if label.people and label.match is not None]


def matches_by_query(labels: Iterable[Label]) -> dict[ProductRef, frozenset[ProductRef]]:
    """The known matches of every query that has one."""
    return _by_query(label for label in labels if label.match)


def _by_query(labels: Iterable[Label]) -> dict[ProductRef, frozenset[ProductRef]]:
    found: dict[ProductRef, set[ProductRef]] = {}
    for label in labels:
        found.setdefault(label.pair.query, set()).add(label.pair.candidate)
    return {query: frozenset(candidates) for query, candidates in found.items()}
