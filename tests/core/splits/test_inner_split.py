"""Queries held out inside the training side: nothing of them trains, and no evaluation query is among them."""

from samples import c, match, no_match, q

from core.splits.groups import ConnectedGroups
from core.splits.inner_split import inner_split
from core.splits.split import Splits, split_labels
from labels.model import ActionDetails, ProductRef, Verb
from labels.store import LabelStore


def labelled(ledger: LabelStore, queries: int) -> Splits:
    """A split with some training queries, and one query for validation."""
    ledger.draw_validation([q("v")], seed=1)
    for id_ in ("v", *(f"q{n}" for n in range(queries))):
        judgements = [*match(f"{id_}-same"), *no_match(f"{id_}-other")]
        ledger.record("ada", Verb.ACCEPT, q(id_), judgements, ActionDetails(closes=True))
    return split_labels(ledger, held_out=0.3, seed=13)


def groups_of(splits: Splits) -> ConnectedGroups[ProductRef]:
    """The groups by matches."""
    return ConnectedGroups((query, *matches) for query, matches in splits.matches.items())


def test_held_out_queries_do_not_train_and_are_not_evaluation_queries(ledger: LabelStore) -> None:
    outer = labelled(ledger, 40)
    groups = groups_of(outer)
    # Two listings of one product: both are on one side.
    groups.connect([q("q0"), q("q1")])
    inner = inner_split(outer, groups, 0.3, 13)
    assert 5 <= len(inner.eval_queries) <= 30
    held_out = set(inner.eval_queries)
    assert outer.eval_queries == (q("v"),)
    assert q("v") not in held_out
    assert {label.pair.query for label in inner.train} == {q(f"q{n}") for n in range(40)} - held_out
    assert len(held_out & {q("q0"), q("q1")}) != 1
    assert {c(f"{query.id}-same") for query in held_out} <= inner.leak_candidates
    assert inner.leak_candidates >= outer.leak_candidates
    assert inner.excluded_queries == held_out | {q("v")}
    assert {label.pair.query for label in inner.eval_labels} == held_out
    assert inner_split(outer, groups, 0.3, 13) == inner


def test_a_query_of_the_outer_draw_is_not_drawn_again(ledger: LabelStore) -> None:
    for n in range(40):
        ledger.record("ada", Verb.ACCEPT, q(f"q{n}"), match(f"q{n}-same"), ActionDetails(closes=True))
    outer = split_labels(ledger, held_out=0.3, seed=13)  # no validation set: a share is held out
    inner = inner_split(outer, groups_of(outer), 0.3, 13)
    assert inner.eval_queries
    assert not set(inner.eval_queries) & set(outer.eval_queries)


def test_few_queries(ledger: LabelStore) -> None:
    outer = labelled(ledger, 2)
    inner = inner_split(outer, groups_of(outer), 0.01, 13)
    assert (len(inner.eval_queries), len({label.pair.query for label in inner.train})) == (1, 1)


def test_one_query_is_not_held_out(ledger: LabelStore) -> None:
    outer = labelled(ledger, 1)
    inner = inner_split(outer, groups_of(outer), 0.9, 13)
    assert inner.eval_queries == ()
    assert inner.train == outer.train
