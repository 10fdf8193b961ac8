"""`samesku models`: promotion, and the encoders that were not better."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from comparisons import BASE, TUNED, write_card, write_history
from samples import MODEL

from core.cli import models
from core.cli.context import Context
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoder_registry import Registry
from core.settings import Settings
from core.workspace import Workspace

Call = Callable[..., Any]

REJECTED = {"outcome": "rejected", "reason": "The champion stays: the gain is not significant."}


@pytest.fixture
def indexed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The champions that the catalogue is indexed for; their weights, which the tests lack, are not loaded."""
    found: list[str] = []

    def record(context: Context, model: str) -> None:
        found.append(model)

    monkeypatch.setattr(models, "_index", record)
    monkeypatch.setattr(models, "load", lambda *_: None)
    monkeypatch.setattr(Registry, "get", lambda *_: None)
    return found


def test_an_encoder_that_was_not_better_is_promoted_by_force_and_that_is_recorded(
    call: Call, workspace: Workspace, indexed: list[str]
) -> None:
    write_card(workspace, decision=REJECTED)
    answer = call("--home", workspace.home, "models", "promote", TUNED)
    assert answer.code == 1
    assert "The champion stays: the gain is not significant." in answer.err
    assert f"`samesku models promote {TUNED} --force`" in answer.err
    assert indexed == []
    assert call("--home", workspace.home, "--as", "lea", "models", "promote", TUNED, "--force").code == 0
    assert indexed == [TUNED]
    assert Registry(workspace, Settings()).history()[-1].why == "by lea, forced"


@pytest.mark.parametrize("decision", [{}, {"outcome": "waiting", "reason": "It waits for a lead."}])
def test_an_encoder_that_may_be_promoted_needs_no_force(
    call: Call, workspace: Workspace, indexed: list[str], decision: dict[str, str]
) -> None:
    write_card(workspace, decision=decision)
    assert call("--home", workspace.home, "--as", "lea", "models", "promote", TUNED, "--force").code == 0
    assert indexed == [TUNED]
    assert Registry(workspace, Settings()).history()[-1].why == "by lea"


def test_the_base_encoder_is_listed_as_the_champion_until_another_is_promoted(call: Call, workspace: Workspace) -> None:
    assert call("--home", workspace.home, "models", "list", "--json").json["champion"] == MODEL
    with closing(CandidateStore(workspace.derived)) as candidates:
        candidates.replace([], model=BASE, fingerprint="")
    write_card(workspace)
    answer = call("--home", workspace.home, "models", "list")
    assert [line.split()[:2] for line in answer.out.splitlines() if "●" in line] == [["●", BASE]]
    write_history(workspace, TUNED)
    answer = call("--home", workspace.home, "models", "list")
    assert [line.split()[:2] for line in answer.out.splitlines() if "●" in line] == [["●", TUNED]]
