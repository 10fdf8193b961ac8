"""`labels backup`, `backups`, `restore` and `query`, and what `doctor` says of them."""

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from samples import match, no_match, q
from tampering import change_unseen

from core.workspace import Workspace
from labels.backup import backup
from labels.backup_index import FOLDER
from labels.database import marker_path
from labels.leases import Leases
from labels.model import ActionDetails, Verb
from labels.store import LabelStore
from tests.bench.terminal import Terminal

ROOT = Path(__file__).parents[3]

Call = Callable[..., object]


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    say(workspace, "q1")
    return workspace


def say(workspace: Workspace, query: str) -> None:
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.ACCEPT, q(query), match(f"{query}-c1"), ActionDetails(closes=True))


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
    assert "There is no workspace" in call("labels", "backup", "--home", tmp_path / "nowhere").err


def test_a_restore_is_refused_while_somebody_labels_and_to_those_who_do_not_lead(
    labelled: Workspace, call: Call
) -> None:
    call("labels", "backup", "--home", labelled.home)
    with closing(Leases(labelled.labels)) as claims:
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
    assert (answer.out, "There are more rows than the 1 shown" in answer.err) == ("seq\n1\n", True)
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
    permissions = call("doctor", "--home", labelled.home, "--json").json["permissions"]
    assert permissions.startswith("only owner and group")


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
    assert (answer.code, "the trigger events_no_delete is missing" in answer.out) == (1, True)
    assert "goes back to the last backup" not in answer.out


def test_any_folder_of_backups_can_be_compared_with(labelled: Workspace, call: Call, tmp_path: Path) -> None:
    elsewhere = [tmp_path / "one", tmp_path / "other"]
    for folder in elsewhere:
        call("labels", "backup", "--home", labelled.home, "--to", folder)
    given = ("labels", "verify", "--home", labelled.home, "--against", elsewhere[0], "--against", elsewhere[1])
    assert call(*given).code == 0
    change_unseen(labelled.labels, "UPDATE validation SET seed = 9")
    answer = call(*given, "--json")
    assert (answer.code, answer.json["ok"]) == (1, False)
    change_unseen(labelled.labels, "DELETE FROM validation", "DELETE FROM draws", "DELETE FROM sqlite_sequence")
    problems = call(*given, "--json").json["problems"]
    assert sum("the ledger lacks what was drawn in the backup of" in problem for problem in problems) == 2
    missing = call("labels", "verify", "--home", labelled.home, "--against", tmp_path / "none")
    assert (missing.code, "There are no backups in" in missing.err) == (1, True)


def test_a_restore_can_be_rehearsed(labelled: Workspace, call: Call) -> None:
    call("labels", "backup", "--home", labelled.home)
    say(labelled, "q2")
    given = ("labels", "restore", "latest", "--dry-run", "--home", labelled.home)
    with closing(Leases(labelled.labels)) as claims:
        claims.take(q("q3"), "ada")
        assert call(*given, "--as", "ada", "--json").json["events"] == 1
        assert "ada has queries on the screen" in call(*given, "--as", "bob").err
        claims.release_all("ada")
    assert "Nothing was changed" in call(*given).out
    assert call("labels", "verify", "--home", labelled.home, "--json").json["events"] == 2
    labelled.settings.write_text('[people]\nleads = ["ada"]\n')
    assert "Only leads restore" in call(*given, "--as", "bob").err


# -- what a restore drops ------------------------------------------------------------------------------------


@pytest.fixture
def behind(labelled: Workspace, call: Call) -> Workspace:
    """A workspace whose ledger has two events more than its backup."""
    call("labels", "backup", "--home", labelled.home)
    say(labelled, "q2")
    say(labelled, "q3")
    return labelled


def events(workspace: Workspace) -> int:
    with LabelStore(workspace.labels) as store:
        return store.last_event()


def test_without_a_terminal_nothing_is_dropped_unless_that_is_said(behind: Workspace, call: Call) -> None:
    restore = ("labels", "restore", "latest", "--home", behind.home)
    for more in ((), ("--force",), ("--json",), ("--quiet",)):
        answer = call(*restore, *more)
        assert (answer.code, answer.out) == (1, "")
        assert "2 events would be dropped: 2 decisions, by ada" in answer.err
        assert "--yes" in answer.err
        assert events(behind) == 3
    answer = call(*restore, "--yes", "--json").json
    assert (answer["events"], answer["dropped"], events(behind)) == (1, 2, 1)
    assert Path(answer["kept"]).exists()


