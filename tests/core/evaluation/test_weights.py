"""Labels that count by who gave them: only where the settings say so."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opinions import pair, said
from samples import c, implied, match, no_match, q

from core.matching.features.store import FeatureTable
from core.matching.fitting import IMPLIED_WEIGHT, read_training_labels, training_of
from core.matching.run import fitted
from core.settings import Settings
from core.splits.annotator_accuracy import CREDIT, LEAST, annotator_weights, label_weights
from core.workspace import Workspace
from labels.consensus import Label, State
from labels.model import Pair, Side, Stream, Strength, Verb
from labels.store import LabelStore

WEIGHING = Settings.model_validate({"labels": {"weight_by_annotator": True}})


def checked(name: str, right: int, wrong: int) -> list:
    """Decisions on adjudicated pairs."""
    votes = [True] * right + [False] * wrong
    own = [said(name, f"{name}{n}/a", vote) for n, vote in enumerate(votes)]
    return own + [said("judge", f"{name}{n}/a", True, ruling=True) for n in range(len(votes))]


def label(name: str, answer: bool, state: State = State.AGREED, strength: Strength = Strength.EXPLICIT) -> Label:
    return Label(pair(name), answer, strength, Side.TRAIN, state)


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_weight_is_between_a_half_and_one(right: int, wrong: int) -> None:
    weight = annotator_weights([*checked("ada", right, wrong), said("ada", "q/a", True)])["ada"]
    assert LEAST <= weight <= 1
    assert (weight == 1) == (wrong == 0)


def test_few_rulings_change_little_and_many_a_lot() -> None:
    weights = annotator_weights([*checked("few", 1, 1), *checked("many", 100, 100), *checked("all", 300, 0)])
    assert weights["few"] == pytest.approx((1 + CREDIT) / (2 + CREDIT)) == pytest.approx(0.955, abs=1e-3)
    assert weights["many"] == pytest.approx(120 / 220)
    assert (weights["all"], weights["judge"]) == (1, 1)


def test_a_label_counts_as_the_best_of_those_who_say_so() -> None:
    heard = [
        *checked("weak", 0, 20), said("weak", "q1/a", True), said("weak", "q2/a", True), said("good", "q2/a", True),
        said("good", "q1/a", None),
    ]  # fmt: skip
    labels = [label("q1/a", True), label("q2/a", True)]
    labels += [label(f"weak{n}/a", True, State.ADJUDICATED) for n in range(20)]
    found = label_weights(labels, heard)
    assert found[pair("q1/a")] == pytest.approx(0.5)
    assert found[pair("q2/a")] == 1
    assert {found[pair(f"weak{n}/a")] for n in range(20)} == {1}


def test_an_implied_opinion_lends_no_weight_to_an_explicit_label() -> None:
    heard = [
        *checked("weak", 0, 20), said("weak", "q1/a", False), said("good", "q1/a", False, explicit=False),
        said("good", "q2/a", False, explicit=False),
    ]  # fmt: skip
    adjudicated = [label(f"weak{n}/a", True, State.ADJUDICATED) for n in range(20)]
    labels = [label("q1/a", False), label("q2/a", False, strength=Strength.IMPLIED), *adjudicated]
    found = label_weights(labels, heard)
    assert (found[pair("q1/a")], found[pair("q2/a")]) == (pytest.approx(0.5), 1)


def test_what_is_held_out_weighs_nothing() -> None:
    """The rulings are on pairs that are not among the labels."""
    assert label_weights([label("q1/a", True)], [*checked("ada", 0, 50), said("ada", "q1/a", True)]) == {
        pair("q1/a"): 1
    }


# -- in the matcher ------------------------------------------------------------------------------------------

PAIRS = [Pair(q(f"q{n}"), c(name)) for n in range(30) for name in "ab"]
TABLE = FeatureTable(
    ("cosine", "other"), PAIRS, np.random.default_rng(5).normal(size=(len(PAIRS), 2)).astype(np.float32)
)


@pytest.fixture
def contested(tmp_path: Path) -> Workspace:
    """Bob is wrong wherever it was looked at; ten labels are his alone, ten ada's."""
    workspace = Workspace(tmp_path).create()
    with LabelStore(workspace.labels) as store:
        for n in range(10):
            store.record("bob", Verb.REJECT, q(f"q{n}"), no_match("a"))
            store.record("ada", Verb.ACCEPT, q(f"q{n}"), match("a"))
            store.record("eve", Verb.ACCEPT, q(f"q{n}"), match("a"), stream=Stream.ADJUDICATION)
        for n in range(10, 30):
            judgements = [*match("a"), *implied("b")] if n % 2 else no_match("a", "b")
            store.record("bob" if n < 20 else "ada", Verb.ACCEPT, q(f"q{n}"), judgements)
    return workspace


def test_by_default_nothing_is_weighed(contested: Workspace) -> None:
    lessons = read_training_labels(contested, Settings())
    assert lessons.trust == {}
    training = training_of(TABLE, lessons.labels, None, lessons.trust)
    assert set(training.weights.tolist()) == {1.0, IMPLIED_WEIGHT}
    assert training.weights.dtype == np.float64


def test_labels_of_somebody_who_is_often_wrong_count_less(contested: Workspace) -> None:
    lessons = read_training_labels(contested, WEIGHING)
    weights = dict(zip(sorted(each.pair for each in lessons.labels),
                       training_of(TABLE, lessons.labels, None, lessons.trust).weights, strict=True))  # fmt: skip
    bobs = CREDIT / (CREDIT + 10)
    assert weights[Pair(q("q10"), c("a"))] == pytest.approx(bobs)
    assert weights[Pair(q("q11"), c("b"))] == pytest.approx(bobs * IMPLIED_WEIGHT)
    assert (weights[Pair(q("q20"), c("a"))], weights[Pair(q("q0"), c("a"))]) == (1, 1)


def test_the_setting_makes_another_matcher(contested: Workspace) -> None:
    plain, again, weighed = (fitted(contested, each, "m", TABLE) for each in (Settings(), Settings(), WEIGHING))
    assert plain.fingerprint == again.fingerprint != weighed.fingerprint
    assert np.array_equal(plain.probabilities(TABLE.vectors), again.probabilities(TABLE.vectors))
    assert not np.array_equal(plain.probabilities(TABLE.vectors), weighed.probabilities(TABLE.vectors))
