"""`samesku cluster`."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples import c, match, no_match, q

from core.catalog.store import CatalogStore
from core.catalog.upsert import ImportRules
from core.clustering.product_ids import load_ids
from core.jobs.exclusive import Holder, Work, exclusive
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.workspace import Workspace
from labels.model import Verb
from labels.store import LabelStore

Call = Callable[..., Any]

#: P(match) of a query's three candidates.
CHANCES = (0.9, 0.6, 0.1)


def score(workspace: Workspace, labels: int = 20, chances: tuple[float, ...] = CHANCES) -> None:
    candidates = CandidateStore(workspace.derived)
    rows = [(query, each.ref, chances[each.rank - 1]) for query, each in candidates.all()]
    candidates.score(rows, MatcherSummary(0.5, 0.95, 0.05, labels, labels // 2))
    candidates.close()


def decide(workspace: Workspace, query: str, *judgements: Any, annotator: str = "ann") -> None:
    with LabelStore(workspace.labels) as store:
        store.record(annotator, Verb.ACCEPT, q(query), list(judgements))


@pytest.fixture
def scored(workspace: Workspace) -> Workspace:
    score(workspace)
    return workspace


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_every_listing_with_its_product_and_why(call: Call, scored: Workspace, tmp_path: Path) -> None:
    decide(scored, "q1", *match("q1-c3"))
    decide(scored, "q2", *no_match("q2-c1"))
    out = tmp_path / "products.csv"
    answer = call("--home", scored.home, "cluster", "--out", out)
    assert answer.code == 0, answer.err
    assert "16 products, 21 listings (one-per-source, threshold 0.500)" in answer.out
    found = rows(out)
    assert list(found["q1"]) == ["product_id", "source", "id", "title", "probability", "why"]
    assert found["q1"]["product_id"] == found["q1-c3"]["product_id"] != found["q1-c1"]["product_id"]
    assert (found["q1"]["why"], found["q1"]["probability"]) == ("decision", "0.100000")
    assert found["q2"]["product_id"] == found["q2-c2"]["product_id"] != found["q2-c1"]["product_id"]
    assert (found["q3-c1"]["why"], found["q3-c1"]["probability"]) == ("probability", "0.900000")
    assert (found["x1"]["why"], found["x1"]["probability"]) == ("", "")
    assert found["x1"]["title"] == "Nikon D3400 Digital SLR Camera"


@pytest.mark.parametrize("ending", [".jsonl", ".JSONL", ".parquet", ".Parquet"])
def test_other_formats(call: Call, scored: Workspace, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"products{ending}"
    assert call("--home", scored.home, "cluster", "--out", out).code == 0
    if ending.lower() == ".jsonl":
        found = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        pq = pytest.importorskip("pyarrow.parquet")
        found = pq.read_table(out).to_pylist()
    assert len(found) == 21
    assert next(row for row in found if row["id"] == "x1")["probability"] is None


def test_json_has_everything(call: Call, scored: Workspace, tmp_path: Path) -> None:
    found = call("--home", scored.home, "--json", "cluster", "--method", "components", "--threshold", "0.55").json
    assert (found["method"], found["threshold"]) == ("components", 0.55)
    assert (found["listings"], found["products"], found["sizes"]) == (21, 11, {"1": 6, "3": 5})
    assert (found["recorded"], found["file"]) == (False, None)
    assert found["ids"] == {"kept": 0, "new": 11, "retired": 0}
    assert not scored.product_ids.exists()


def test_ids_are_kept_and_changes_told(call: Call, scored: Workspace, tmp_path: Path) -> None:
    out, again = tmp_path / "1.csv", tmp_path / "2.csv"
    call("--home", scored.home, "cluster", "--out", out)
    before = scored.product_ids.read_bytes()
    call("--home", scored.home, "cluster", "--out", again)
    assert scored.product_ids.read_bytes() == before
    assert again.read_bytes() == out.read_bytes()
    decide(scored, "q1", *no_match("q1-c1"))
    answer = call("--home", scored.home, "--json", "cluster", "--out", again)
    (split,), (merge,) = answer.json["splits"], answer.json["merges"]
    old, new = rows(out), rows(again)
    assert split["before"] == [old["q1"]["product_id"]]
    assert set(split["after"]) == {new["q1"]["product_id"], new["q1-c1"]["product_id"]}
    assert old["q1-c2"]["product_id"] in merge["before"]
    assert {name for name in old if old[name]["product_id"] != new[name]["product_id"]} <= {"q1", "q1-c1", "q1-c2"}
    assert load_ids(scored.product_ids).run == 2
    assert "16 kept" in call("--home", scored.home, "cluster").out


@pytest.mark.parametrize(("threshold", "shown"), [("0.4304", "0.430"), ("1e-320", "1e-320"), ("0.99999", "0.99999")])
def test_a_threshold_is_not_shown_as_one_that_is_refused(
    call: Call, scored: Workspace, threshold: str, shown: str
) -> None:
    answer = call("--home", scored.home, "cluster", "--threshold", threshold)
    assert f"threshold {shown})" in answer.out


def test_contradictions_are_named(call: Call, scored: Workspace) -> None:
    decide(scored, "q1", *match("q1-c1"))
    decide(scored, "q2", *match("q1-c1", "q2-c1"))
    decide(scored, "q1", *no_match("q2-c1"), annotator="bob")
    answer = call("--home", scored.home, "cluster")
    chain = "walmart q1 = amazon q1-c1 = walmart q2 = amazon q2-c1"
    assert f"Not followed: walmart q1 ≠ amazon q2-c1, since {chain}." in answer.out
    assert "samesku review --stream adjudication" in answer.out
    (found,) = call("--home", scored.home, "--json", "cluster").json["contradictions"]
    assert found["pairs"] == [["walmart", "q1", "amazon", "q2-c1"]]


def test_before_labels_the_prior_joins_and_no_probability_is_shown(
    call: Call, workspace: Workspace, tmp_path: Path
) -> None:
    score(workspace, labels=0, chances=(0.96, 0.6, 0.1))
    answer = call("--home", workspace.home, "cluster", "--out", tmp_path / "products.jsonl")
    assert "threshold 0.950" in answer.out
    assert "Uncalibrated" in answer.err
    found = [json.loads(line) for line in (tmp_path / "products.jsonl").read_text().splitlines()]
    assert {row["why"] for row in found} == {"probability", ""}
    assert {row["probability"] for row in found} == {None}


def test_a_removed_listing_is_in_no_group(call: Call, scored: Workspace, tmp_path: Path) -> None:
    with CatalogStore(scored.catalog) as catalog:
        catalog.replace("amazon", "catalog", [p for p in catalog.iter(source="amazon") if p.id != "q1-c1"], prune=True)
    answer = call("--home", scored.home, "cluster", "--out", tmp_path / "p.csv")
    found = rows(tmp_path / "p.csv")
    assert "q1-c1" not in found
    assert found["q1"]["product_id"] == found["q1-c2"]["product_id"]
    assert "1 product left the catalogue" in answer.err


def test_matches_count_while_a_source_has_another_role(call: Call, scored: Workspace, tmp_path: Path) -> None:
    decide(scored, "q1", *match("q1-c3"))
    home = ("--home", scored.home)
    call(*home, "cluster", "--out", tmp_path / "products.csv")
    with CatalogStore(scored.catalog) as catalog:
        products = list(catalog.iter(source="walmart"))
        catalog.replace("walmart", "catalog", products, rules=ImportRules(change_role=True))
    again = call(*home, "--json", "cluster", "--out", tmp_path / "again.csv").json
    assert (again["splits"], again["ids"]["new"]) == ([], 0)
    assert rows(tmp_path / "again.csv")["q1"]["why"] == "decision"


def test_damaged_ids_are_set_aside_and_come_back(call: Call, scored: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    call("--home", scored.home, "cluster", "--out", out)
    before = rows(out)
    scored.product_ids.write_text("nonsense")
    answer = call("--home", scored.home, "cluster", "--out", out)
    assert answer.code == 0
    assert "is damaged or has unexpected content. It was set aside as product_ids.jsonl.damaged-" in answer.err
    assert rows(out) == before


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--threshold", "1"], 2, "above 0 and below 1"),
        (["--threshold", "nan"], 2, "above 0 and below 1"),
        (["--method", "magic"], 2, "one-per-source"),
        (["--out", "products.txt"], 1, "Use .csv, .jsonl or .parquet."),
        (["--out", "nowhere/products.csv"], 1, "There is no folder nowhere"),
    ],
)
def test_wrong_options(call: Call, scored: Workspace, options: list[str], code: int, message: str) -> None:
    answer = call("--home", scored.home, "cluster", *options)
    assert answer.code == code
    assert message in answer.err
    assert "Traceback" not in answer.err


def test_without_probabilities_or_candidates(call: Call, workspace: Workspace) -> None:
    assert "no probabilities yet" in call("--home", workspace.home, "cluster").err
    workspace.derived.unlink()
    answer = call("--home", workspace.home, "cluster")
    assert (answer.code, "Run `samesku index` first." in answer.err) == (1, True)


def test_two_runs_that_record_exclude_each_other(call: Call, scored: Workspace, tmp_path: Path) -> None:
    with exclusive(scored.jobs, Work.PRODUCTS, Holder.here(["cluster"], "mia")):
        answer = call("--home", scored.home, "cluster", "--out", tmp_path / "p.csv")
        assert "Cluster is already running, started by mia" in answer.err
        assert call("--home", scored.home, "cluster").code == 0
    assert not scored.product_ids.exists()


def test_a_person_may_match_what_is_no_candidate(call: Call, scored: Workspace, tmp_path: Path) -> None:
    decide(scored, "q1", *match("x1"))
    call("--home", scored.home, "cluster", "--out", tmp_path / "p.csv")
    found = rows(tmp_path / "p.csv")
    assert found["q1"]["product_id"] == found["x1"]["product_id"]
    assert (found["x1"]["why"], found["x1"]["probability"]) == ("decision", "")
    assert c("x1").source == found["x1"]["source"]


def test_one_record_per_product(call: Call, scored: Workspace, tmp_path: Path) -> None:
    out, golden = tmp_path / "listings.csv", tmp_path / "products.jsonl"
    answer = call("--home", scored.home, "cluster", "--out", out, "--golden", golden, "--trust", "walmart")
    assert answer.code == 0, answer.err
    records = {row["product_id"]: row for row in map(json.loads, golden.read_text().splitlines())}
    listings = rows(out)
    assert records.keys() == {row["product_id"] for row in listings.values()}
    record = records[listings["q1"]["product_id"]]
    assert (record["title"], record["brand"], record["listings"]) == ("Canon EOS Rebel T6 DSLR Camera", "Canon", 2)
    assert record["provenance"]["brand"] == {"source": "walmart", "id": "q1", "rule": "only"}


def test_records_alone_record_ids(call: Call, scored: Workspace, tmp_path: Path) -> None:
    found = call("--home", scored.home, "--json", "cluster", "--golden", tmp_path / "p.parquet").json
    assert (found["recorded"], found["file"], found["golden"]) == (True, None, str(tmp_path / "p.parquet"))
    assert len(load_ids(scored.product_ids).of) == 21


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--trust", "walmart"], 2, "--trust requires --golden."),
        (["--golden", "p.csv", "--trust", "ebay"], 1, "The sources are amazon, walmart."),
        (["--golden", "p.csv", "--out", "p.csv"], 2, "name two"),
        (["--gold", "p.csv", "--out", "p.csv"], 2, "p.csv is the file of --gold."),
        (["--golden", "p.xlsx"], 1, "Use .csv, .jsonl or .parquet."),
    ],
)
def test_wrong_options_of_records(
    call: Call, scored: Workspace, options: list[str], code: int, message: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    answer = call("--home", scored.home, "cluster", *options)
    assert (answer.code, message in answer.err) == (code, True), answer.err
    assert not scored.product_ids.exists()


# -- evaluation ----------------------------------------------------------------------------------------------


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """One product has two listings of Amazon, of which one per source finds one."""
    path = tmp_path / "known.csv"
    path.write_text("source,id,product\nwalmart,q1,A\namazon,q1-c1,A\namazon,q1-c2,A\namazon,x1,B\n")
    return path


def test_metrics_against_known_products(call: Call, scored: Workspace, known: Path) -> None:
    answer = call("--home", scored.home, "cluster", "--gold", known)
    assert "Evaluated on 4 listings of 2 products" in answer.out
    assert [line.split() for line in answer.out.splitlines() if line.startswith("B-cubed")] == [
        ["B-cubed", "1.000", "0.667", "0.800"]
    ]
    found = call("--home", scored.home, "--json", "cluster", "--gold", known, "--method", "components",
                 "--threshold", "0.5").json["metrics"]  # fmt: skip
    assert (found["listings"], found["products"]) == (4, 2)
    assert found["b_cubed"] == found["pairwise"] == found["closest_cluster"]
    assert found["b_cubed"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_what_it_writes_can_be_known(call: Call, scored: Workspace, tmp_path: Path) -> None:
    call("--home", scored.home, "cluster", "--out", tmp_path / "l.parquet")
    found = call("--home", scored.home, "--json", "cluster", "--gold", tmp_path / "l.parquet").json["metrics"]
    assert (found["listings"], found["b_cubed"]["f1"]) == (21, 1.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("source,id,product\n", "has no listings"),
        ("id,product\nq1,A\n", "has no column source. It has: id, product."),
        ("source,id,product\nwalmart,q1,\n", "line 2: the product is empty."),
        ("source,id,product\nwalmart,q11,A\n", "there is no listing q11 of walmart in the catalogue"),
        ("source,id,product\nebay,q1,A\n", "there is no listing q1 of ebay in the catalogue"),
        ("source,id,product\nwalmart,q1,A\nwalmart,q1,B\n", "line 3: the listing has another product above."),
        ("source,id,product\nwalmart,q1,A,B,C\n", "line 2: wrong column count"),
    ],
)
def test_wrong_known_products(call: Call, scored: Workspace, known: Path, content: str, message: str) -> None:
    known.write_text(content)
    answer = call("--home", scored.home, "cluster", "--gold", known)
    assert answer.code == 1
    assert message in answer.err
    assert "Traceback" not in answer.err
