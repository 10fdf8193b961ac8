"""Labels as the matcher's training set: which ones are used, and their weights."""

from pathlib import Path

import numpy as np
import pytest
from samples import c, implied, match, no_match, q, unsure

from core.matching.features.store import FeatureTable
from core.matching.fitting import IMPLIED_WEIGHT, build_training_set
from core.matching.run import labelled_pairs
from core.settings import Settings
from core.splits.split import split_labels, training_labels
from core.workspace import Workspace
from labels.model import MACHINE, ActionDetails, Pair, Side, Stream, Verb
from labels.store import LabelStore

PAIRS = [Pair(q(f"q{n}"), c(f"c{m}")) for n in range(4) for m in range(3)]
TABLE = FeatureTable(("cosine", "other"), PAIRS, np.arange(24, dtype=np.float32).reshape(12, 2))


def rows_of(training) -> list[int]:
    """Which rows of the table were taken."""
    return (training.vectors[:, 1] // 2).astype(int).tolist()


def test_implied_labels_weigh_less_than_explicit_ones(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("q0"), [*match("c0"), *implied("c1", "c2")])
    ledger.record("ada", Verb.REJECT, q("q0"), no_match("c2"))
    training = build_training_set(TABLE, training_labels(ledger))
    assert training.labels.tolist() == [True, False, False]
    assert training.weights.tolist() == [1, IMPLIED_WEIGHT, 1]
    assert 0 < IMPLIED_WEIGHT < 1


def test_a_query_is_one_group(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("q0"), [*match("c0"), *implied("c1")])
    ledger.record("ada", Verb.REJECT, q("q1"), no_match("c0"))
    groups = build_training_set(TABLE, training_labels(ledger)).groups.tolist()
    assert groups[0] == groups[1] != groups[2]


def test_pairs_without_features_are_left_out(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("q0"), match("elsewhere", "c1"))
    assert rows_of(build_training_set(TABLE, training_labels(ledger))) == [1]


def test_no_labels_are_no_rows_of_the_right_width(ledger: LabelStore) -> None:
    training = build_training_set(TABLE, training_labels(ledger))
    assert training.vectors.shape == (0, 2)
    assert not training.both_classes


def test_cosines_of_encoders_that_have_not_seen_a_pair_take_the_place_of_those_that_have(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("q0"), [*match("c0"), *implied("c1")])
    training = build_training_set(TABLE, training_labels(ledger), {PAIRS[1]: 0.5, PAIRS[9]: 0.7})
    assert training.vectors[:, 0].tolist() == [0, 0.5]
    assert TABLE.vectors[1, 0] == 2, "the table itself keeps the champion's"


def test_the_same_labels_in_another_order_are_the_same_training(tmp_path: Path) -> None:
    answers = [(q(f"q{n}"), [*match("c0"), *implied("c1", "c2")]) for n in range(4)]
    made = []
    for name, order in (("one", answers), ("other", answers[::-1])):
        with LabelStore(tmp_path / f"{name}.db") as store:
            for query, judgements in order:
                store.record("ada", Verb.ACCEPT, query, judgements)
            made.append(build_training_set(TABLE, training_labels(store)))
    for field in ("vectors", "labels", "weights", "groups"):
        assert getattr(made[0], field).tolist() == getattr(made[1], field).tolist(), field


# -- training labels, the same for all training data ----------------------------------------------------------


def _by_training_labels(workspace: Workspace) -> set[Pair]:
    with LabelStore(workspace.labels) as store:
        return {label.pair for label in training_labels(store)}


def _by_split(workspace: Workspace) -> set[Pair]:
    with LabelStore(workspace.labels) as store:
        return {label.pair for label in split_labels(store, held_out=1e-9, seed=1).train}


def _by_labelled_pairs(workspace: Workspace) -> set[Pair]:
    return set(labelled_pairs(workspace, Settings()))


PATHS = [_by_training_labels, _by_split, _by_labelled_pairs]


@pytest.fixture
def taught(tmp_path: Path) -> Workspace:
    """A query labelled in triage, and one with a match that is drawn for validation."""
    workspace = Workspace(tmp_path).create()
    with LabelStore(workspace.labels) as store:
        store.draw_validation([q("v")], seed=1)
        store.record("ada", Verb.ACCEPT, q("v"), match("vm"), ActionDetails(stream=Stream.VALIDATION))
        store.record("ada", Verb.ACCEPT, q("q0"), [*match("c0"), *implied("c1")])
    return workspace


@pytest.mark.parametrize("path", PATHS)
def test_what_people_agree_on_teaches(path, taught: Workspace) -> None:
    assert path(taught) == {Pair(q("q0"), c("c0")), Pair(q("q0"), c("c1"))}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", ["conflict", "unsure", "machine", "validation side", "validation query", "tied"])
def test_what_must_not_teach_does_not(path, case: str, taught: Workspace) -> None:
    before = path(taught)
    with LabelStore(taught.labels) as store:
        match case:
            case "conflict":
                store.record("ada", Verb.REJECT, q("q2"), no_match("c2"))
                store.record("bob", Verb.ACCEPT, q("q2"), match("c2"))
            case "unsure":
                store.record("ada", Verb.UNSURE, q("q2"), unsure("c2"))
            case "machine":
                store.record(MACHINE, Verb.ACCEPT, q("q2"), match("c2"))
            case "validation side":
                store.record("ada", Verb.IMPORT, q("q2"), match("c2"), ActionDetails(side=Side.VALIDATION))
            case "validation query":
                store.record("ada", Verb.REJECT, q("v"), no_match("c2"))
            case "tied":
                # A product that a validation query matches is on its side, for every other query.
                store.record("ada", Verb.REJECT, q("q2"), no_match("vm"))
    assert path(taught) == before


@pytest.mark.parametrize("path", PATHS)
def test_people_are_heard_where_the_machine_said_something_too(path, taught: Workspace) -> None:
    with LabelStore(taught.labels) as store:
        store.record(MACHINE, Verb.ACCEPT, q("q2"), match("c2"))
        store.record("ada", Verb.REJECT, q("q2"), no_match("c2"))
    assert Pair(q("q2"), c("c2")) in path(taught)
