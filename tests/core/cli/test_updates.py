"""A workspace whose catalogues go on changing, as the verbs tell of it."""

import csv
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from samples import PRODUCTS, QUERIES, match, no_match, q

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.retrieval.candidates import Candidate, CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.indexed_products import IndexedProducts
from core.workspace import Workspace
from labels.model import ActionDetails, ProductRef, Verb
from labels.store import LabelStore

Call = Callable[..., Any]
LONG_AGO = "2026-01-01T00:00:00.000+00:00"


def products_file(path: Path, products: list[Product]) -> Path:
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "title", "brand", "model", "price"])
        writer.writerows([p.id, p.title, p.brand, p.model, p.price] for p in products)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def imported(call: Call, workspace: Workspace, tmp_path: Path, products: list[Product], *options: str) -> Any:
    file = products_file(tmp_path / "products.csv", products)
    return call("import", "products", file, "--source", products[0].source, *options, "--home", workspace.home)


# -- roles and pruning ---------------------------------------------------------------------------------------


def test_an_import_that_forgets_the_role_keeps_it(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    assert imported(call, workspace, tmp_path, QUERIES).code == 0
    with CatalogStore(workspace.catalog) as catalog:
        assert catalog.role_of("walmart") == "query"


def test_a_change_of_role_is_asked_for_by_name_and_its_effects_are_said(
    workspace: Workspace, tmp_path: Path, call: Call
) -> None:
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), match("q1-c1"), ActionDetails(closes=True))
    refused = imported(call, workspace, tmp_path, QUERIES, "--role", "catalog")
    assert (refused.code, "have the role query, not catalog" in refused.err) == (1, True)
    rehearsed = imported(call, workspace, tmp_path, QUERIES, "--role", "catalog", "--change-role", "--dry-run")
    assert "were queries and would become candidates" in rehearsed.out
    done = imported(call, workspace, tmp_path, QUERIES, "--role", "catalog", "--change-role")
    assert "were queries and are now candidates: they leave the queue" in done.out
    assert "1 label on them as queries neither trains nor judges" in done.out
    assert imported(call, workspace, tmp_path, QUERIES, "--change-role").code == 2


def test_a_benchmark_is_not_imported_over_a_source_of_another_role(
    workspace: Workspace, tmp_path: Path, call: Call
) -> None:
    assert imported(call, workspace, tmp_path, QUERIES, "--role", "catalog", "--change-role").code == 0
    for name in ("tableA.csv", "tableB.csv"):
        (tmp_path / name).write_text("id,title,category,brand,modelno,price\n1,a,,,,\n")
    refused = call("import", "walmart-amazon", tmp_path, "--home", workspace.home)
    assert (refused.code, "have the role catalog, not query" in refused.err) == (1, True)


