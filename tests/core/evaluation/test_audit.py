"""Audits: what a sample says of the whole, whichever strata it came from."""

from pathlib import Path

import numpy as np
import pytest
from samples import c, match, no_match, q

from core.errors import CoreError
from core.evaluation.audit import audit_report, draw_audit
from core.matching.bands import band_of
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from core.settings import Settings
from core.workspace import Workspace
from labels.model import ActionDetails, Decision, Judgement, ShownScores, Stream, Verb
from labels.store import LabelStore

#: By query: the candidate's probability, whether it matches, and whether a product matches that is not listed.
Known = dict[str, tuple[float, bool, bool]]
Truth = tuple[Workspace, Known]
QUERIES, STANDING = 600, MatcherSummary(threshold=0.5, high=0.9, low=0.05, labels=100)


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    """A workspace with one candidate a query, and what is true of it."""
    generator = np.random.default_rng(3)
    chances = generator.beta(0.3, 0.6, QUERIES)
    known = {
        f"{n}": (float(p), bool(generator.random() < p), bool(generator.random() < 0.05)) for n, p in enumerate(chances)
    }
    workspace = Workspace(tmp_path)
    store = CandidateStore(workspace.derived)
    store.replace(
        ((q(name), [Candidate(c(name), 1, 0.5, 0.5, None, None)]) for name in known), model="m", fingerprint="f"
    )
    store.score(((q(name), c(name), p) for name, (p, _, _) in known.items()), STANDING)
    store.close()
    return workspace, known


def answer(workspace: Workspace, known: Known, version: int, *, every: int = 1) -> None:
    """People check the sample, or one query in so many."""
    with LabelStore(workspace.labels) as store:
        for query in list(store.audit_sample(version))[::every]:
            chance, same, elsewhere = known[query.id]
            decision = Decision.MATCH if same else Decision.NO_MATCH
            shown = Judgement(c(query.id), decision, shown=ShownScores(1, 0.5, chance, "m"))
            said = [shown, *(match(f"{query.id}-x") if elsewhere else [])]
            store.record("ada", Verb.ACCEPT, query, said, ActionDetails(stream=Stream.AUDIT, closes=True))


def test_estimates_of_many_draws_are_right_on_average(truth: Truth) -> None:
    workspace, known = truth
    high = [same for p, same, _ in known.values() if p >= STANDING.high]
    low = [not same for p, same, _ in known.values() if p < STANDING.low]
    matches = sum(same + elsewhere for _, same, elsewhere in known.values())
    found = sum(same for p, same, _ in known.values() if p >= STANDING.threshold)
    reports = []
    for _ in range(6):
        version, drawn = draw_audit(workspace, Settings(), 150)
        assert {stratum.name for stratum in drawn.values()} == {"high", "medium", "low"}
        answer(workspace, known, version)
        reports.append(audit_report(workspace, version))
        with LabelStore(workspace.labels) as store:
            while store.undo("ada"):
                pass
    for name, sure in (("high", high), ("low", low)):
        mean = np.mean([report.precision[name].value for report in reports])
        assert mean == pytest.approx(np.mean(sure), abs=0.05)
    assert np.mean([report.recall.value for report in reports]) == pytest.approx(found / matches, abs=0.07)
    assert np.mean([report.matches for report in reports]) == pytest.approx(matches, rel=0.1)
    listed, expected = sum(same for _, same, _ in known.values()), sum(p for p, _, _ in known.values())
    assert np.mean([report.listed for report in reports]) == pytest.approx(listed, rel=0.1)
    assert np.mean([report.expected for report in reports]) == pytest.approx(expected, rel=0.1)
    inside = [r.recall.low <= found / matches <= r.recall.high for r in reports]  # type: ignore[operator]
    assert sum(inside) >= 4


def test_a_draw_leaves_out_what_people_answered_and_what_validates(
    truth: Truth,
) -> None:
    workspace, known = truth
    with LabelStore(workspace.labels) as store:
        store.draw_validation([q("0")], seed=1)
        store.record("ada", Verb.NONE, q("1"), no_match("1"), ActionDetails(closes=True))
    _, drawn = draw_audit(workspace, Settings(), QUERIES)
    assert set(drawn) == {q(name) for name in known} - {q("0"), q("1")}
    assert all(stratum.name == band_of(known[query.id][0], 0.9, 0.05) for query, stratum in drawn.items())


def test_before_anybody_answered_nothing_is_claimed(truth: Truth) -> None:
    workspace, _ = truth
    with pytest.raises(CoreError, match="Nothing was drawn") as caught:
        audit_report(workspace)
    assert "--draw" in caught.value.hint
    draw_audit(workspace, Settings(), 20)
    report = audit_report(workspace)
    assert (report.answered, report.recall.value, report.matches, report.expected) == (0, None, None, None)


def test_the_machine_is_judged_by_what_it_said_then(truth: Truth) -> None:
    workspace, known = truth
    version, drawn = draw_audit(workspace, Settings(), 12)
    query = next(query for query, stratum in drawn.items() if stratum.name == "low")
    with LabelStore(workspace.labels) as store:
        shown = ShownScores(1, 0.5, known[query.id][0], "m")
        said = [Judgement(c(query.id), Decision.MATCH, shown=shown)]
        store.record("ada", Verb.ACCEPT, query, said, ActionDetails(stream=Stream.AUDIT, closes=True))
    learnt = CandidateStore(workspace.derived)
    learnt.score([(query, c(query.id), 0.99)], STANDING)
    learnt.close()
    report = audit_report(workspace, version)
    assert (report.precision["low"].value, report.recall.value) == (0.0, 0.0)
    assert report.precision["low"].high is not None
    assert 0.5 < report.precision["low"].high < 1  # one answer proves little


def test_a_draw_that_there_is_not_is_named(truth: Truth) -> None:
    workspace, _ = truth
    draw_audit(workspace, Settings(), 12)
    with pytest.raises(CoreError, match="no draw 9") as caught:
        audit_report(workspace, 9)
    assert "from 1 to 1" in caught.value.hint


def test_half_of_the_answers_stand_for_the_whole(truth: Truth) -> None:
    workspace, known = truth
    matches = sum(same + elsewhere for _, same, elsewhere in known.values())
    version, drawn = draw_audit(workspace, Settings(), QUERIES)
    answer(workspace, known, version, every=2)
    report = audit_report(workspace, version)
    assert report.answered == (len(drawn) + 1) // 2
    assert report.matches == pytest.approx(matches, rel=0.15)


def test_while_a_stratum_has_no_answer_nobody_counts_the_matches(truth: Truth) -> None:
    workspace, known = truth
    version, drawn = draw_audit(workspace, Settings(), 60)
    query = next(query for query, stratum in drawn.items() if stratum.name == "high")
    with LabelStore(workspace.labels) as store:
        shown = ShownScores(1, 0.5, known[query.id][0], "m")
        store.record("ada", Verb.ACCEPT, query, [Judgement(c(query.id), Decision.MATCH, shown=shown)],
                     ActionDetails(stream=Stream.AUDIT, closes=True))  # fmt: skip
    report = audit_report(workspace, version)
    assert (report.matches, report.precision["high"].value, report.precision["low"].value) == (None, 1.0, None)
