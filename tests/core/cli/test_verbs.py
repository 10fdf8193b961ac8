"""The verbs, end to end on small files."""

import csv
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from samples import PRODUCTS, HashEncoder, match, no_match, q, write_catalogue

from core.catalog.pair_table import DECISION_WORDS, decision_of
from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.matching import auto_decisions
from core.retrieval.encoder_registry import ModelCard, Registry
from core.settings import Settings
from core.workspace import Workspace
from labels.model import ActionDetails, Decision, Verb
from labels.store import LabelStore

Call = Callable[..., object]


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    """Two answered queries."""
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), [*match("q1-c1"), *no_match("q1-c2")], ActionDetails(closes=True))
        store.record("ada", Verb.ACCEPT, q("qv"), match("qv-c1"), ActionDetails(closes=True))
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
    assert (first["source"], first["role"], first["added"]) == ("walmart", "query", 3)
    assert sum(first["rejected"].values()) == 3
    assert first["prices"]["unknown"] == 1
    assert "1 row with an unreadable price, such as 'cheap': the price is left unknown." in first["remarks"]
    with Path(first["rejects_file"]).open(newline="") as lines:
        rejects = list(csv.DictReader(lines))
    assert len(rejects) == 3
    again = call(*given, "--json").json
    assert (again["added"], again["unchanged"]) == (0, 3)
    told = call(*given).out
    assert "3 rows skipped" in told
    assert "such as 'cheap'" in told


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_import_tells_which_trade_item_numbers_are_unusable_and_where(
    tmp_path: Path, call: Call, dry: list[str]
) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("id,title,upc\na,A,36000291452\nb,B,3.80005E+10\nc,C,999999999999\nd,D,0036000291452\n")
    given = ["import", "products", file, "--source", "x", "--home", tmp_path / "home", *dry]
    said = call(*given).out
    assert "  GTINs: 1 valid, 1 repaired, 2 unusable (left unknown)\n" in said
    assert "    1 rounded by a spreadsheet (line 3, b: 3.80005E+10)\n" in said
    gtins = call(*given, "--json").json["gtins"]
    assert (gtins["valid"], gtins["repaired"]) == (1, 1)
    assert gtins["unusable"]["placeholder"] == {
        "count": 1, "examples": [{"line": 4, "id": "c", "text": "999999999999"}],
    }  # fmt: skip


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
    assert (told["added"], sum(told["rejected"].values()), told["rejects_file"]) == (3, 3, None)
    assert told["role_before"] is None
    assert not home.exists()
    call(*given)
    answer = call(*given, "--dry-run", "--role", "query", "--change-role")
    assert "Nothing was changed" in answer.out
    assert "0 new, 0 changed, 3 as before" in answer.out
    assert call(*given, "--dry-run", "--json").json["role_before"] == "catalog"


@pytest.mark.parametrize(
    ("content", "says"), [("id,title\n1,\n,b\n", "2 rows were skipped"), ("id,title\n", "no rows")]
)
@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_file_that_gives_no_product_is_an_error(
    tmp_path: Path, call: Call, content: str, says: str, options: list[str]
) -> None:
    (tmp_path / "a.csv").write_text(content)
    answer = call("import", "products", tmp_path / "a.csv", "--source", "x", "--home", tmp_path / "h", *options)
    assert (answer.code, says in answer.err) == (1, True)
    assert "Nothing came in for x" in answer.err


@pytest.mark.parametrize(
    "verb",
    [
        "import products none.csv --source x",
        "import products empty.csv --source x",
        "import products no-title.csv --source x",
        "import products no-columns.csv --source x --map title=nowhere",
        "import walmart-amazon none",
        "labels import none.csv",
        "labels backup",
        "labels export out.csv",
        "labels stats",
        "index",
        "jobs list",
    ],
)
@pytest.mark.parametrize("exists", [False, True])
def test_a_verb_that_fails_leaves_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call, verb: str, exists: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.csv").write_text("id,title\n")
    Path("no-title.csv").write_text("id,weight\n1,2\n")
    Path("no-columns.csv").write_text("id,title\n1,2\n")
    home = tmp_path / "some" / "home"
    if exists:
        home.mkdir(parents=True)
    assert call("--home", home, *verb.split()).code == 1
    assert (tmp_path / "some").exists() == exists
    assert not exists or list(home.iterdir()) == []


