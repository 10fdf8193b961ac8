"""Every door asks the same rule what a person may be called, before anything is written."""

import getpass
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from samples import match, q

from core.cli.context import Context
from core.errors import CoreError, SettingsError
from core.settings import load_settings
from core.transfer.label_files import read_labels
from core.workspace import Workspace
from labels.exchange.tasks import Defaults
from labels.model import MACHINE, Verb
from labels.store import LabelStore
from tui.kiosk import kiosk_context

Call = Callable[..., object]

REFUSED = ["a\x07", "\x1b[2J", "a\nb", "\u202eada", "a\u2066b", "\x9b2J", "\x7f", " ", MACHINE]


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("ltable_id,rtable_id,label\nq1,q1-c1,1\n")
    return path


def events(workspace: Workspace) -> int:
    with LabelStore(workspace.labels) as store:
        return store.last_event()


@pytest.mark.parametrize("name", REFUSED)
def test_no_call_is_made_under_such_a_name(workspace: Workspace, call: Call, csv: Path, name: str) -> None:
    for verb in (("labels", "import", csv), ("labels", "stats"), ("labels", "restore", "latest"), ("doctor",)):
        answer = call(*verb, "--as", name, "--home", workspace.home)
        assert (answer.code, answer.out) == (1, "")
        assert "cannot be a name" in answer.err
        assert not set(answer.err) & {"\x07", "\x1b", "\u202e", "\u2066", "\x9b", "\x7f"}
    assert events(workspace) == 0


@pytest.mark.parametrize("variable", ["LOGNAME", "USER", "LNAME", "USERNAME"])
@pytest.mark.parametrize("name", REFUSED)
def test_nor_under_such_a_login_name(
    workspace: Workspace, call: Call, csv: Path, variable: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(variable, name)
    answer = call("labels", "import", csv, "--home", workspace.home)
    assert (answer.code, "login name" in answer.err, "--as NAME" in answer.err) == (1, True, True)
    assert events(workspace) == 0


def test_bytes_that_are_no_text_are_no_name(workspace: Workspace, csv: Path) -> None:
    command = [sys.executable, "-m", "core", "--home", str(workspace.home), "labels", "import", str(csv)]
    environment = {name: value for name, value in os.environ.items() if name not in {"LOGNAME", "USER"}}
    given = [(command, environment | {"USER": b"\xff".decode(errors="surrogateescape")})]
    given.append(([*command, "--as", b"\xff".decode(errors="surrogateescape")], environment))
    for call, variables in given:
        done = subprocess.run(call, env=variables, capture_output=True, timeout=240, check=False)
        assert done.returncode == 1
        assert b"cannot be a name" in done.stderr
        assert b"Traceback" not in done.stderr
    assert events(workspace) == 0


def test_an_account_without_a_name_has_to_give_one(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", unknown)
    answer = call("labels", "people", "--home", workspace.home)
    assert (answer.code, "no login name" in answer.err, "--as NAME" in answer.err) == (1, True, True)
    assert call("labels", "people", "--home", workspace.home, "--as", "ada").code == 0


def test_a_kiosk_asks_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = type("Entry", (), {"pw_name": "ada\x07"})
    monkeypatch.setattr("pwd.getpwuid", lambda _: entry)
    monkeypatch.setattr("tui.kiosk.sys", SimpleNamespace(flags=SimpleNamespace(isolated=1), argv=[]))
    with pytest.raises(CoreError, match="cannot be a name"):
        _ = kiosk_context(Context(home=tmp_path)).annotator


@pytest.mark.parametrize("name", [name for name in REFUSED if name != " "])
def test_labels_are_imported_under_no_such_name(workspace: Workspace, csv: Path, name: str) -> None:
    with pytest.raises(CoreError, match="cannot be a name"):
        read_labels(workspace, csv, Defaults(name))
    assert events(workspace) == 0


@pytest.mark.parametrize("name", REFUSED)
def test_settings_name_no_such_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = tmp_path / "samesku.toml"
    written = "".join(f"\\U{ord(character):08x}" for character in name)
    for text in (f'[people]\nleads = ["ada", "{written}"]\n', f'[people.streams]\n"{written}" = ["triage"]\n'):
        path.write_text(text)
        with pytest.raises(SettingsError, match="cannot be a name"):
            load_settings(path)
    path.unlink()
    monkeypatch.setenv("SAMESKU_PEOPLE__LEADS", json.dumps(["ada", name]))
    with pytest.raises(SettingsError, match="cannot be a name"):
        load_settings(path)


def test_what_an_earlier_version_took_is_shown_and_leaves(workspace: Workspace, call: Call, tmp_path: Path) -> None:
    with LabelStore(workspace.labels) as store:
        store.record("ada\x07\u202e", Verb.ACCEPT, q("q1"), match("q1-c1"))
    home = ("--home", workspace.home)
    stats = call("labels", "stats", *home, "--json")
    assert stats.json["annotators"] == {"ada\x07\u202e": 1}
    assert not set(stats.out) & {"\x07", "\u202e"}
    other = Workspace(tmp_path / "other").create()
    other.catalog.write_bytes(workspace.catalog.read_bytes())
    for file in ("e.jsonl", "e.parquet", "l.json"):
        assert call("labels", "export", tmp_path / file, *home).code == 0
        assert call("labels", "import", tmp_path / file, "--home", other.home).code == 0
        with LabelStore(other.labels) as store:
            assert {decision.annotator for decision in store.decisions()} == {"ada\x07\u202e"}
        for each in other.home.glob("labels.db*"):
            each.unlink()