def test_a_large_prune_needs_yes(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    refused = imported(call, workspace, tmp_path, PRODUCTS[:10], "--prune")
    assert refused.code == 1
    assert "would remove 6 of the 16 products of amazon" in refused.err
    assert "--yes" in refused.err
    done = imported(call, workspace, tmp_path, PRODUCTS[:10], "--prune", "--yes", "--json")
    assert (done.code, done.json["removed"]) == (0, 6)


def test_rows_without_a_readable_id_keep_what_they_may_be(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    file = products_file(tmp_path / "products.csv", [replace(PRODUCTS[0], id=""), *PRODUCTS[1:]])
    given = ["import", "products", file, "--source", "amazon", "--prune", "--home", workspace.home]
    dry = call(*given, "--dry-run")
    assert dry.code == 0
    assert "Nothing is pruned: 1 product is not in the file, but the id of 1 row could not be read" in dry.out
    answer = call(*given, "--json")
    assert (answer.code, answer.json["vanished"], answer.json["removed"]) == (1, 1, 0)
    assert "Nothing is pruned: 1 product is not in the file, but the id of 1 row could not be read" in answer.err
    assert "Correct the rows and import again, or remove the products with --prune --yes." in answer.err
    assert str(answer.json["rejects_file"]) in answer.err
    done = call(*given, "--yes", "--json")
    assert (done.code, done.json["removed"]) == (0, 1)


# -- labelled products ---------------------------------------------------------------------------------------


@pytest.fixture
def replaced(workspace: Workspace, tmp_path: Path, call: Call) -> Workspace:
    """Two labelled candidates: one is another article now, the other one is gone."""
    with LabelStore(workspace.labels, now=lambda: LONG_AGO) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), match("q1-c1"), ActionDetails(closes=True))
        store.record("ada", Verb.ACCEPT, q("q2"), match("q2-c1"), ActionDetails(closes=True))
        store.record("ada", Verb.REJECT, q("q3"), no_match("q3-c1"))
    products = [p for p in PRODUCTS if p.id not in {"q1-c1", "q2-c1"}]
    hose = Product("amazon", "q1-c1", "Garden hose 25 ft green", "Gilmour")
    answer = imported(call, workspace, tmp_path, [hose, *products], "--prune")
    assert "2 labelled products are another article or gone:" in answer.out
    assert "q1-c1: was “Canon EOS Rebel T6 DSLR Camera”, is now “Garden hose 25 ft green”" in answer.out
    assert 'q2-c1: was “Samsung 55" Smart LED HDTV”, is gone' in answer.out
    assert "2 labels on them are left out of training" in answer.out
    assert "2 queries are asked about again" in answer.out
    return workspace


def test_an_import_names_the_labelled_products_that_changed_or_went(
    replaced: Workspace, tmp_path: Path, call: Call
) -> None:
    told = imported(call, replaced, tmp_path, [*PRODUCTS], "--json", "--dry-run").json
    assert [(each["id"], each["after"]) for each in told["replaced"]] == [("q1-c1", "Canon EOS Rebel T6 DSLR Camera")]


def test_stats_and_doctor_count_what_is_left_out(replaced: Workspace, call: Call) -> None:
    figures = call("labels", "stats", "--home", replaced.home, "--json").json
    assert figures["outdated"] == {"changed": 1, "gone": 1, "queries": 2}
    assert (figures["matches"], figures["training_pairs"]) == (0, 1)
    told = call("doctor", "--home", replaced.home).out
    assert "2 labels are left out, 1 on products that were replaced, 1 on products that were removed" in told


@pytest.mark.parametrize(
    ("name", "options", "rows"),
    [("l.csv", [], 1), ("l.json", [], 1), ("p.jsonl", ["--format", "prodigy"], 1), ("e.jsonl", [], 3),
     ("e.parquet", [], 3)],
)  # fmt: skip
def test_an_export_works_and_leaves_them_out(
    replaced: Workspace, tmp_path: Path, call: Call, name: str, options: list[str], rows: int
) -> None:
    answer = call("labels", "export", tmp_path / name, *options, "--home", replaced.home)
    assert answer.code == 0
    assert f"{rows} " in answer.out
    assert ("2 " in answer.out and "left out" in answer.out) == (rows == 1)
    back = call("labels", "import", tmp_path / name, "--as", "bob", "--home", replaced.home)
    assert back.code == 0, back.err


def test_labels_are_exported_where_the_catalogue_is_gone(replaced: Workspace, tmp_path: Path, call: Call) -> None:
    replaced.catalog.unlink()
    for name in ("l.csv", "l.json", "e.jsonl"):
        assert call("labels", "export", tmp_path / name, "--home", replaced.home).code == 0


@pytest.mark.parametrize("kind", ["pairs", "triplets", "chat"])
def test_data_sets_are_written_whatever_is_gone(replaced: Workspace, tmp_path: Path, call: Call, kind: str) -> None:
    answer = call("dataset", kind, "--out", tmp_path / "out.jsonl", "--home", replaced.home)
    assert "Traceback" not in answer.err
    written = tmp_path / "out.jsonl"
    assert not written.exists() or "hose" not in written.read_text()


# -- candidates that are out of date -------------------------------------------------------------------------


