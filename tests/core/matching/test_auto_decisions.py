"""Automatic decisions in certified bands, and revoking them."""

from pathlib import Path

import pytest

from core.errors import CoreError
from core.matching.audit import audit
from core.matching.auto_decisions import decide
from core.matching.bands import Band
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from core.settings import Settings
from core.splits.split import training_labels
from core.workspace import Workspace
from labels.model import (
    MACHINE,
    ActionDetails,
    Decision,
    Judgement,
    Pair,
    ProductRef,
    ShownScores,
    Stream,
    Strength,
    Verb,
)
from labels.store import LabelStore
from labels.verify import verify

STANDING = MatcherSummary(threshold=0.5, high=0.9, low=0.02, labels=500)


def query(number: int) -> ProductRef:
    return ProductRef("walmart", str(number))


def product(number: int) -> ProductRef:
    return ProductRef("amazon", str(number))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Four queries with two candidates: a sure match, an open case, two sure non-matches, an answered query."""
    store = CandidateStore(tmp_path / "derived.db")
    chances = {0: (0.99, 0.01), 1: (0.6, 0.4), 2: (0.01, 0.001), 3: (0.99, 0.01)}
    rows = {n: [Candidate(product(10 * n + i), i + 1, 0.5, 0.5, None, None) for i in (0, 1)] for n in chances}
    store.replace(((query(n), candidates) for n, candidates in rows.items()), model="m", fingerprint="f")
    store.score(((query(n), product(10 * n + i), p) for n, ps in chances.items() for i, p in enumerate(ps)), STANDING)
    store.close()
    return Workspace(tmp_path)


def check(workspace: Workspace, right: int, wrong: int = 0, *, probability: float = 0.95) -> None:
    """Audit pairs in the band of the probability: the given numbers of right and wrong ones."""
    answer, other = (Decision.MATCH, Decision.NO_MATCH) if probability > 0.5 else (Decision.NO_MATCH, Decision.MATCH)
    with LabelStore(workspace.labels) as store:
        for n in range(right + wrong):
            decision = answer if n < right else other
            judgement = Judgement(product(1000 + n), decision, shown=ShownScores(1, 0.9, probability, "m"))
            verb = Verb.ACCEPT if decision is Decision.MATCH else Verb.REJECT
            store.record("ann", verb, query(1000 + n + (0 if probability > 0.5 else 5000)), [judgement],
                         ActionDetails(stream=Stream.AUDIT, closes=True))  # fmt: skip


def test_a_band_is_certified_when_the_interval_proves_the_target(workspace: Workspace) -> None:
    check(workspace, 188)
    with LabelStore(workspace.labels) as store:
        assert not audit(store, STANDING, 0.98)[Band.HIGH].certified
    check(workspace, 190)
    with LabelStore(workspace.labels) as store:
        found = audit(store, STANDING, 0.98)
    # 190 of 190: the Wilson interval begins at 190 / (190 + 1.96²) = 0.9802.
    assert found[Band.HIGH].precision.low == pytest.approx(190 / (190 + 1.959964**2))
    assert found[Band.HIGH].certified
    assert not found[Band.LOW].certified


def test_only_explicit_words_of_people_in_the_audit_stream_count(workspace: Workspace) -> None:
    with LabelStore(workspace.labels) as store:
        shown = ShownScores(1, 0.9, 0.95, "m")
        store.record("ann", Verb.ACCEPT, query(50), [Judgement(product(1), Decision.MATCH, shown=shown)])
        implied = Judgement(product(3), Decision.NO_MATCH, Strength.IMPLIED, ShownScores(2, 0.9, 0.95, "m"))
        store.record("ann", Verb.ACCEPT, query(51), [Judgement(product(2), Decision.MATCH, shown=shown), implied],
                     ActionDetails(stream=Stream.AUDIT))  # fmt: skip
        unsure = Judgement(product(4), Decision.UNSURE, shown=shown)
        store.record("ann", Verb.UNSURE, query(52), [unsure], ActionDetails(stream=Stream.AUDIT))
        assert audit(store, STANDING, 0.98)[Band.HIGH].precision.labels == 1


def test_checks_of_pairs_that_were_shown_without_a_probability_certify_no_band(workspace: Workspace) -> None:
    with LabelStore(workspace.labels) as store:
        for n in range(200):
            judgement = Judgement(product(1000 + n), Decision.NO_MATCH, shown=ShownScores(1, 0.4, None, "m"))
            store.record(
                "ann", Verb.REJECT, query(1000 + n), [judgement], ActionDetails(stream=Stream.AUDIT, closes=True)
            )
        found = audit(store, STANDING, 0.98)
    assert [(each.precision.labels, each.certified) for each in found.values()] == [(0, False), (0, False)]


def test_nothing_is_decided_without_certification(workspace: Workspace) -> None:
    check(workspace, 30, 2)
    with pytest.raises(CoreError) as error:
        decide(workspace, Settings())
    assert "30 of 32 audited pairs were right" in error.value.message
    assert "Band low: nothing audited; 189 more checks, all of them right, would certify it." in error.value.message
    assert "review --stream audit" in error.value.hint
    with LabelStore(workspace.labels) as store:
        assert all(d.annotator != MACHINE for d in store.decisions())


def test_certified_bands_decide_and_are_revoked_as_one_act(workspace: Workspace) -> None:
    check(workspace, 250)
    check(workspace, 250, probability=0.001)
    with LabelStore(workspace.labels) as store:
        store.record(
            "ann", Verb.NONE, query(3), [Judgement(product(30), Decision.NO_MATCH)], ActionDetails(closes=True)
        )
        before = store.decisions(), store.closed_queries()
    report = decide(workspace, Settings())
    assert report.decisions == {"match": 1, "no_match": 3}
    assert report.closed == 2
    with LabelStore(workspace.labels) as store:
        machine = {d.pair: d.decision for d in store.decisions() if d.annotator == MACHINE}
        assert machine == {
            Pair(query(0), product(0)): Decision.MATCH,
            Pair(query(0), product(1)): Decision.NO_MATCH,
            Pair(query(2), product(20)): Decision.NO_MATCH,
            Pair(query(2), product(21)): Decision.NO_MATCH,
        }
        assert store.closed_queries() == before[1] | {query(0), query(2)}
        assert not {label.pair for label in training_labels(store)} & set(machine), "the machine teaches itself"
        assert store.revoke(report.batch, MACHINE) == 2
        assert (store.decisions(), store.closed_queries()) == before
        assert store.revoke(report.batch, MACHINE) == 0
    assert verify(workspace.labels).ok


def test_one_certified_band_decides_alone(workspace: Workspace) -> None:
    check(workspace, 250)
    report = decide(workspace, Settings())
    assert report.decisions == {"match": 2}


def test_people_outweigh_the_machine(workspace: Workspace) -> None:
    check(workspace, 250)
    decide(workspace, Settings())
    with LabelStore(workspace.labels) as store:
        pair = Pair(query(0), product(0))
        assert store.labels(pair.query)[0].match is True
        store.record("ann", Verb.REJECT, query(0), [Judgement(product(0), Decision.NO_MATCH)])
        assert store.labels(pair.query)[0].match is False


def test_validation_queries_are_left_alone(workspace: Workspace) -> None:
    with LabelStore(workspace.labels) as store:
        assert store.draw_validation([query(0)], 1) == 1
    check(workspace, 250)
    report = decide(workspace, Settings())
    assert report.decisions == {"match": 1}


def test_before_any_labels_the_machine_decides_nothing(workspace: Workspace) -> None:
    store = CandidateStore(workspace.derived)
    store.score([], MatcherSummary(0.5, 0.9, 0.02, 0))
    store.close()
    with pytest.raises(CoreError, match="no labels"):
        decide(workspace, Settings())
