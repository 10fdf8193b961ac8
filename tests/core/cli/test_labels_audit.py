"""`labels audit` and `labels contradictions`, as they are called."""

from collections.abc import Callable
from typing import Any

import pytest
from samples import implied, match, no_match, q

from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.workspace import Workspace
from labels.model import Verb
from labels.store import LabelStore

Call = Callable[..., Any]


@pytest.fixture
def scored(workspace: Workspace) -> Workspace:
    """Candidates with probabilities."""
    candidates = CandidateStore(workspace.derived)
    rows = [(query, candidate.ref, 1 / candidate.rank) for query, candidate in candidates.all()]
    candidates.score(rows, MatcherSummary(threshold=0.5, high=0.9, low=0.1, labels=50))
    candidates.close()
    return workspace


def test_a_sample_is_drawn_and_reported_on(scored: Workspace, call: Call) -> None:
    assert "Nothing was drawn" in call("labels", "audit", "--home", scored.home).err
    drawn = call("labels", "audit", "--draw", "200", "--home", scored.home)
    assert drawn.code == 0
    assert "There are no more" in drawn.out
    found = call("labels", "audit", "--home", scored.home)
    assert "0 of " in found.out
    assert "unknown: no answers yet" in found.out
    assert call("labels", "audit", "--of", "1", "--home", scored.home, "--json").json["answered"] == 0
    assert "from 1 to 1" in call("labels", "audit", "--of", "9", "--home", scored.home).err


def test_only_leads_draw_where_some_are_named(scored: Workspace, call: Call) -> None:
    scored.settings.write_text('[people]\nleads = ["lea"]\n')
    refused = call("labels", "audit", "--draw", "5", "--home", scored.home, "--as", "ada")
    assert (refused.code, "Only leads draw audits" in refused.err) == (1, True)
    assert call("labels", "audit", "--draw", "5", "--home", scored.home, "--as", "lea").code == 0


@pytest.mark.parametrize("name", ["machine", "", "x" * 61])
def test_nobody_works_under_such_a_name(scored: Workspace, call: Call, name: str) -> None:
    refused = call("labels", "people", "--as", name, "--home", scored.home)
    assert (refused.code, "cannot be a name" in refused.err) == (1, True)


def test_what_needs_a_ruling_is_listed(scored: Workspace, call: Call) -> None:
    assert call("labels", "contradictions", "--home", scored.home).out.strip() == "0 disagreements, 0 contradictions."
    with LabelStore(scored.labels) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), [*match("q1-c1"), *implied("q2-c1")])
        store.record("bob", Verb.REJECT, q("q1"), no_match("q1-c1"))
        store.record("ada", Verb.ACCEPT, q("q2"), match("q2-c1", "q2-c2"))
        store.record("ada", Verb.ACCEPT, q("q3"), match("q2-c2"))
        store.record("ada", Verb.REJECT, q("q3"), no_match("q2-c1"))
    out = call("labels", "contradictions", "--home", scored.home).out
    assert "walmart q1 and amazon q1-c1: ada says match, bob says no match" in out
    assert "yet walmart q3 ≠ amazon q2-c1." in out
    assert "1 disagreement, 1 contradiction." in out
    answer = call("labels", "contradictions", "--home", scored.home, "--json").json
    assert answer["disagreements"][0]["said"] == {"ada": "match", "bob": "no_match"}
