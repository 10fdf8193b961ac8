"""`samesku labels export`, `import`, `merge` and `samesku dataset`, end to end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import match, no_match, q, write_catalogue

from core.workspace import Workspace
from labels.model import Verb
from labels.store import LabelStore

Call = Callable[..., object]


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    """Two answered queries, one of them for validation, and a comment."""
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), [*match("q1-c1"), *no_match("q1-c2")], closes=True)
        store.record("bob", Verb.ACCEPT, q("qv"), match("qv-c1"), closes=True)
        store.record("bob", Verb.COMMENT, q("qv"), text="a rare colour")
    return workspace


@pytest.fixture
def other(tmp_path: Path) -> Workspace:
    """The same catalogue, and no labels."""
    return write_catalogue(tmp_path / "other")


@pytest.mark.parametrize("name", ["events.jsonl", "events.parquet"])
def test_a_ledger_moves_to_another_workspace(
    labelled: Workspace, other: Workspace, tmp_path: Path, call: Call, name: str
) -> None:
    assert call("labels", "export", tmp_path / name, "--home", labelled.home, "--json").json["rows"] == 4
    given = ["labels", "import", tmp_path / name, "--home", other.home]
    assert call(*given, "--dry-run", "--json").json["events"] == 4
    assert call(*given, "--json").json == {
        "events": 4, "known": 0, "validation": 1, "audits": 0, "judging": 0, "left": 0,
    }  # fmt: skip
    assert "0 new events; 4 were known already." in call(*given).out
    assert call("labels", "verify", "--home", other.home, "--json").json["ok"] is True
    wrong = call(*given, "--split", "train")
    assert (wrong.code, "say all of this themselves" in wrong.err) == (1, True)


@pytest.mark.parametrize("what", ["home", "labels"])
def test_workspaces_are_merged(labelled: Workspace, other: Workspace, call: Call, what: str) -> None:
    given = ["labels", "merge", getattr(labelled, what), "--home", other.home, "--json"]
    assert [call(*given).json["events"] for _ in range(2)] == [4, 0]
    missing = call("labels", "merge", other.home / "nowhere", "--home", other.home)
    assert (missing.code, "There is no labels file" in missing.err) == (1, True)


@pytest.mark.parametrize(("name", "options"), [("e.jsonl", ["--format", "prodigy"]), ("tasks.json", [])])
def test_other_programs_answers_come_in_under_their_names(
    labelled: Workspace, other: Workspace, tmp_path: Path, call: Call, name: str, options: list[str]
) -> None:
    assert call("labels", "export", tmp_path / name, *options, "--home", labelled.home, "--json").json["rows"] == 3
    assert "Canon EOS Rebel" in (tmp_path / name).read_text()
    answer = call("labels", "import", tmp_path / name, "--home", other.home, "--as", "eve", "--json")
    assert answer.json == {"written": 3, "repeated": 0, "validation": 1, "shared_queries": 0}
    stats = call("labels", "stats", "--home", other.home, "--json").json
    assert stats["annotators"] == {"ada": 2, "bob": 1}


def test_a_task_about_an_unknown_product_is_refused(other: Workspace, tmp_path: Path, call: Call) -> None:
    (tmp_path / "e.jsonl").write_text(
        json.dumps({"answer": "accept", "meta": {"query_id": "nope", "candidate_id": "q1-c1"}})
    )
    answer = call("labels", "import", tmp_path / "e.jsonl", "--home", other.home)
    assert (answer.code, "walmart nope first" in answer.err) == (1, True)


def test_names_and_comments_stay_at_home(labelled: Workspace, tmp_path: Path, call: Call) -> None:
    given = ["labels", "export", tmp_path / "e.jsonl", "--home", labelled.home]
    call(*given, "--pseudonyms")
    text = (tmp_path / "e.jsonl").read_text()
    assert not any(name in text for name in ('"ada"', '"bob"'))
    assert "a rare colour" in text
    call(*given, "--no-comments")
    text = (tmp_path / "e.jsonl").read_text()
    assert '"bob"' in text
    assert "a rare colour" not in text
    assert labelled.pseudonyms.stat().st_mode & 0o077 == 0


def test_the_configuration_for_label_studio_is_a_file(labelled: Workspace, tmp_path: Path, call: Call) -> None:
    assert call("labels", "export", tmp_path / "config.xml", "--home", labelled.home).code == 0
    assert "<Choices" in (tmp_path / "config.xml").read_text()
    answer = call("labels", "import", tmp_path / "config.xml", "--home", labelled.home)
    assert (answer.code, "holds no labels" in answer.err) == (1, True)


@pytest.mark.parametrize(("kind", "rows"), [("triplets", 3), ("pairs", 2)])
def test_training_data_is_written(labelled: Workspace, tmp_path: Path, call: Call, kind: str, rows: int) -> None:
    out = tmp_path / f"{kind}.jsonl"
    answer = call("dataset", kind, "--out", out, "--home", labelled.home, "--json").json
    assert len(out.read_text().splitlines()) == answer["rows"] <= rows
    assert answer["held_out"] == 0
    assert f"{answer['rows']} {kind} in" in call("dataset", kind, "--out", out, "--home", labelled.home).out
