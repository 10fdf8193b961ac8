"""The command line in a workspace full of hostile text: its answers are read, and act nowhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from comparisons import evaluations, two_encoders
from hostile import HOSTILE, acting, stray
from hostile_home import spoil
from samples import write_workspace

from core.text.safe import safe
from core.workspace import Workspace

Call = Callable[..., Any]

#: Verbs that answer with what others wrote.
VERBS = (
    "labels stats", "labels people", "labels agreement", "labels contradictions", "labels verify",
    "labels backups", "models list", "jobs list", "doctor", "settings", "judge spent",
    "match --query|q1", "models show|lora-20260101-120000-ab12",
    "labels query|SELECT annotator, text FROM events ORDER BY seq DESC",
    "labels query|SELECT json_extract('[1]', '$[0]') AS \"\x1b[31m\u202e\x9b2J\"",
)  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Full of hostile text."""
    made = write_workspace(tmp_path / "home")
    two_encoders(made)
    evaluations(made)
    spoil(made)
    return made


def inert(text: str) -> bool:
    """Whether nothing in it acts, and no hostile text is there as it was written."""
    lines = text.replace("\n", "").replace("\t", "")
    return stray(lines) == [] and not [each for each in HOSTILE if each != safe(each) and each in text]


@pytest.mark.parametrize("verb", VERBS)
def test_answers(call: Call, workspace: Workspace, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    verb, _, argument = verb.partition("|")
    arguments = ["--home", str(workspace.home), *verb.split(), *filter(None, [argument])]
    found = call(*arguments)
    assert found.out
    assert inert(found.out + found.err)
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = call(*arguments)
    assert inert(coloured.out + coloured.err)
    as_json = call(*arguments, "--json")
    assert acting(as_json.out) == []
    assert inert(as_json.err)
    assert as_json.code == found.code
    assert isinstance(json.loads(as_json.out or "{}"), dict)


def test_the_same_as_json_says_what_it_said_and_acts_nowhere(call: Call, workspace: Workspace) -> None:
    sql = "SELECT text FROM events WHERE verb = 'comment'"
    found = call("--home", workspace.home, "--json", "labels", "query", sql)
    assert "\x1b" not in found.out
    assert "\x9b" not in found.out
    assert any("\x1b]52;c;ZXZpbA==\x07" in row[0] for row in found.json["rows"])
    assert any("\x9b2J" in row[0] for row in found.json["rows"])


def test_what_an_import_leaves_out_and_how_columns_are_called(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "\x1b]0;x\x07[b]\u202e.jsonl"
    rows = [
        {"id": f"{at % 60}{text}", "title": text, text: text} for at, text in enumerate((*HOSTILE, "", *HOSTILE[:3]))
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    home = tmp_path / "home"
    found = call("--home", home, "import", "products", file, "--source", "shop", "--role", "query")
    assert inert(found.out + found.err)
    assert "skipped" in found.out


@pytest.mark.parametrize("text", HOSTILE[::5])
def test_errors(call: Call, workspace: Workspace, text: str) -> None:
    name = text.replace("\0", "").replace("/", "")
    calls: tuple[tuple[str | Path, ...], ...] = (
        ("--home", f"{workspace.home}/{name}", "labels", "stats"),
        ("import", "products", f"/nowhere/{name}.csv", "--source", name),
        ("labels", "query", f"SELECT '{name}"),
        ("labels", "restore", f"/nowhere/{name}"),
        ("jobs", "cancel", "--", name),
        ("models", "show", "--", name),
        ("evaluate", "--set", f"{name}.x=1"),
        ("--as", name + "x" * 60, "labels", "import", "/nowhere"),
    )
    for each in calls:
        found = call("--home", workspace.home, *each)
        assert found.code
        assert inert(found.out + found.err), each


def test_settings_and_vocabulary_that_do_not_fit(call: Call, workspace: Workspace) -> None:
    key = json.dumps("".join(HOSTILE).replace("\0", ""))
    key = key.replace("\x7f", "")
    for file, text in ((workspace.settings, f"[desk]\n{key} = 1\n"), (workspace.vocabulary, f"[brands]\n{key} = 5\n")):
        file.write_text(text)
        found = call("--home", workspace.home, "evaluate")
        assert found.code == 1
        assert inert(found.out + found.err)
        file.unlink()
