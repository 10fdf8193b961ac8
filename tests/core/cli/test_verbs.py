"""The verbs, end to end on small files."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import HashEncoder, match, no_match, q, write_catalogue

from core.workspace import Workspace
from labels.model import Verb
from labels.store import LabelStore

Call = Callable[..., object]


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    """Two answered queries."""
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), [*match("q1-c1"), *no_match("q1-c2")], closes=True)
        store.record("ada", Verb.ACCEPT, q("qv"), match("qv-c1"), closes=True)
    return workspace


# -- import --------------------------------------------------------------------------------------------------

PRODUCTS_CSV = """\
sku,name,maker,price
w1,Canon T6,Canon,$449.00
,No id,,1
w2,,Sony,1
w1,Twice,,1
w3,Bad price,,cheap
w4,"Quoted, with comma",,
"""


def test_products_come_in_with_what_was_left_out_on_a_list(tmp_path: Path, call: Call) -> None:
    file = tmp_path / "walmart.csv"
    file.write_text(PRODUCTS_CSV)
    given = ["import", "products", file, "--source", "walmart", "--role", "query", "--home", tmp_path / "home"]
    given += ["--map", "id=sku", "--map", "title=name", "--map", "brand=maker"]
    first = call(*given, "--json").json
    assert (first["source"], first["role"], first["added"]) == ("walmart", "query", 2)
    assert sum(first["rejected"].values()) == 4
    with Path(first["rejects_file"]).open(newline="") as lines:
        rejects = list(csv.DictReader(lines))
    assert len(rejects) == 4
    again = call(*given, "--json").json
    assert (again["added"], again["unchanged"]) == (0, 2)
    assert "4 rows left out" in call(*given).out


@pytest.mark.parametrize("source", ["x/../../../outside", "/outside", "..", "x" * 300, "ö/ü", "a\\b"])
def test_no_source_leads_the_list_of_rejected_rows_out_of_the_reports(tmp_path: Path, call: Call, source: str) -> None:
    (tmp_path / "list.csv").write_text("id,title\n1,Camera\n2,\n")
    home = tmp_path / "a" / "home"
    answer = call("--home", home, "--json", "import", "products", tmp_path / "list.csv", f"--source={source}")
    assert answer.code == 0, answer.err
    (rejects,) = (home / "reports").iterdir()
    assert answer.json["rejects_file"] == str(rejects)
    assert {path.name for path in tmp_path.iterdir()} == {"list.csv", "a"}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["home"]


def test_a_dry_run_of_products_makes_nothing(tmp_path: Path, call: Call) -> None:
    file, home = tmp_path / "walmart.csv", tmp_path / "home"
    file.write_text(PRODUCTS_CSV)
    given = [
        "import",
        "products",
        file,
        "--source",
        "walmart",
        "--map",
        "title=name",
        "--home",
        home,
        "--map",
        "id=sku",
    ]
    told = call(*given, "--dry-run", "--json").json
    assert (told["added"], sum(told["rejected"].values()), told["rejects_file"]) == (2, 4, None)
    assert told["role_before"] is None
    assert not home.exists()
    call(*given)
    answer = call(*given, "--dry-run", "--role", "query", "--change-role")
    assert "Nothing was changed" in answer.out
    assert "0 new, 0 changed, 2 as before" in answer.out
    assert call(*given, "--dry-run", "--json").json["role_before"] == "catalog"


def test_a_mapping_must_be_an_assignment(tmp_path: Path, call: Call) -> None:
    (tmp_path / "a.csv").write_text(PRODUCTS_CSV)
    answer = call("import", "products", tmp_path / "a.csv", "--source", "x", "--map", "id", "--home", tmp_path)
    assert (answer.code, "there is no =" in answer.err) == (1, True)


@pytest.fixture
def labels_csv(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("ltable_id,rtable_id,label\nq1,q1-c1,1\nq1,q1-c2,0\nqv,qv-c1,1\n")
    return path


@pytest.mark.parametrize("verb", [("import", "labels"), ("labels", "import")])
def test_labels_come_in_by_the_name_given(
    workspace: Workspace, labels_csv: Path, call: Call, verb: tuple[str, str]
) -> None:
    answer = call(*verb, labels_csv, "--as", "eve", "--home", workspace.home, "--json")
    assert answer.json == {"written": 3, "repeated": 0, "validation": 1, "shared_queries": 0}
    with LabelStore(workspace.labels) as store:
        assert {d.annotator for d in store.decisions()} == {"eve"}


def test_a_dry_run_of_labels_changes_nothing(workspace: Workspace, labels_csv: Path, call: Call) -> None:
    given = [labels_csv, "--as", "eve", "--home", workspace.home]
    told = call("labels", "import", *given, "--dry-run", "--json").json
    assert told == {"written": 3, "repeated": 0, "validation": 1, "shared_queries": 0}
    with LabelStore(workspace.labels) as store:
        assert store.decisions() == []
    assert call("labels", "import", *given, "--json").json == told
    assert "3 were known already" in call("labels", "import", *given, "--dry-run").out


def test_labels_of_unknown_products_are_refused_as_a_whole(workspace: Workspace, labels_csv: Path, call: Call) -> None:
    with labels_csv.open("a") as file:
        file.write("q1,nope,1\n")
    answer = call("import", "labels", labels_csv, "--home", workspace.home)
    assert (answer.code, "amazon nope first" in answer.err) == (1, True)
    with LabelStore(workspace.labels) as store:
        assert store.decisions() == []


def test_the_benchmark_comes_in_whole(shared_data: Path, tmp_path: Path, call: Call) -> None:
    answer = call(
        "import", "walmart-amazon", shared_data / "walmart_amazon", "--labels", "--home", tmp_path, "--json", "--quiet"
    ).json
    assert {s["source"]: s["added"] for s in answer["sources"]} == {"walmart": 2554, "amazon": 22074}
    train, valid = answer["labels"]["train.csv"], answer["labels"]["valid.csv"]
    # 6,144 and 2,049 lines, of which two in each file stand twice.
    assert (train["written"], train["validation"]) == (6142, 0)
    assert (valid["written"], valid["validation"]) == (2047, 2047)
    assert valid["shared_queries"] > 0
    stats = call("labels", "stats", "--home", tmp_path, "--json").json
    assert (stats["matches"], stats["training_pairs"], stats["validation_pairs"]) == (769, 6142, 2047)
    assert stats["annotators"] == {"benchmark": 8189}


# -- labels --------------------------------------------------------------------------------------------------


def test_statistics_count_and_are_printed_for_people_too(labelled: Workspace, call: Call) -> None:
    stats = call("labels", "stats", "--home", labelled.home, "--json").json
    assert (stats["matches"], stats["non_matches"], stats["validation_pairs"]) == (2, 1, 1)
    assert "decisions by ada" in call("labels", "stats", "--home", labelled.home).out


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ([], ["q1,q1-c1,1", "q1,q1-c2,0", "qv,qv-c1,1"]),
        (["--side", "train"], ["q1,q1-c1,1", "q1,q1-c2,0"]),
        (["--side", "validation"], ["qv,qv-c1,1"]),
    ],
)
def test_labels_are_exported(
    labelled: Workspace, tmp_path: Path, call: Call, options: list[str], lines: list[str]
) -> None:
    answer = call("labels", "export", tmp_path / "out.csv", *options, "--home", labelled.home, "--json")
    assert answer.json == {"rows": len(lines), "what": "labels", "file": str(tmp_path / "out.csv")}
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == lines


def test_every_event_is_exported(labelled: Workspace, tmp_path: Path, call: Call) -> None:
    assert call("labels", "export", tmp_path / "e.jsonl", "--home", labelled.home, "--json").json["rows"] == 3
    records = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert [record["kind"] for record in records] == ["ledger", "validation", "draw", *["event"] * 3]
    assert [record["seq"] for record in records[3:]] == [1, 2, 3]


@pytest.mark.parametrize("given", [["out.txt"], ["out.jsonl", "--side", "train"], ["out.csv", "--side", "test"]])
def test_an_export_that_is_not_clear_is_refused(labelled: Workspace, call: Call, given: list[str]) -> None:
    answer = call("labels", "export", *given, "--home", labelled.home)
    assert answer.code == 1
    assert answer.err.startswith("Error: ")


def test_a_check_ends_with_1_where_something_is_wrong(labelled: Workspace, call: Call) -> None:
    sound = call("labels", "verify", "--home", labelled.home, "--json")
    assert (sound.code, sound.json) == (0, {"ok": True, "events": 3, "problems": []})
    with LabelStore(labelled.labels) as store:
        store.connection.execute("DELETE FROM current")
    broken = call("labels", "verify", "--home", labelled.home, "--json")
    assert (broken.code, broken.json["ok"]) == (1, False)
    assert "✗ the projection 'current'" in call("labels", "verify", "--home", labelled.home).out


# -- models, jobs, doctor ------------------------------------------------------------------------------------


def test_doctor_finds_a_damaged_ledger_and_goes_on(labelled: Workspace, call: Call) -> None:
    facts = call("doctor", "--home", labelled.home, "--json").json
    assert (facts["labels"], facts["catalogue"], facts["settings"]) == ("3 events, all well", "yes", "fine")
    labelled.labels.write_bytes(b"nonsense" * 200)
    broken = call("doctor", "--home", labelled.home, "--json")
    assert (broken.code, "damaged or not a labels file" in broken.json["problem"]) == (1, True)


def test_doctor_makes_no_workspace(tmp_path: Path, call: Call) -> None:
    assert call("doctor", "--home", tmp_path / "none", "--json").json["catalogue"] == "none yet"
    assert not (tmp_path / "none").exists()


def test_a_detached_retrain_is_a_job_with_its_settings(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("core.jobs.board.Jobs.start", lambda _, home, arguments: started.append(arguments) or "j1")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("rank = 8\n")
    given = ["--recipe", recipe, "--set", "epochs=2", "--set", "search.k=5", "--home", workspace.home, "--detach"]
    assert call("retrain", *given, "--json").json == {"job": "j1"}
    assert started == [
        ["retrain", "--set", "retrain.rank=8", "--set", "retrain.epochs=2", "--set", "search.k=5"]
    ]  # fmt: skip
    assert call("retrain", *given, "--set", "epochs=0").code == 1
    assert len(started) == 1


def test_only_leads_change_what_a_retrain_may_put_in_use(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("core.jobs.board.Jobs.start", lambda _, home, arguments: started.append(arguments) or "j1")
    workspace.settings.write_text('[people]\nleads = ["lea"]\n[retrain]\npromote = "never"\n')
    given = ["retrain", "--home", workspace.home, "--detach"]
    assert call(*given, "--as", "mia").code == 0
    refused = call(*given, "--as", "mia", "--set", "promote=better")
    assert refused.code == 1
    assert "Only leads change what a retrain may put in use." in refused.err
    assert call(*given, "--as", "lea", "--set", "promote=better").code == 0
    assert len(started) == 2


# -- with an encoder -----------------------------------------------------------------------------------------


@pytest.fixture
def indexed(tmp_path: Path, hash_encoder: HashEncoder, call: Call) -> Workspace:
    """A catalogue, indexed by the verb."""
    workspace = write_catalogue(tmp_path / "home")
    report = call("index", "--home", workspace.home, "--json", "--quiet").json
    assert (report["queries"], report["products"], report["unchanged"]) == (5, 16, False)
    return workspace


def test_an_index_run_tells_its_progress_beside_the_answer(indexed: Workspace, call: Call) -> None:
    again = call("index", "--home", indexed.home)
    assert "nothing had changed" in again.out
    changed = call("index", "--home", indexed.home, "--json")
    assert changed.json["unchanged"] is True


@pytest.mark.parametrize(("k", "rows"), [(1, 5), (10, 50)])
def test_matches_are_written(indexed: Workspace, tmp_path: Path, call: Call, k: int, rows: int) -> None:
    out = tmp_path / "matches.csv"
    assert call("match", "--k", str(k), "--out", out, "--home", indexed.home, "--json").json["rows"] == rows
    with out.open(newline="") as lines:
        found = list(csv.DictReader(lines))
    assert found[0]["candidate_id"] == "q1-c1"
    assert {row["rank"] for row in found} == {str(rank) for rank in range(1, k + 1)}


def test_matches_as_json_come_with_reasons(indexed: Workspace, call: Call) -> None:
    every = call("match", "--k", "2", "--home", indexed.home, "--json").json
    assert every["rows"] == len(every["matches"]) == 10
    told = call("match", "--k", "2", "--query", "q1", "--home", indexed.home, "--json").json["matches"]
    assert [(row["query_id"], row["rank"]) for row in told] == [("q1", 1), ("q1", 2)]
    for row in told:
        reasons = [*row["reasons"]["for"], *row["reasons"]["against"]]
        assert reasons
        assert all(reason["text"] and reason["direction"] in {"for", "against"} for reason in reasons)


def test_one_querys_candidates_are_shown_with_their_reasons(indexed: Workspace, call: Call) -> None:
    shown = call("match", "--k", "2", "--query", "q1", "--home", indexed.home).out
    rows = call("match", "--k", "2", "--query", "q1", "--home", indexed.home, "--json").json["matches"]
    for row in rows:
        assert f"{row['rank']}. {row['candidate_id']}: " in shown
        assert row["title"] in shown
        for reason in (*row["reasons"]["for"], *row["reasons"]["against"]):
            assert f"{reason['contribution']:+.1f} {reason['text']}" in shown


def test_a_query_without_candidates_is_named(indexed: Workspace, call: Call) -> None:
    answer = call("match", "--query", "nosuch", "--home", indexed.home, "--json")
    assert answer.code == 1
    assert "There is no query nosuch" in answer.err


def test_matches_must_go_somewhere(indexed: Workspace, call: Call) -> None:
    answer = call("match", "--home", indexed.home)
    assert answer.code == 2
    assert "--out" in answer.err


def test_given_pairs_are_scored_in_their_order(indexed: Workspace, tmp_path: Path, call: Call) -> None:
    pairs, out = tmp_path / "pairs.csv", tmp_path / "scored.csv"
    pairs.write_text("query_id,candidate_id\nq2,q1-c1\nq1,x1\nq1,q1-c1\n")
    assert call("score", pairs, "--out", out, "--home", indexed.home, "--json", "--quiet").json["rows"] == 3
    with out.open(newline="") as lines:
        found = list(csv.DictReader(lines))
    assert [(row["query_id"], row["candidate_id"]) for row in found] == [("q2", "q1-c1"), ("q1", "x1"), ("q1", "q1-c1")]
    # The same text twice, and so the same vector.
    assert (float(found[2]["similarity"]), found[2]["rank"], found[2]["band"]) == (pytest.approx(1), "1", "high")
    assert found[1]["rank"] == "2"


def test_pairs_are_evaluated_with_a_threshold_from_elsewhere(indexed: Workspace, tmp_path: Path, call: Call) -> None:
    pairs = tmp_path / "valid.csv"
    pairs.write_text("ltable_id,rtable_id,label\nq1,q1-c1,1\nq2,q2-c1,1\nq1,x1,0\nq2,q1-c2,0\n")
    found = call("evaluate", "--pairs", pairs, "--home", indexed.home, "--json", "--quiet").json
    names = ("f1", "precision", "recall", "average_precision", "pairs")
    assert [found[name] for name in names] == [1, 1, 1, 1, 4]
    assert (found["threshold"], found["threshold_from"]) == (0.5, "0 training labels")
    assert 0 <= found["ece"] <= 1


def test_an_unknown_id_cannot_be_scored(indexed: Workspace, tmp_path: Path, call: Call) -> None:
    (tmp_path / "pairs.csv").write_text("q1,nope\n")
    answer = call("score", tmp_path / "pairs.csv", "--out", tmp_path / "o.csv", "--home", indexed.home)
    assert (answer.code, "line 1: there is no candidate nope in the catalogue" in answer.err) == (1, True)


@pytest.mark.slow
def test_matches_are_evaluated_by_every_ranking(indexed: Workspace, tmp_path: Path, call: Call) -> None:
    (tmp_path / "gold.csv").write_text("query_id,candidate_id\nq1,q1-c1\nq2,q2-c1\n")
    found = call("evaluate", "--matches", tmp_path / "gold.csv", "--home", indexed.home, "--json", "--quiet").json
    names = ("hit@1", "hit@5", "hit@10", "mrr@10", "recall@10", "queries")
    assert [found[name] for name in names] == [1, 1, 1, 1, 1, 2]
    assert found["encoder"]["hit@1"] == found["ir"]["accuracy@1"] == 1
    assert found["ir"]["mrr@10"] == found["encoder"]["mrr@10"]