@pytest.mark.parametrize(("typed", "left"), [("", 3), ("n", 3), ("y", 1)])
def test_on_a_terminal_it_asks_and_no_is_the_default(behind: Workspace, typed: str, left: int) -> None:
    restore = [sys.executable, "-m", "core", "--home", str(behind.home), "labels", "restore", "latest"]
    read: list[bytes] = []
    with Terminal(restore, rows=24, columns=200, folder=ROOT) as terminal:
        terminal.on_read = read.append
        assert terminal.wait_for(lambda t: "[y/N]" in "".join(t.lines), 120)
        terminal.send(f"{typed}\n")
        code = terminal.drain(120)
    assert "2 events would be dropped" in b"".join(read).decode()
    assert (code, events(behind)) == (0 if typed == "y" else 1, left)


def test_a_rehearsal_tells_what_would_be_dropped(behind: Workspace, call: Call) -> None:
    given = ("labels", "restore", "latest", "--dry-run", "--home", behind.home)
    assert "2 events would be dropped" in call(*given).out
    answer = call(*given, "--json").json
    assert (answer["events"], answer["unsaved"], answer["annotators"]) == (1, 2, {"ada": 2})
    os.truncate(behind.labels, behind.labels.stat().st_size // 2)
    answer = call(*given, "--json").json
    assert "is unknown: the ledger is damaged" in answer["loss"]
    refused = call("labels", "restore", "latest", "--home", behind.home)
    assert (refused.code, "is unknown: the ledger is damaged" in refused.err) == (1, True)


def test_the_way_back_is_told_with_its_price_and_only_for_the_ledger(behind: Workspace, call: Call) -> None:
    verify = ("labels", "verify", "--home", behind.home)
    with closing(sqlite3.connect(behind.labels)) as db:
        db.execute("DROP TRIGGER events_no_delete")
    assert "labels restore latest" in call(*verify).out
    assert "2 events would be dropped" in call(*verify).out


def test_a_damaged_backup_is_no_reason_to_restore(behind: Workspace, call: Call) -> None:
    found = next(behind.backups.glob("*.db"))
    found.write_bytes(found.read_bytes()[:5000])
    answer = call("labels", "verify", "--home", behind.home)
    assert (answer.code, "labels restore" in answer.out) == (1, False)


def test_without_a_backup_no_way_back_is_told(labelled: Workspace, call: Call) -> None:
    with closing(sqlite3.connect(labelled.labels)) as db:
        db.execute("DROP TRIGGER events_no_delete")
    answer = call("labels", "verify", "--home", labelled.home)
    assert (answer.code, "There is no backup" in answer.out, "restore latest" in answer.out) == (1, True, False)


def test_without_a_backup_a_merge_is_the_way_out_of_a_changed_schema(
    labelled: Workspace, call: Call, tmp_path: Path
) -> None:
    home = ("--home", labelled.home)
    with closing(sqlite3.connect(labelled.labels)) as db:
        db.execute("CREATE VIEW everything AS SELECT * FROM events")
    told = " ".join(call("labels", "verify", *home).out.split())
    assert "move labels.db and labels.db.created to another folder: `samesku labels merge FILE`" in told
    aside = tmp_path / "aside"
    aside.mkdir()
    for path in (labelled.labels, marker_path(labelled.labels)):
        path.rename(aside / path.name)
    assert call("labels", "merge", aside / "labels.db", *home).code == 0
    answer = call("labels", "verify", *home)
    assert (answer.code, "1 event; no problems found" in answer.out) == (0, True)


# -- a ledger that is gone -----------------------------------------------------------------------------------

VERBS = [
    ("labels", "stats"), ("labels", "verify"), ("labels", "backup"), ("labels", "agreement"), ("labels", "people"),
    ("labels", "query", "SELECT 1"), ("labels", "export", "{out}.csv"), ("labels", "export", "{out}.jsonl"),
    ("labels", "import", "{labels}"), ("labels", "import", "{labels}", "--dry-run"), ("labels", "merge", "{other}"),
    ("labels", "contradictions"), ("labels", "revoke", "auto-1"), ("doctor",),
    ("dataset", "pairs", "--out", "{out}.jsonl"), ("retrain",),
]  # fmt: skip


@pytest.mark.parametrize("how", ["deleted", "emptied"])
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_verb_begins_an_empty_ledger_where_one_was(
    labelled: Workspace, call: Call, tmp_path: Path, verb: tuple[str, ...], how: str
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("ltable_id,rtable_id,label\nq2,q2-c1,1\n")
    with LabelStore(tmp_path / "other" / "labels.db"):
        pass
    os.truncate(labelled.labels, 0)
    if how == "deleted":
        labelled.labels.unlink()
    named = {"out": tmp_path / "out", "labels": labels, "other": tmp_path / "other"}
    answer = call(*(word.format(**named) for word in verb), "--home", labelled.home)
    assert answer.code == 1
    assert "there was a ledger" in answer.out + answer.err
    assert "Traceback" not in answer.err
    assert labelled.labels.exists() is (how == "emptied")
    assert not list(tmp_path.glob("out*"))


def test_the_way_out_of_a_merge_is_not_a_restore_here(labelled: Workspace, call: Call, tmp_path: Path) -> None:
    other = tmp_path / "other" / "labels.db"
    with LabelStore(other) as store:
        store.record("bob", Verb.ACCEPT, q("q2"), match("q2-c1"))
    backup(other, other.parent / FOLDER)
    os.truncate(other, 5000)
    answer = call("labels", "merge", other.parent, "--home", labelled.home)
    assert (answer.code, "damaged" in answer.err, "restore" in answer.err) == (1, True, False)


#: Verbs that read a part of the ledger, or all of it. `OUT` is a file of this ending.
READERS = (
    ("csv", "match --out OUT"),
    ("", "match --query q1"),
    ("", "match --json"),
    ("csv", "score PAIRS --out OUT"),
    ("", "evaluate"),
    ("", "retrain"),
    ("jsonl", "dataset pairs --out OUT"),
    ("csv", "labels export OUT"),
    ("json", "labels export OUT"),
    ("jsonl", "labels export OUT"),
    ("", "labels stats"),
    ("", "labels verify"),
    ("", "doctor"),
)


@pytest.mark.parametrize("with_backup", [False, True])
@pytest.mark.parametrize(("ending", "verb"), READERS)
def test_damage_in_any_table_is_noticed_by_all_who_read_labels(
    workspace: Workspace, hash_encoder: object, call: Call, tmp_path: Path, ending: str, verb: str, with_backup: bool
) -> None:
    with LabelStore(workspace.labels) as store:
        for key in ("q1", "q2", "qv"):
            said = [*match(f"{key}-c1"), *no_match(f"{key}-c2")]
            store.record("ada", Verb.ACCEPT, q(key), said, ActionDetails(closes=True))
    assert call("--home", workspace.home, "--quiet", "index").code == 0
    if with_backup:
        backup(workspace.labels, workspace.backups)
    _damage_events(workspace.labels)
    (tmp_path / "pairs.csv").write_text("query_id,candidate_id\nq1,q1-c1\n")
    words = {"OUT": tmp_path / f"out.{ending}", "PAIRS": tmp_path / "pairs.csv"}
    answer = call("--home", workspace.home, *(words.get(word, word) for word in verb.split()))
    told = answer.err + answer.out
    assert answer.code == 1
    assert "labels.db is damaged" in told
    assert ("samesku labels restore latest" in told) == with_backup
    assert not (tmp_path / f"out.{ending}").exists()


def _damage_events(path: Path) -> None:
    """Overwrite the pages of the events, which no consensus of labels is read from."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def test_a_backup_is_restored_by_the_name_that_the_list_shows(labelled: Workspace, call: Call, tmp_path: Path) -> None:
    assert call("labels", "backup", "--home", labelled.home).code == 0
    (made,) = labelled.backups.glob("labels-*.db")
    assert made.name in call("labels", "backups", "--home", labelled.home).out
    answer = call("labels", "restore", made.name, "--home", labelled.home)
    assert answer.code == 0, answer.err
    assert f"restored from {made}" in answer.out.replace("\n", "")
    missing = call("labels", "restore", "labels-20200101T000000Z-1.db", "--home", labelled.home)
    assert "There is no labels file at labels-20200101T000000Z-1.db" in missing.err.replace("\n", " ")
