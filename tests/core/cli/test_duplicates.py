"""One catalogue against itself, from the import to the export, by the command line."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from duplicates import LISTINGS, SHOP, shop
from samples import HashEncoder
from tiny_encoder import write_tiny_sentence_encoder

from core.catalog.store import CatalogStore
from core.workspace import Workspace
from labels.model import ActionDetails, Decision, Judgement, Verb
from labels.store import LabelStore

Call = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "title", "brand", "category", "model", "price", "upc"])
        writer.writerows([p.id, p.title, p.brand, p.category, p.model, p.price, p.upc] for p in LISTINGS)
    return path


@pytest.fixture
def home(tmp_path: Path, file: Path, call: Call) -> Path:
    """The shop, imported."""
    folder = tmp_path / "home"
    found = call("--home", folder, "import", "products", file, "--source", SHOP, "--role", "both", "--json")
    assert (found.code, found.json["role"], found.json["added"]) == (0, "both", 8)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as out:
        return list(csv.DictReader(out))


def test_the_export_has_each_pair_once(home: Path, call: Call, hash_encoder: HashEncoder, tmp_path: Path) -> None:
    assert "8 queries × 8 products" in call("--home", home, "index").out
    out = tmp_path / "pairs.csv"
    assert call("--home", home, "match", "--out", out).code == 0
    pairs = [(row["query_id"], row["candidate_id"]) for row in rows_of(out)]
    assert list(rows_of(out)[0]) == ["query_id", "rank", "candidate_id", "similarity", "probability", "band"]
    assert all(query < candidate for query, candidate in pairs)
    assert len(pairs) == len(set(pairs)) == 28
    assert "s4: similarity" in call("--home", home, "match", "--query", "s1").out
    assert call("--home", home, "match", "--query", "s4", "--out", out).code == 0
    assert {row["query_id"] if row["query_id"] != "s4" else row["candidate_id"] for row in rows_of(out)} == {
        "s1", "s2", "s3", "s5", "s6", "s7", "s8",
    }  # fmt: skip
    query, *last = call("--home", home, "match", "--query", "s8").out.splitlines()
    assert query.startswith("shop s8: ")
    similarities = [float(line.partition("similarity ")[2].partition(",")[0]) for line in last]
    assert len(last) == 7
    assert all(line.startswith("As candidate ") for line in last)
    assert similarities == sorted(similarities, reverse=True)
    assert len(call("--home", home, "match", "--query", "s8", "--k", "3").out.splitlines()) <= 4
    assert hash_encoder.asked.count(hash_encoder.asked[0]) == 1, "each text once"


def test_labels_of_either_order_train_and_are_exported_once(
    home: Path,
    call: Call,
    hash_encoder: HashEncoder,
    tmp_path: Path,
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("query_id,candidate_id,label\ns4,s1,1\ns3,s2,0\n")
    assert call("--home", home, "index").code == 0
    assert call("--home", home, "labels", "import", labels, "--as", "ada").code == 0
    assert call("--home", home, "index").code == 0
    again = tmp_path / "again.csv"
    assert call("--home", home, "labels", "export", again).code == 0
    assert {(row["ltable_id"], row["rtable_id"], row["label"]) for row in rows_of(again)} == {
        ("s1", "s4", "1"), ("s2", "s3", "0"),
    }  # fmt: skip
    assert call("--home", home, "labels", "stats", "--json").json["training_pairs"] == 2
    scored = tmp_path / "scored.csv"
    assert call("--home", home, "score", labels, "--out", scored).code == 0
    assert [(row["query_id"], row["candidate_id"], row["decision"]) for row in rows_of(scored)] == [
        ("s1", "s4", "match"), ("s2", "s3", "no_match"),
    ]  # fmt: skip


def test_a_change_of_role_says_what_follows(home: Path, file: Path, call: Call) -> None:
    def changed(role: str) -> str:
        given = ("--home", home, "import", "products", file, "--source", SHOP, "--role", role, "--change-role")
        return " ".join(call(*given).out.split())

    assert "were queries and candidates and are now queries: they leave the candidates with" in changed("query")
    assert "were queries and are now queries and candidates: they join the candidates with" in changed("both")
    assert "were queries and candidates and are now candidates: they leave the queue with" in changed("catalog")
    assert "were candidates and are now queries and candidates: they join the queue with" in changed("both")


def test_one_catalogue_alone_names_the_role_that_deduplicates_it(call: Call, file: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = call("--home", home, "import", "products", file, "--source", SHOP)
    assert "--role both --change-role" in " ".join(first.out.split())
    refused = call("--home", home, "index")
    assert (refused.code, "To find duplicates within one source: --role both" in " ".join(refused.err.split())) == (
        1,
        True,
    )


def test_retrain_evaluate_and_index_work_on_one_catalogue(home: Path, call: Call, tmp_path: Path) -> None:
    encoder = write_tiny_sentence_encoder(tmp_path / "tiny", [each.title for each in LISTINGS])
    workspace = Workspace(home)
    workspace.settings.write_text(
        f'[encoder]\nmodel = "{encoder}"\n[validation]\nshare = 0.0\n[retrain]\nepochs = 1\nmin_steps = 8\n'
        "batch_size = 2\nhard_negatives = 1\nrank = 2\nlearning_rate = 0.005\n"
    )
    assert call("--home", home, "index").code == 0
    with LabelStore(workspace.labels) as store:
        store.draw_validation([shop("s2")], seed=1)
        for query, match, other in (("s1", "s4", "s8"), ("s2", "s5", "s6"), ("s3", "s6", "s8")):
            judgements = [Judgement(shop(match), Decision.MATCH), Judgement(shop(other), Decision.NO_MATCH)]
            store.record("ada", Verb.ACCEPT, shop(query), judgements, ActionDetails(closes=True))
    trained = call("--home", home, "retrain", "--json")
    assert trained.code == 0, trained.err
    evaluated = call("--home", home, "evaluate", "--json")
    assert (evaluated.code, evaluated.json["queries"]) == (0, 1), evaluated.err
    assert evaluated.json["hit@10"] == evaluated.json["ir"]["recall@10"] == 1
    assert call("--home", home, "doctor").code == 0
    with CatalogStore(workspace.catalog) as catalog:
        assert catalog.role_of(SHOP) == "both"
