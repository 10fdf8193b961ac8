"""`labels backup`, `backups`, `restore` and `query`, and what `doctor` says of them."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from samples import match, q

from core.workspace import Workspace
from labels.claims import Claims
from labels.model import Verb
from labels.store import LabelStore

Call = Callable[..., object]


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    say(workspace, "q1")
    return workspace


def say(workspace: Workspace, query: str) -> None:
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.ACCEPT, q(query), match(f"{query}-c1"), closes=True)


def test_back_and_forth(labelled: Workspace, call: Call) -> None:
    home = ("--home", labelled.home)
    made = call("labels", "backup", *home, "--json").json
    assert (made["events"], Path(made["file"]).parent) == (1, labelled.backups)
    say(labelled, "q2")
    listed = call("labels", "backups", *home, "--json").json["backups"]
    assert [one["file"] for one in listed] == [made["file"]]
    assert Path(made["file"]).name in call("labels", "backups", *home).out
    back = call("labels", "restore", "latest", "--yes", *home, "--json").json
    assert (back["events"], back["damaged"]) == (1, False)
    assert call("labels", "verify", *home, "--json").json == {"ok": True, "events": 1, "problems": []}
    forth = call("labels", "restore", back["kept"], *home)
    assert "with 2 events" in forth.out


def test_so_many_are_kept_as_the_settings_say(labelled: Workspace, call: Call, tmp_path: Path) -> None:
    labelled.settings.write_text("[labels]\nbackups = 1\n")
    for query in ("q2", "q3"):
        say(labelled, query)
        call("labels", "backup", "--home", labelled.home)
        call("labels", "backup", "--home", labelled.home, "--to", tmp_path / "usb")
    assert len(list(labelled.backups.glob("*.db"))) == 1
    assert len(list((tmp_path / "usb").glob("*.db"))) == 2


def test_nothing_to_restore_or_back_up_is_a_sentence(workspace: Workspace, call: Call, tmp_path: Path) -> None:
    assert "There are no backups" in call("labels", "restore", "latest", "--home", workspace.home).err
    assert "There are no backups" in call("labels", "backups", "--home", workspace.home).out
    assert "no labels file" in call("labels", "backup", "--home", tmp_path / "nowhere").err


def test_a_restore_is_refused_while_somebody_labels_and_to_those_who_do_not_lead(
    labelled: Workspace, call: Call
) -> None:
    call("labels", "backup", "--home", labelled.home)
    with closing(Claims(labelled.labels)) as claims:
        claims.take(q("q2"), "bob")
    answer = call("labels", "restore", "latest", "--home", labelled.home)
    assert (answer.code, "bob has queries on the screen" in answer.err) == (1, True)
    assert call("labels", "restore", "latest", "--force", "--home", labelled.home).code == 0
    labelled.settings.write_text('[people]\nleads = ["ada"]\n')
    answer = call("labels", "restore", "latest", "--force", "--home", labelled.home, "--as", "bob")
    assert (answer.code, "Only leads restore" in answer.err) == (1, True)
    assert call("labels", "restore", "latest", "--force", "--home", labelled.home, "--as", "ada").code == 0


def test_a_query_answers_in_lines_and_in_json(labelled: Workspace, call: Call) -> None:
    sql = "SELECT annotator, seq, NULL, 9e999, x'00ff', 'a' || char(9) || char(27) || 'b' FROM events"
    lines = call("labels", "query", sql, "--home", labelled.home).out.splitlines()
    assert lines[1].split("\t") == ["ada", "1", "", "inf", "00ff", "a ␛b"]
    answer = call("labels", "query", sql, "--home", labelled.home, "--json").json
    assert answer["rows"] == [["ada", 1, None, "inf", "00ff", "a\t\x1bb"]]
    assert (len(answer["columns"]), answer["more"]) == (6, False)


def test_a_query_says_when_there_is_more_and_when_it_is_not_allowed(labelled: Workspace, call: Call) -> None:
    say(labelled, "q2")
    answer = call("labels", "query", "SELECT seq FROM events ORDER BY seq", "--limit", "1", "--home", labelled.home)
    assert (answer.out, "There are more rows than these 1" in answer.err) == ("seq\n1\n", True)
    answer = call("labels", "query", "DROP TABLE events", "--home", labelled.home)
    assert (answer.code, "a query only reads" in answer.err) == (1, True)


def test_the_doctor_tells_of_backups_and_of_open_doors(labelled: Workspace, call: Call) -> None:
    call("labels", "backup", "--home", labelled.home)
    facts = call("doctor", "--home", labelled.home, "--json").json
    assert facts["backups"].startswith("1, the last labels-")
    labelled.home.chmod(0o755)
    facts = call("doctor", "--home", labelled.home, "--json").json
    assert f"chmod -R o-rwx {labelled.home}" in facts["permissions"]
    labelled.home.chmod(0o770)
    assert json.dumps(call("doctor", "--home", labelled.home, "--json").json["permissions"]).startswith('"closed')


def test_backups_tell_whether_they_are_of_use_and_how_far_the_ledger_is(labelled: Workspace, call: Call) -> None:
    made = Path(call("labels", "backup", "--home", labelled.home, "--json").json["file"])
    say(labelled, "q2")
    made.with_name("labels-20260101T000000Z-7.db").write_bytes(made.read_bytes())
    told = call("labels", "backups", "--home", labelled.home, "--json").json
    assert {Path(one["file"]).name: one["readable"] for one in told["backups"]} == {
        made.name: True,
        "labels-20260101T000000Z-7.db": False,
    }
    assert told["events"] == 2
    labelled.labels.write_bytes(b"no database")
    assert call("labels", "backups", "--home", labelled.home, "--json").json["events"] is None


def test_a_backup_is_checked_like_the_ledger(labelled: Workspace, call: Call) -> None:
    made = Path(call("labels", "backup", "--home", labelled.home, "--json").json["file"])
    say(labelled, "q2")
    given = ("labels", "verify", made, "--home", labelled.home)
    assert call(*given, "--json").json == {"ok": True, "events": 1, "problems": []}
    with closing(sqlite3.connect(made)) as db:
        db.execute("DROP TRIGGER events_no_delete")
    answer = call(*given)
    assert (answer.code, "the trigger events_no_delete is gone" in answer.out) == (1, True)
    assert "goes back to the last backup" not in answer.out


def test_a_restore_can_be_rehearsed(labelled: Workspace, call: Call) -> None:
    call("labels", "backup", "--home", labelled.home)
    say(labelled, "q2")
    given = ("labels", "restore", "latest", "--dry-run", "--home", labelled.home)
    with closing(Claims(labelled.labels)) as claims:
        claims.take(q("q3"), "ada")
        assert call(*given, "--as", "ada", "--json").json["events"] == 1
        assert "ada has queries on the screen" in call(*given, "--as", "bob").err
        claims.give_back("ada")
    assert "Nothing was changed" in call(*given).out
    assert call("labels", "verify", "--home", labelled.home, "--json").json["events"] == 2
    labelled.settings.write_text('[people]\nleads = ["ada"]\n')
    assert "Only leads restore" in call(*given, "--as", "bob").err