def test_match_says_what_is_out_of_date_and_shows_nothing_that_is_gone(
    workspace: Workspace, tmp_path: Path, call: Call
) -> None:
    imported(call, workspace, tmp_path, [p for p in PRODUCTS if p.id != "q1-c1"], "--prune")
    answer = call("match", "--out", tmp_path / "m.csv", "--home", workspace.home)
    assert (answer.code, "left the catalogue since the last index run" in answer.err) == (0, True)
    found = rows_of(tmp_path / "m.csv")
    assert "q1-c1" not in {row["candidate_id"] for row in found}
    assert [row["rank"] for row in found if row["query_id"] == "q1"] == ["1", "2"]
    assert call("match", "--out", tmp_path / "m.csv", "--json", "--home", workspace.home).json["out_of_date"]["removed"]
    assert "left the catalogue since the last index run" in call("doctor", "--home", workspace.home).out


def test_a_score_of_what_was_said_before_is_marked(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    with CatalogStore(workspace.catalog) as catalog, closing(IndexedProducts(workspace.derived)) as indexed:
        indexed.replace(Corpus(QUERIES, PRODUCTS, catalog.mark))
    imported(call, workspace, tmp_path, [replace(PRODUCTS[0], title="Canon EOS Rebel T6 retitled"), *PRODUCTS[1:]])
    answer = call("match", "--out", tmp_path / "m.csv", "--home", workspace.home)
    assert "1 product changed since the last index run" in answer.err
    marked = {row["candidate_id"]: row["out_of_date"] for row in rows_of(tmp_path / "m.csv")}
    assert (marked["q1-c1"], marked["q1-c2"]) == ("yes", "")
    assert ", out of date" in call("match", "--query", "q1", "--home", workspace.home).out
    assert "1 product changed" in call("doctor", "--home", workspace.home).out


# -- several sources on a side -------------------------------------------------------------------------------


@pytest.fixture
def two_retailers(workspace: Workspace) -> Workspace:
    """A second retailer that numbers its queries as the first one does."""
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("target", "query", [replace(query, source="target") for query in QUERIES[:1]])
    candidates = CandidateStore(workspace.derived)
    rows: dict[ProductRef, list[Candidate]] = {}
    for query, candidate in candidates.all():
        rows.setdefault(query, []).append(candidate)
    rows[ProductRef("target", "q1")] = rows[q("q1")]
    candidates.replace(rows.items(), model="hand-written", fingerprint="two")
    candidates.close()
    return workspace


def test_results_say_whose_ids_they_are(two_retailers: Workspace, tmp_path: Path, call: Call) -> None:
    for ending in ("csv", "jsonl", "parquet"):
        assert call("match", "--out", tmp_path / f"m.{ending}", "--home", two_retailers.home).code == 0
    as_csv = rows_of(tmp_path / "m.csv")
    as_json = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    for rows in (as_csv, as_json, pq.read_table(tmp_path / "m.parquet").to_pylist()):
        first = [row for row in rows if row["query_id"] == "q1" and str(row["rank"]) == "1"]
        assert [(row["query_source"], row["candidate_source"]) for row in first] == [
            ("target", "amazon"), ("walmart", "amazon"),
        ]  # fmt: skip


def test_with_one_source_a_side_nothing_is_added(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    call("match", "--out", tmp_path / "m.csv", "--home", workspace.home)
    header = (tmp_path / "m.csv").read_text().splitlines()[0]
    assert header == "query_id,rank,candidate_id,similarity,probability,band"


def test_an_export_of_two_retailers_is_read_back(two_retailers: Workspace, tmp_path: Path, call: Call) -> None:
    home = two_retailers.home
    for source, label in (("walmart", 1), ("target", 0)):
        (tmp_path / "l.csv").write_text(f"ltable_id,rtable_id,label\nq1,q1-c1,{label}\n")
        answer = call("labels", "import", tmp_path / "l.csv", "--query-source", source, "--as", "ada", "--home", home)
        assert answer.code == 0
    assert call("labels", "export", tmp_path / "out.csv", "--home", home).code == 0
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "ltable_id,rtable_id,label,query_source,candidate_source",
        "q1,q1-c1,0,target,amazon", "q1,q1-c1,1,walmart,amazon",
    ]  # fmt: skip
    back = call("labels", "import", tmp_path / "out.csv", "--as", "bob", "--home", home, "--json").json
    assert back["written"] == 2
    with LabelStore(two_retailers.labels) as store:
        assert {(label.pair.query.source, label.match) for label in store.labels()} == {
            ("target", False),
            ("walmart", True),
        }


def test_an_id_of_one_source_alone_needs_no_column(two_retailers: Workspace, tmp_path: Path, call: Call) -> None:
    (tmp_path / "l.csv").write_text("ltable_id,rtable_id,label\nq2,q2-c1,1\n")
    given = ["labels", "import", tmp_path / "l.csv", "--as", "ada", "--home", two_retailers.home]
    assert call(*given).code == 0
    (tmp_path / "l.csv").write_text("ltable_id,rtable_id,label\nq1,q1-c1,1\n")
    refused = call(*given)
    assert (refused.code, "several query sources have the id q1: target, walmart" in refused.err) == (1, True)
    assert "--query-source" in refused.err


# -- what people decided, and ids that are none --------------------------------------------------------------


def test_what_people_decided_is_shown_as_decided(workspace: Workspace, tmp_path: Path, call: Call) -> None:
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.REJECT, q("q2"), [*no_match("q2-c1"), *match("q2-c2")])
        store.record("ada", Verb.REJECT, q("q3"), no_match("q3-c1"))
        store.record("bob", Verb.ACCEPT, q("q3"), match("q3-c1"))
    call("match", "--out", tmp_path / "m.csv", "--home", workspace.home)
    decided = {row["candidate_id"]: (row["decision"], row["band"]) for row in rows_of(tmp_path / "m.csv")}
    assert decided["q2-c1"] == ("no_match", "low")
    assert decided["q2-c2"] == ("match", "high")
    assert decided["q3-c1"][0] == "conflict"
    assert decided["q4-c1"][0] == ""
    assert "decided: no match" in call("match", "--query", "q2", "--home", workspace.home).out


