"""`samesku labels export`, `import`, `merge` and `samesku dataset`, end to end."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from samples import match, no_match, q, write_catalogue

from core.workspace import Workspace
from labels.model import ActionDetails, Verb
from labels.store import LabelStore

Call = Callable[..., object]


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    """Two answered queries, one of them for validation, and a comment."""
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), [*match("q1-c1"), *no_match("q1-c2")], ActionDetails(closes=True))
        store.record("bob", Verb.ACCEPT, q("qv"), match("qv-c1"), ActionDetails(closes=True))
        store.record("bob", Verb.COMMENT, q("qv"), details=ActionDetails(text="a rare colour"))
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
    assert (wrong.code, "have side, sources and columns of their own" in wrong.err) == (1, True)


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
    expected = {"written": 3, "repeated": 0, "validation": 1, "shared_queries": 0, "rejected": {}}
    assert {name: answer.json[name] for name in expected} == expected
    stats = call("labels", "stats", "--home", other.home, "--json").json
    assert stats["annotators"] == {"ada": 2, "bob": 1}


def test_a_task_about_an_unknown_product_is_refused(other: Workspace, tmp_path: Path, call: Call) -> None:
    (tmp_path / "e.jsonl").write_text(
        json.dumps({"answer": "accept", "meta": {"query_id": "nope", "candidate_id": "q1-c1"}})
    )
    answer = call("labels", "import", tmp_path / "e.jsonl", "--home", other.home)
    assert (answer.code, "product not in the catalogue" in answer.err) == (1, True)


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
    assert (answer.code, "has no labels" in answer.err) == (1, True)


@pytest.mark.parametrize(("kind", "rows"), [("triplets", 3), ("pairs", 2)])
def test_training_data_is_written(labelled: Workspace, tmp_path: Path, call: Call, kind: str, rows: int) -> None:
    out = tmp_path / f"{kind}.jsonl"
    answer = call("dataset", kind, "--out", out, "--home", labelled.home, "--json").json
    assert len(out.read_text().splitlines()) == answer["rows"] <= rows
    assert answer["held_out"] == 0
    assert f"{answer['rows']} {kind} in" in call("dataset", kind, "--out", out, "--home", labelled.home).out


ROWS = [
    {"query_id": "q1", "candidate_id": "q1-c1", "label": 1},
    {"query_id": "q1", "candidate_id": "q1-c2", "label": 0},
]


def as_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path)


def as_workbook(path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (list(ROWS[0]), *(list(each.values()) for each in ROWS)):
        book.active.append(row)
    book.save(path)


def as_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE l (id_left, id_right, label)")
        db.executemany("INSERT INTO l VALUES (?, ?, ?)", [tuple(row.values()) for row in ROWS])
        db.commit()


def as_json_lines(path: Path) -> None:
    path.write_text("\n".join(map(json.dumps, ROWS)))


def as_tsv(path: Path) -> None:
    path.write_bytes("left\tright\tmatch\nq1\tq1-c1\tTrue\nq1\tq1-c2\tFalse\n".encode("utf-16"))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("l.parquet", as_parquet), ("l.xlsx", as_workbook), ("l.db", as_database), ("l.jsonl", as_json_lines),
        ("l.tsv", as_tsv),
    ],
)  # fmt: skip
def test_labels_come_in_from_every_format_that_products_do(
    workspace: Workspace, tmp_path: Path, call: Call, name: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / name)
    answer = call("labels", "import", tmp_path / name, "--as", "eve", "--home", workspace.home, "--json")
    assert (answer.json["written"], answer.json["rejected"]) == (2, {})
    with LabelStore(workspace.labels) as store:
        assert {d.pair.candidate.id: d.decision.value for d in store.decisions()} == {
            "q1-c1": "match", "q1-c2": "no_match",
        }  # fmt: skip


def test_label_studios_short_json_comes_in_under_its_names(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    path = tmp_path / "min.json"
    tasks = [
        {"query_id": "q1", "candidate_id": "q1-c1", "query": "a", "candidate": "b", "side": "train", "id": 1,
         "decision": "match", "annotator": 7, "annotation_id": 3, "created_at": "2026-01-02T03:04:05.000Z"},
        {"query_id": "q1", "candidate_id": "q1-c2", "id": 2, "decision": "no_match", "annotator": "ada"},
        {"query_id": "q1", "candidate_id": "q1-c3", "id": 3, "decision": "unsure", "annotator": 7},
    ]  # fmt: skip
    path.write_text(json.dumps(tasks))
    assert call("labels", "import", path, "--home", workspace.home, "--json").json["written"] == 3
    with LabelStore(workspace.labels) as store:
        assert {(d.annotator, d.decision.value) for d in store.decisions()} == {
            ("user-7", "match"), ("ada", "no_match"), ("user-7", "unsure"),
        }  # fmt: skip


def test_columns_of_labels_are_named_on_the_command_line(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    path = tmp_path / "l.csv"
    path.write_text("ours,theirs,opinion\nq1,q1-c1,ja\n")
    refused = call("labels", "import", path, "--home", workspace.home)
    assert (refused.code, "--map query_id=COLUMN" in " ".join(refused.err.split())) == (1, True)
    named = ["--map", "query_id=ours", "--map", "candidate_id=theirs", "--map", "label=opinion"]
    assert call("labels", "import", path, *named, "--home", workspace.home, "--json").json["written"] == 1


def test_ids_of_labels_follow_the_rule_of_products(tmp_path: Path, call: Call) -> None:
    home = tmp_path / "home"
    (tmp_path / "q.csv").write_text("id,title\n12345.0,a\n")
    (tmp_path / "c.csv").write_text("id,title\n777,b\n778,c\n")
    call("import", "products", tmp_path / "q.csv", "--source", "walmart", "--role", "query", "--home", home)
    call("import", "products", tmp_path / "c.csv", "--source", "amazon", "--home", home)
    (tmp_path / "l.csv").write_text("query_id,candidate_id,label\n12345,777.0,1\n")
    (tmp_path / "p.jsonl").write_text(
        json.dumps({"answer": "reject", "meta": {"query_id": 12345.0, "candidate_id": "778.0"}})
    )
    for name in ("l.csv", "p.jsonl"):
        assert call("labels", "import", tmp_path / name, "--home", home, "--json").json["written"] == 1
