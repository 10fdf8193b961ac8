"""What the unattended demo prints once it has run."""

from pathlib import Path

import pytest
from samples import c, q

from core.cli import demo
from core.cli.context import Context
from core.cli.verbs import VERBS
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair

FIGURES = dict.fromkeys(("hit@1", "hit@5", "hit@10", "mrr@10", "recall@10"), 0.5)


def evaluation(dense: float, hybrid: float, matcher: float) -> dict[str, object]:
    rankings = {"encoder": dense, "fused": hybrid, "matched": matcher}
    return {"queries": 94, **{name: FIGURES | {"hit@1": value} for name, value in rankings.items()}}


@pytest.fixture
def scored(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A matcher has spoken on the one validation query, whose first candidate is its match."""
    chances = {"qv-c1": 0.03, "qv-c2": 0.97, "qv-c3": 0.5}
    store = CandidateStore(workspace.derived)
    store.score([(q("qv"), c(id_), chance) for id_, chance in chances.items()], MatcherSummary(0.5, 0.9, 0.1, 300, 90))
    store.close()
    monkeypatch.setattr(demo, "is_gold", lambda pair: pair == Pair(q("qv"), c("qv-c1")))
    return workspace


def told(home: Path, capsys: pytest.CaptureFixture[str], gate: str = "dense") -> str:
    figures = {"before": evaluation(0.6, 0.7, 0.8), "after": evaluation(0.906, 0.868, 0.95)}
    result = {"promoted": True, "decision": "The new encoder is in use.", **figures}
    settings = Settings.model_validate({"retrain": {"gate": gate}})
    demo.print_result(Context(home=home), settings, result)
    return capsys.readouterr().out


def test_the_rankings_are_those_that_people_get_before_and_after(
    scored: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(scored.home, capsys).splitlines()
    assert [name for name in lines[1].split() if name not in {"before", "after"}] == ["dense", "hybrid", "matcher"]
    assert lines[2].split() == ["hit@1", "0.600", "0.906", "0.700", "0.868", "0.800", "0.950"]


def test_it_is_said_that_the_ranking_that_decides_is_not_the_one_by_default(
    scored: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "the encoder's ranking decides on a promotion (retrain.gate is dense)" in told(scored.home, capsys)
    assert "retrain.gate" not in told(scored.home, capsys, gate="auto")


def test_candidates_carry_what_the_matcher_says_and_whether_that_is_right(
    scored: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(scored.home, capsys)
    shown = [" ".join(line.split()) for line in text.splitlines() if "%  " in line]
    starts = ("97% high match: wrong Sony", "50% medium for people: no match Sony", "3% low no match: wrong Sony")
    assert [line.startswith(start) for line, start in zip(shown, starts, strict=True)] == [True] * 3, shown
    assert "high (match): 0 of 1 right" in text
    assert "low (no match): 0 of 1 right" in text
    assert "all else: 1 for people" in text


def test_it_ends_with_commands_that_exist(scored: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    last = told(scored.home, capsys).partition("What to do next:")[2]
    commands = [line.split() for line in last.splitlines() if " --home " in line]
    assert len(commands) >= 5
    assert {words[3] for words in commands} <= {verb.name for verb in VERBS} | {"review"}