@pytest.mark.parametrize("verb", [["match", "--auto"], ["labels", "audit", "--draw", "5"]])
def test_labels_of_one_class_are_said_to_be_so(workspace: Workspace, call: Call, verb: list[str]) -> None:
    nothing = call(*verb, "--home", workspace.home)
    assert (nothing.code, "no labels to learn from" in nothing.err) == (1, True)
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.NONE, q("q2"), no_match("q2-c1", "q2-c2"), ActionDetails(closes=True))
    answer = call(*verb, "--home", workspace.home)
    assert answer.code == 1
    assert "2 labels are of one class, no match: the matcher needs at least one match" in answer.err
    assert "samesku index" not in answer.err
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.ACCEPT, q("q3"), match("q3-c1"), ActionDetails(closes=True))
    answer = call(*verb, "--home", workspace.home)
    assert "has not been fitted to the 3 labels yet" in answer.err
    assert "samesku index" in answer.err


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [("Q-1", "Did you mean q1?"), ("0q1", "Did you mean q1?"), ("q1-c1", "q1-c1 is a candidate, not a query"),
     ("later", "The query later has no candidates: it was imported after the last index run"),
     ("nothing like it", "`samesku match --out FILE` lists them all")],
)  # fmt: skip
def test_an_id_that_is_no_query_is_answered_with_what_may_be_meant(
    workspace: Workspace, call: Call, asked: str, complaint: str
) -> None:
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", [*QUERIES, Product("walmart", "later", "Came later")])
    answer = call("match", "--query", asked, "--home", workspace.home)
    assert (answer.code, complaint in answer.err) == (1, True), answer.err


def test_of_one_id_in_two_sources_both_are_shown_or_the_one_that_is_named(two_retailers: Workspace, call: Call) -> None:
    both = call("match", "--query", "q1", "--home", two_retailers.home).out
    assert "walmart q1:" in both
    assert "target q1:" in both
    one = call("match", "--query", "target/q1", "--json", "--home", two_retailers.home).json
    assert {row["query_source"] for row in one["matches"]} == {"target"}