def test_the_advice_on_labels_of_validation_queries_can_be_followed(
    workspace: Workspace, tmp_path: Path, call: Call
) -> None:
    with LabelStore(workspace.labels) as store:
        store.draw_validation([q("q1")], seed=1)
    for name, row in (("tableA", "9,a tv"), ("tableB", "9,a tv")):
        (tmp_path / f"{name}.csv").write_text(f"id,title\n{row}\nq1,x\nq1-c1,y\n")
    (tmp_path / "train.csv").write_text("ltable_id,rtable_id,label\nq1,q1-c1,1\n")
    (tmp_path / "valid.csv").write_text("ltable_id,rtable_id,label\n9,9,1\n")
    refused = call("import", "walmart-amazon", tmp_path, "--labels", "--home", workspace.home)
    assert refused.code == 1
    assert "samesku labels import FILE --split auto" in " ".join(refused.err.split())
    taken = call("labels", "import", tmp_path / "train.csv", "--split", "auto", "--home", workspace.home, "--json")
    assert taken.json["validation"] == 1


def test_a_sheet_of_a_workbook_comes_in(tmp_path: Path, call: Call) -> None:
    book = openpyxl.Workbook()
    book.active.append(["nothing of interest"])
    sheet = book.create_sheet("Price list")
    for row in (["sku", "Product Name", "Unit Price"], [12345.0, "a tv", 12.5]):
        sheet.append(row)
    book.save(tmp_path / "p.xlsx")
    given = ["import", "products", "--source", "x", "--home", tmp_path / "h", "--json"]
    assert call(*given, tmp_path / "p.xlsx", "--sheet", "price list").json["added"] == 1
    assert call(*given, tmp_path / "p.xlsx#Price list").json["unchanged"] == 1


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
    expected = {
        "written": 3, "repeated": 0, "validation": 1, "shared_queries": 0, "rejected": {}, "rejects_file": None,
        "first_faults": [],
    }  # fmt: skip
    assert {name: value for name, value in answer.json.items() if name not in {"columns", "unsure"}} == expected
    with LabelStore(workspace.labels) as store:
        assert {d.annotator for d in store.decisions()} == {"eve"}


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
@pytest.mark.parametrize(("rejected", "code"), [(2, 0), (3, 1)])
@pytest.mark.parametrize("what", ["products", "labels"])
def test_an_import_that_skips_most_rows_fails_and_keeps_the_others(
    workspace: Workspace, tmp_path: Path, call: Call, what: str, rejected: int, code: int, options: list[str]
) -> None:
    path = tmp_path / "rows.csv"
    if what == "products":
        path.write_text("id,title\n1,a tv\n2,a lamp\n" + ",lost\n" * rejected)
        verb = ["import", "products", path, "--source", "shop"]
    else:
        path.write_text("ltable_id,rtable_id,label\nq1,q1-c1,1\nq1,q1-c2,0\n" + "q1,lost,1\n" * rejected)
        verb = ["labels", "import", path]
    answer = call(*verb, *options, "--home", workspace.home)
    were, others = ("would be", "would be imported") if options else ("were", "are imported")
    assert answer.code == code
    assert (f"{were} skipped: 3 of 5" in answer.err) == (code == 1)
    assert (f"The other 2 {others}." in answer.err) == (code == 1)
    again = call(*verb, "--json", "--home", workspace.home).json
    kept = again["unchanged"] if what == "products" else again["repeated"]
    assert kept == (0 if options else 2)


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(
    "content", ["ltable_id,rtable_id,label\n", "ltable_id,rtable_id,label\nq1,lost,1\n", "no table"]
)
def test_a_dry_run_that_fails_says_nothing_but_the_error(
    workspace: Workspace, tmp_path: Path, call: Call, content: str, options: list[str]
) -> None:
    (tmp_path / "labels.csv").write_text(content)
    for verb in (
        ["labels", "import", tmp_path / "labels.csv"],
        ["labels", "import", tmp_path / "labels.jsonl"],
        ["import", "products", tmp_path / "none.csv", "--source", "shop"],
    ):
        answer = call(*verb, "--dry-run", "--home", workspace.home, *options)
        assert answer.code == 1
        assert "Error: " in answer.err
        assert "Nothing was changed" not in answer.out
        assert options or not answer.out


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_abstentions_are_counted_by_the_words_of_the_file(
    workspace: Workspace, tmp_path: Path, call: Call, options: list[str]
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("ltable_id,rtable_id,label\nq1,q1-c1,maybe\nq1,q1-c2,Maybe\nq2,q2-c1,?\nq2,q2-c2,0\nq3,lost,skip\n")
    given = ["labels", "import", path, "--home", workspace.home, *options]
    assert call(*given, "--json").json["unsure"] == {"maybe": 2, "?": 1}
    told = call(*given).out
    assert "3 rows were read as unsure, which neither trains nor evaluates: 2 'maybe', 1 '?'." in told


def test_abstentions_of_prodigy_are_counted(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    path = tmp_path / "prodigy.jsonl"
    meta = {"query_id": "q1", "candidate_id": "q1-c1"}
    path.write_text(json.dumps({"text": "x", "answer": "ignore", "meta": meta}) + "\n")
    told = call("labels", "import", path, "--home", workspace.home)
    assert "1 row was read as unsure, which neither trains nor evaluates: 1 'ignore'." in told.out


def test_a_malformed_task_costs_only_itself(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    path = tmp_path / "prodigy.jsonl"
    lines = [
        "{", json.dumps({"answer": "maybe [b]", "meta": {}}),
        *(json.dumps({"answer": "accept", "meta": {"query_id": "q1", "candidate_id": f"q1-c{n}"}}) for n in (1, 2)),
    ]  # fmt: skip
    path.write_text("\n".join(lines))
    dry = call("labels", "import", path, "--home", workspace.home, "--dry-run")
    assert "2 rows skipped: 2 no decision about a pair." in dry.out
    told = call("labels", "import", path, "--home", workspace.home)
    assert told.code == 0
    assert "2 labels, 0 of them for validation." in told.out
    assert "    line 1: this is not JSON" in told.out
    assert "    line 2: its answer must be accept, reject or ignore." in told.out
    listed = (workspace.reports / "rejects-labels-prodigy.csv").read_text()
    assert '\n2,"its answer must be accept, reject or ignore.",' in listed


def test_a_file_without_a_usable_task_is_refused_with_the_first_reasons(
    workspace: Workspace, tmp_path: Path, call: Call
) -> None:
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([{"data": {}, "annotations": []}] * 5))
    told = call("labels", "import", path, "--home", workspace.home)
    assert told.code == 1
    assert "Nothing was imported from" in told.err
    assert "5 no decision about a pair" in told.err
    assert "task 3: there is no query_id." in told.err
    assert "task 4" not in told.err


def test_the_documentation_lists_every_word_of_a_label() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "file-formats.md").read_text()
    table = page.split("| decision | words |")[1].split("\n\n")[0]
    for line in table.strip().splitlines()[1:]:
        name, listed = line.strip("| ").split(" | ")
        decision = Decision(name.replace(" ", "_"))
        words = re.split(r"[,;] ", listed)
        assert {decision_of(word) for word in words} == {decision}
        assert set(words) == {word for word, stands_for in DECISION_WORDS.items() if stands_for == decision}


def test_a_dry_run_of_labels_changes_nothing(workspace: Workspace, labels_csv: Path, call: Call) -> None:
    given = [labels_csv, "--as", "eve", "--home", workspace.home]
    told = call("labels", "import", *given, "--dry-run", "--json").json
    assert (told["written"], told["repeated"], told["validation"], told["rejected"]) == (3, 0, 1, {})
    with LabelStore(workspace.labels) as store:
        assert store.decisions() == []
    assert call("labels", "import", *given, "--json").json == told
    assert "3 were known already" in call("labels", "import", *given, "--dry-run").out


def test_labels_that_cannot_be_told_are_listed_and_stop_nothing(
    workspace: Workspace, labels_csv: Path, call: Call
) -> None:
    with labels_csv.open("a") as file:
        file.write("q1,nope,1\nq1,q1-c3,perhaps\n,q1-c1,1\nq2,q2-c3,1\nq2,q2-c3,0\n")
    answer = call("import", "labels", labels_csv, "--home", workspace.home, "--json")
    assert (answer.code, "Most rows of" in answer.err) == (1, True)
    assert (answer.json["written"], answer.json["rejected"]) == (
        3,
        {
            "product not in the catalogue": 1, "no label that is known": 1, "no two ids": 1,
            "the pair has both labels": 2,
        },
    )  # fmt: skip
    with Path(answer.json["rejects_file"]).open(newline="") as lines:
        listed = list(csv.reader(lines))
    assert [row[:2] for row in listed[1:3]] == [
        ["5", "product not in the catalogue"], ["6", "no label that is known"],
    ]  # fmt: skip
    with LabelStore(workspace.labels) as store:
        assert len(store.decisions()) == 3


def test_a_list_of_rejected_labels_comes_in_once_it_is_mended(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    path = tmp_path / "l.csv"
    path.write_text('query_id;candidate_id;label;note\nq1;q1-c1;1;"a; b"\nq1;q1-c3;perhaps;"c; d"\nq2;nope;0;e\n')
    answer = call("labels", "import", path, "--home", workspace.home, "--json")
    rejects = Path(answer.json["rejects_file"])
    assert rejects.read_text().splitlines() == [
        "rejected_line;rejected_reason;query_id;candidate_id;label;note",
        '3;no label that is known;q1;q1-c3;perhaps;"c; d"',
        "4;product not in the catalogue;q2;nope;0;e",
    ]
    mended = tmp_path / "l.csv"
    mended.write_text(rejects.read_text().replace("perhaps", "0"))
    again = call("labels", "import", mended, "--home", workspace.home, "--json").json
    assert (again["written"], again["rejected"]) == (1, {"product not in the catalogue": 1})
    assert again["columns"] == {"query_id": "query_id", "candidate_id": "candidate_id", "label": "label"}


def test_labels_of_which_none_came_in_are_an_error(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    path = tmp_path / "l.csv"
    path.write_text("query_id,candidate_id,label\nq1,nope,1\n")
    answer = call("labels", "import", path, "--home", workspace.home)
    assert answer.code == 1
    assert "Nothing was imported from" in answer.err
    assert "Import the products first." in answer.err


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
    found = call("doctor", "--home", tmp_path / "none", "--json").json
    assert (found["catalogue"], found["folder"]) == ("none yet", "does not exist; the first import makes it")
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


@pytest.mark.parametrize(("needed", "warned"), [(1, False), (2, True), (50, True)])
def test_a_retrain_that_cannot_promote_says_so_at_its_start(
    labelled: Workspace, monkeypatch: pytest.MonkeyPatch, call: Call, needed: int, warned: bool
) -> None:
    monkeypatch.setattr("core.jobs.board.Jobs.start", lambda *_: "j1")
    runs: list[str] = []

    def run(*_: object, **__: object) -> None:
        runs.append("run")
        raise CoreError("that is enough", "")

    monkeypatch.setattr("core.cli.retrain.run", run)
    for detach in ([], ["--detach"]):
        answer = call("retrain", "--set", f"min_queries={needed}", "--home", labelled.home, *detach)
        assert ("not promoted" in answer.err) == warned
        if warned:
            notice = answer.err.partition("Error: ")[0]
            fewer = f"{needed - 1} fewer than retrain.min_queries ({needed})"
            assert f"only 1 validation query has a known match, {fewer}" in notice
            # The one validation query of this workspace is answered.
            assert "validation.share" in notice or "lower retrain.min_queries" in notice
    assert runs == ["run"]


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
    assert "Only leads change retrain.promote." in refused.err
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


def test_an_index_run_after_an_import_says_how_much_it_did(indexed: Workspace, call: Call) -> None:
    def indexed_after(products: list[Product], *options: str) -> Any:
        with CatalogStore(indexed.catalog) as catalog:
            catalog.replace("amazon", "catalog", products, prune=True)
        return call("index", "--home", indexed.home, *options)

    retitled = [replace(PRODUCTS[0], title="Canon EOS Rebel T6 retitled"), *PRODUCTS[1:]]
    answer = indexed_after(retitled, "--json", "--quiet").json
    assert [answer[name] for name in ("full", "unchanged", "added", "changed", "removed")] == [False, False, 0, 1, 0]
    assert answer["updated"] > 0
    assert "17 products: 1 added; " in indexed_after([*retitled, Product("amazon", "new", "A new mouse")]).out
    drifted = indexed_after([*retitled[:-1], Product("amazon", "newer", "A newer mouse")], "--json", "--quiet").json
    assert (drifted["full"], drifted["added"]) == (True, 0), "a tenth of 21 listings have changed"
    assert "candidates by hash, features computed" in call("index", "--rebuild", "--home", indexed.home).out


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


def test_only_the_candidates_of_some_bands_are_written(indexed: Workspace, tmp_path: Path, call: Call) -> None:
    every = call("match", "--home", indexed.home, "--json").json["matches"]
    bands = {row["band"].removeprefix("prior:") for row in every}
    assert len(bands) > 1
    for band in sorted(bands):
        expected = [(row["query_id"], row["rank"]) for row in every if row["band"].endswith(band)]
        told = call("match", "--band", band, "--home", indexed.home, "--json").json["matches"]
        assert [(row["query_id"], row["rank"]) for row in told] == expected
        out = tmp_path / f"{band}.csv"
        assert call("match", "--band", band, "--out", out, "--home", indexed.home, "--json").json["rows"] == len(told)
    answer = call("match", "--band", "best", "--home", indexed.home, "--json")
    assert answer.code == 1
    assert "high, medium and low, also as prior:high" in answer.err
    high = call("match", "--band", "high", "--home", indexed.home, "--json").json["matches"]
    for name in ("prior:high", "cosine:high", " High "):
        assert call("match", "--band", name, "--home", indexed.home, "--json").json["matches"] == high
    (best,) = [row["band"] for row in every if (row["query_id"], row["rank"]) == ("q1", 1)]
    other = next(name for name in ("high", "medium", "low") if not best.endswith(name))
    nothing = call("match", "--band", other, "--query", "q1", "--k", "1", "--home", indexed.home)
    assert (nothing.code, nothing.out) == (0, "No candidate is in these bands.\n")
    assert call("match", "--band", "high", "--auto", "--home", indexed.home).code == 2


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
    with CatalogStore(indexed.catalog) as catalog:
        query = catalog.get(q("q1"))
    assert query is not None
    assert shown.splitlines()[0] == f"walmart q1: {query.title}"
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
    assert (float(found[2]["similarity"]), found[2]["rank"]) == (pytest.approx(1), "1")
    assert found[1]["rank"] == "2"
    assert {(row["probability"], row["band"].partition(":")[0]) for row in found} == {("", "prior")}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_without_labels_no_file_holds_a_probability_and_one_line_says_so(
    indexed: Workspace, tmp_path: Path, call: Call, ending: str
) -> None:
    pairs, out = tmp_path / "pairs.csv", tmp_path / f"out.{ending}"
    pairs.write_text("query_id,candidate_id\nq2,q1-c1\nq1,x1\n")
    for given in (["match", "--out", out], ["score", pairs, "--out", out]):
        answer = call(*given, "--home", indexed.home, "--json")
        assert (answer.json["calibrated"], answer.json["labels"]) == (False, 0)
        assert sum("Uncalibrated" in line for line in answer.err.splitlines()) == 1
        rows = _rows_of(out)
        assert rows
        assert {row["probability"] or None for row in rows} == {None}
        assert {row["band"] for row in rows} <= {"prior:high", "prior:medium", "prior:low"}
        # What was written names pairs for whatever reads pairs.
        if ending == "csv":
            again = call("score", out, "--out", tmp_path / "again.csv", "--home", indexed.home, "--json", "--quiet")
            assert (again.json["rows"], again.err) == (len(rows), "")


def _rows_of(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    text = path.read_text(encoding="utf-8")
    return (
        [json.loads(line) for line in text.splitlines()]
        if path.suffix == ".jsonl"
        else list(csv.DictReader(text.splitlines()))
    )


def test_without_labels_json_and_one_query_tell_no_probability(indexed: Workspace, call: Call) -> None:
    answer = call("match", "--query", "q1", "--home", indexed.home, "--json")
    assert {(row["probability"], row["band"].partition(":")[0]) for row in answer.json["matches"]} == {(None, "prior")}
    shown = call("match", "--query", "q1", "--home", indexed.home)
    assert "probability" not in shown.out
    assert "prior:" in shown.out
    assert "Uncalibrated" in shown.err


def test_few_labels_are_said_beside_probabilities(indexed: Workspace, tmp_path: Path, call: Call) -> None:
    with LabelStore(indexed.labels) as store:
        store.record(
            "ada", Verb.ACCEPT, q("q1"), [*match("q1-c1"), *no_match("x1", "q1-c2")], ActionDetails(closes=True)
        )
    call("index", "--home", indexed.home)
    answer = call("match", "--out", tmp_path / "out.csv", "--home", indexed.home, "--json")
    assert (answer.json["calibrated"], answer.json["labels"], answer.json["labelled_matches"]) == (True, 3, 1)
    assert "calibrated on 3 labelled pairs (1 match): rough" in answer.err
    assert all(row["probability"] and ":" not in row["band"] for row in _rows_of(tmp_path / "out.csv"))


def test_the_machine_says_why_it_decides_nothing(
    indexed: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LabelStore(indexed.labels) as store:
        store.record(
            "ada", Verb.ACCEPT, q("q1"), [*match("q1-c1"), *no_match("x1", "q1-c2")], ActionDetails(closes=True)
        )
    call("index", "--home", indexed.home)
    answer = call("match", "--auto", "--home", indexed.home)
    assert answer.code == 1
    assert "No band is certified. Band high: nothing audited;" in answer.err
    assert "samesku labels audit --draw 200" in answer.err
    monkeypatch.setattr(auto_decisions, "_certified_bands", lambda *_: set())
    answer = call("match", "--auto", "--home", indexed.home)
    assert answer.code == 0
    assert "The machine decided nothing: no open query has a candidate in a certified band." in answer.out
    assert "revoke" not in answer.out


@pytest.mark.parametrize(
    "verb", [["match"], ["score", "pairs.csv"], ["labels", "export"], ["dataset", "pairs"], ["cluster"]]
)
def test_an_excel_output_is_refused_with_the_endings_that_work(
    indexed: Workspace, tmp_path: Path, call: Call, verb: list[str]
) -> None:
    (tmp_path / "pairs.csv").write_text("query_id,candidate_id\nq1,q1-c1\n")
    out = tmp_path / "out.XLSX"
    given = [str(tmp_path / word) if word.endswith(".csv") else word for word in verb]
    answer = call(*given, *([] if "export" in verb else ["--out"]), out, "--home", indexed.home)
    assert answer.code == 1
    assert "out.XLSX: Excel workbooks are read, but not written." in answer.err
    assert ".jsonl" in answer.err
    assert not out.exists()


def test_the_machine_decides_nothing_on_bands_that_no_labels_stand_behind(indexed: Workspace, call: Call) -> None:
    answer = call("match", "--auto", "--home", indexed.home)
    assert (answer.code, "has no labels to learn from" in answer.err) == (1, True)
    assert call("labels", "stats", "--home", indexed.home, "--json").json["decisions"] == 0


def test_pairs_are_evaluated_with_a_threshold_from_elsewhere(indexed: Workspace, tmp_path: Path, call: Call) -> None:
    pairs = tmp_path / "valid.csv"
    pairs.write_text("ltable_id,rtable_id,label\nq1,q1-c1,1\nq2,q2-c1,1\nq1,x1,0\nq2,q1-c2,0\n")
    found = call("evaluate", "--pairs", pairs, "--home", indexed.home, "--json", "--quiet").json
    names = ("f1", "precision", "recall", "average_precision", "pairs")
    assert [found[name] for name in names] == [1, 1, 1, 1, 4]
    assert (found["threshold"], found["threshold_from"]) == (0.5, "0 training labels")
    assert 0 <= found["ece"] <= 1
    assert found["matcher"]["calibrated"] is False
    assert [row["band"] for row in found["bands"]] == ["prior:high", "prior:low"]
    told = call("evaluate", "--pairs", pairs, "--home", indexed.home).out
    assert "Uncalibrated" in told
    assert "prior:high" in told


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


def test_a_file_without_known_columns_is_answered_with_the_command_to_repeat(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "our list.csv"
    path.write_text("Codes,Producct Nme,cost\n1,Sony TV,5\n")
    given = ["--source", "walmart", "--role", "query", "--map", "price=cost", "--dry-run"]
    answer = call("import", "products", path, *given, "--home", tmp_path / "h")
    assert answer.code == 1
    command = answer.err.split("Name the columns: ")[1].replace("\n", " ").strip()
    options = "--source walmart --role query --map price=cost --map id=COLUMN --map title='Producct Nme' --dry-run"
    assert command == f"samesku import products '{path}' {options}"
    repeated = shlex.split(command.replace("=COLUMN", "=Codes"))[1:]
    assert call(*repeated, "--home", tmp_path / "h").code == 0


def test_the_summary_of_an_import_names_the_role(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,title\n1,Sony TV\n")
    given = ["import", "products", path, "--source", "walmart", "--home", tmp_path / "h"]
    first = call(*given).out
    assert "walmart (candidates): 1 new" in first
    assert "to find matches for these: --role query --change-role" in first
    changed = call(*given, "--role", "query", "--change-role").out
    assert "walmart (queries): " in changed
    other = call("import", "products", path, "--source", "amazon", "--home", tmp_path / "h").out
    assert "amazon (candidates): 1 new" in other
    assert "--change-role" not in changed + other


#: A key of JSON, such as `pairs_judged_on`, or the internal name of an evaluation set.
_KEY = re.compile(r"(?<![\w/.-])[a-z]+(?:_[a-z]+)+(?![\w/.])|validation@")


@pytest.mark.parametrize("verb", ["labels stats", "evaluate", "models list", "models show lora-1", "doctor"])
def test_answers_for_people_have_no_keys_of_json(
    indexed: Workspace, monkeypatch: pytest.MonkeyPatch, call: Call, verb: str
) -> None:
    with LabelStore(indexed.labels) as store:
        store.draw_validation([q("qv")], seed=1)
        for key in ("q1", "q2", "qv"):
            said = [*match(f"{key}-c1"), *no_match(f"{key}-c2")]
            store.record("ada", Verb.ACCEPT, q(key), said, ActionDetails(closes=True))
    metrics = {"hit@1": 0.5, "mrr@10": 0.5, "merge_error": 1e-8}
    card = ModelCard("lora-1", "hash", "hash", "", "2026-01-01", {"min_steps": 20}, {"triplets": 3}, metrics)
    Registry(indexed, Settings()).add(replace(card, judged_on="validation@1"))
    answer = call("--home", indexed.home, *verb.split())
    assert not _KEY.findall(answer.out.replace(str(indexed.home), "")), answer.out


def test_an_evaluation_reports_no_stage_without_work(indexed: Workspace, call: Call) -> None:
    with LabelStore(indexed.labels) as store:
        store.draw_validation([q("qv")], seed=1)
        said = [*match("qv-c1"), *no_match("qv-c2")]
        store.record("ada", Verb.ACCEPT, q("qv"), said, ActionDetails(closes=True))
    assert "encode" not in call("--home", indexed.home, "evaluate").err


def test_a_data_set_is_written_with_sources_and_a_card(labelled: Workspace, tmp_path: Path, call: Call) -> None:
    given = ("--home", labelled.home, "dataset", "triplets", "--out", tmp_path / "t.jsonl", "--sources")
    mix = ("--set", "negative_mix=explicit=1,random=1", "--set", "encoder.template={title}")
    answer = call(*given, *mix)
    assert answer.code == 0, answer.err
    assert "matches: explicit 1\n  negatives: " in answer.out
    assert "the card is " in answer.out
    found = call("--json", *given, *mix).json
    assert found["card"] == json.loads(Path(found["card_file"]).read_text())
    assert found["card"]["negatives"] == {"explicit": 1, "random": 2}
    assert found["card"]["settings"]["template"] == "{title}"
    first = json.loads((tmp_path / "t.jsonl").read_text().splitlines()[0])
    assert list(first) == ["anchor", "positive", "negative", "source", "negative_source"]
    refused = call(*given, "--set", "weak_labels=some")
    assert (refused.code, "retrain.weak_labels: Input should be 'never', 'fill' or 'always'" in refused.err) == (
        1,
        True,
    )
    missing = call(*given, "--set", "weak_labels=fill")
    assert (missing.code, "there are no weak labels yet" in missing.err) == (1, True)


def test_a_corrected_list_of_rejected_rows_is_no_reason_to_prune(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "walmart.csv"
    path.write_text("id,title\n1,Sony TV\n2,LG TV\n3,\n")
    given = ["import", "products", "--source", "walmart", "--home", tmp_path / "h"]
    assert "1 row skipped" in call(*given, path).out
    rejects = tmp_path / "h" / "reports" / "rejects-walmart.csv"
    rejects.write_text("id,title\n3,Bose QC45\n")
    for dry in (["--dry-run"], []):
        answer = call(*given, rejects, *dry)
        assert (answer.code, "1 new" in answer.out, "prune" in answer.out) == (0, True, False)
    path.write_text("id,title\n3,Bose QC45\n")
    assert "--prune" in call(*given, "--dry-run", path).out
