"""`labels agreement` and `labels people`, and who may see what."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import match, no_match, q, unsure

from core.cli.import_ import BENCHMARK
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.workspace import Workspace
from labels.model import MACHINE, ActionDetails, Stream, Verb
from labels.store import LabelStore

Call = Callable[..., object]


@pytest.fixture
def team(workspace: Workspace) -> Workspace:
    """Ada and bob answered three queries, eve one of them; one pair was adjudicated."""
    with LabelStore(workspace.labels) as store:
        for who in ("ada", "bob"):
            store.record(who, Verb.ACCEPT, q("q1"), match("q1-c1"), ActionDetails(look_ms=4000))
            store.record(who, Verb.REJECT, q("q2"), no_match("q2-c1"), ActionDetails(look_ms=6000))
        store.record("ada", Verb.ACCEPT, q("q3"), match("q3-c1"))
        store.record("bob", Verb.REJECT, q("q3"), no_match("q3-c1"))
        store.record("eve", Verb.ACCEPT, q("q1"), match("q1-c1"))
        store.record("eve", Verb.UNSURE, q("q2"), unsure("q2-c1"))
        store.record("eve", Verb.ACCEPT, q("q3"), match("q3-c1"), ActionDetails(stream=Stream.ADJUDICATION))
        for nobody in (MACHINE, BENCHMARK):
            store.record_all(nobody, [(q("q1"), no_match("q1-c1"), True)])
    return workspace


@pytest.fixture
def led(team: Workspace) -> Workspace:
    """Eve is a lead."""
    team.settings.write_text('[people]\nleads = ["eve"]\n')
    return team


def test_agreement_is_of_people_and_of_every_two_of_them(team: Workspace, call: Call) -> None:
    found = call("labels", "agreement", "--home", team.home, "--json").json
    assert found["annotators"] == ["ada", "bob", "eve"]
    assert (found["overall"]["pairs"], found["overall"]["agreement"]["agreed"]) == (3, 2)
    couples = {"/".join(each["annotators"]): each for each in found["couples"]}
    assert {name: each["pairs"] for name, each in couples.items()} == {"ada/bob": 3, "ada/eve": 1, "bob/eve": 1}
    assert couples["ada/bob"]["kappa"]["value"] == pytest.approx(0.4)
    assert couples["ada/eve"]["kappa"] == {"value": None, "low": None, "high": None, "undefined": "one class only"}
    assert found["unsure"] == {"decisions": 1, "share": 1 / 9}
    assert (found["bands"], found["note"]) == ([], "")


def test_agreement_is_of_what_stands(team: Workspace, call: Call) -> None:
    with LabelStore(team.labels) as store:
        store.undo("bob")
    assert call("labels", "agreement", "--home", team.home, "--json").json["overall"]["agreement"]["agreed"] == 2
    assert call("labels", "agreement", "--home", team.home, "--json").json["overall"]["pairs"] == 2


def test_two_files_can_be_compared(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    for who, lines in (("ada", "q1,q1-c1,1\nq2,q2-c1,0\n"), ("bob", "q1,q1-c1,1\nq2,q2-c1,0\n")):
        (tmp_path / f"{who}.csv").write_text(f"ltable_id,rtable_id,label\n{lines}")
        call("import", "labels", tmp_path / f"{who}.csv", "--as", who, "--home", workspace.home)
    found = call("labels", "agreement", "--home", workspace.home, "--json").json["overall"]
    assert (found["pairs"], found["kappa"]["value"], found["alpha"]["value"]) == (2, 1, 1)


def test_bands_are_told_once_a_matcher_has_spoken(team: Workspace, call: Call) -> None:
    assert "Bands are not known" in call("labels", "agreement", "--home", team.home).out
    store = CandidateStore(team.derived)
    store.score([], MatcherSummary(0.5, 0.9, 0.1, 3))
    store.close()
    found = call("labels", "agreement", "--home", team.home, "--json").json
    assert [(each["band"], each["pairs"]) for each in found["bands"]] == [("unknown", 3)]


def test_nothing_to_compare_is_no_error(workspace: Workspace, call: Call) -> None:
    answer = call("labels", "agreement", "--home", workspace.home)
    assert (answer.code, "No pair was decided by two people" in answer.out) == (0, True)
    found = call("labels", "agreement", "--home", workspace.home, "--json").json
    assert found["overall"]["kappa"]["undefined"] == found["overall"]["alpha"]["undefined"] == "no overlap"
    assert found["unsure"]["share"] is None
    assert "There are no decisions yet" in call("labels", "people", "--home", workspace.home).out


@pytest.mark.parametrize("verb", ["agreement", "people"])
def test_tables_fit_a_terminal_of_eighty_columns(
    team: Workspace, call: Call, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")  # one of eighty columns to rich
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with LabelStore(team.labels) as store:
        for who in ("somebody with a very long name indeed", "another\x1b]52;c;x\x07 one with [bold]a name[/"):
            for query in ("q1", "q2", "q3"):
                store.record(who, Verb.ACCEPT, q(query), match(f"{query}-c1"), ActionDetails(look_ms=5000))
    out = call("labels", verb, "--home", team.home).out
    assert "ada" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 100
    assert max(len(line) for line in out.splitlines() if "0.67" in line or "1.00" in line) <= 80


# -- people --------------------------------------------------------------------------------------------------


def test_people_are_listed_by_name_with_their_figures(team: Workspace, call: Call) -> None:
    found = call("labels", "people", "--home", team.home, "--json").json
    assert [each["name"] for each in found["people"]] == ["ada", "bob", "eve"]
    ada, bob, eve = found["people"]
    assert (ada["decisions"], ada["look_ms"], ada["truth"]["agreed"]) == (3, 5000, 1)
    assert (bob["truth"]["agreed"], bob["truth"]["checked"]) == (0, 1)
    assert (eve["unsure"]["decisions"], eve["truth"]["share"]) == (1, None)
    assert "accuracy" in call("labels", "people", "--home", team.home).out


# -- who may see what ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "names", "told"), [("eve", ["ada", "bob", "eve"], False), ("bob", ["bob"], True), ("new", [], True)]
)
def test_only_leads_see_other_people(led: Workspace, call: Call, who: str, names: list[str], told: bool) -> None:
    found = call("labels", "people", "--as", who, "--home", led.home, "--json").json
    assert [each["name"] for each in found["people"]] == names
    assert (found["note"] == "Figures of other people are for leads (eve) to see.") == told
    assert ("are for leads (eve)" in call("labels", "people", "--as", who, "--home", led.home).out) == told


@pytest.mark.parametrize(("who", "couples"), [("eve", 3), ("bob", 2), ("new", 0)])
def test_only_leads_see_how_two_others_agree(led: Workspace, call: Call, who: str, couples: int) -> None:
    found = call("labels", "agreement", "--as", who, "--home", led.home, "--json").json
    assert len(found["couples"]) == couples
    assert all(who in each["annotators"] for each in found["couples"]) or who == "eve"
    assert bool(found["note"]) == (who != "eve")
    out = call("labels", "agreement", "--as", who, "--home", led.home).out
    assert ("ada, bob" in out) == (who in {"eve", "bob"})


@pytest.mark.parametrize("verb", [["models", "promote", "m"], ["models", "rollback"], ["labels", "restore", "latest"]])
def test_only_leads_put_another_model_or_ledger_in_use(led: Workspace, call: Call, verb: list[str]) -> None:
    refused = call(*verb, "--as", "ada", "--home", led.home)
    assert refused.code == 1
    assert "Only leads" in refused.err
    assert "The leads are eve" in refused.err
    assert "Only leads" not in call(*verb, "--as", "eve", "--home", led.home).err
