"""Files that samesku writes about products with hostile ids: people may look at them, and programs read them back."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE, acting, stray
from samples import PRODUCTS, QUERIES

from core.catalog.store import CatalogStore
from core.workspace import Workspace
from labels.model import Decision, Judgement, ProductRef, Verb
from labels.store import LabelStore

Call = Callable[..., Any]

#: Ids as an earlier version let them in, and more queries than samples has.
IDS = [text for text in HOSTILE if "\0" not in text and len(text) < 200]


def query_id(number: int) -> str:
    """A query's id, which ends in no blank: the import has always taken those away."""
    return f"{IDS[number % len(IDS)]} q{number}"


def candidate_id(number: int) -> str:
    """The id of its match."""
    return f"{IDS[(number + 7) % len(IDS)]} c{number}"


@pytest.fixture
def workspace(tmp_path: Path, hash_encoder: object, call: Call) -> Workspace:
    """Hostile ids on both sides, labelled and indexed."""
    made = Workspace(tmp_path / "home").create()
    numbers = range(40)
    with CatalogStore(made.catalog) as catalog:
        queries = [
            replace(
                QUERIES[number % 5], id=query_id(number), title=f"{QUERIES[number % 5].title} {IDS[number % len(IDS)]}"
            )
            for number in numbers
        ]
        catalog.replace("walmart", "query", queries)
        catalog.replace(
            "amazon", "catalog", [replace(PRODUCTS[number % 16], id=candidate_id(number)) for number in numbers]
        )
    with LabelStore(made.labels) as store:
        for number in numbers:
            decision = Decision.MATCH if number % 2 else Decision.NO_MATCH
            judged = [Judgement(ProductRef("amazon", candidate_id(number)), decision)]
            verb = Verb.ACCEPT if number % 2 else Verb.REJECT
            store.record("ada", verb, ProductRef("walmart", query_id(number)), judged)
    assert call("--home", made.home, "--quiet", "index").code == 0
    return made


def answered(call: Call, workspace: Workspace, *words: str | Path) -> Any:
    """A call that ended well and in whose output nothing acts, as text and as JSON."""
    plain = call("--home", workspace.home, "--as", "ada", *words)
    assert plain.code == 0, plain.err
    assert stray((plain.out + plain.err).replace("\n", "").replace("\t", "")) == []
    found = call("--home", workspace.home, "--as", "ada", "--json", *words)
    assert found.code == 0, found.err
    assert acting(found.out) == []
    return found.json


def test_match(call: Call, workspace: Workspace, tmp_path: Path) -> None:
    for ending in ("csv", "jsonl"):
        answered(call, workspace, "match", "--k", "3", "--out", tmp_path / f"m.{ending}")
        assert acting((tmp_path / f"m.{ending}").read_text()) == []
    rows = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert {row["query_id"] for row in rows} == {query_id(number) for number in range(40)}
    told = answered(call, workspace, "match", "--query", query_id(14))
    assert told["matches"][0]["query_id"] == query_id(14)
    everything = call("--home", workspace.home, "--json", "match", "--k", "3")
    assert acting(everything.out) == []
    assert [row["candidate_id"] for row in everything.json["matches"]] == [row["candidate_id"] for row in rows]


@pytest.mark.usefixtures("hash_encoder")
def test_match_cuts_a_long_title_as_text_and_has_all_of_it_as_json(call: Call, tmp_path: Path) -> None:
    made, title = Workspace(tmp_path / "home").create(), "Canon EOS Rebel T6 " + "kit " * 4000
    with CatalogStore(made.catalog) as catalog:
        catalog.replace("walmart", "query", QUERIES[:1])
        catalog.replace("amazon", "catalog", [replace(PRODUCTS[0], title=title), *PRODUCTS[1:3]])
    assert call("--home", made.home, "--quiet", "index").code == 0
    text = call("--home", made.home, "match", "--query", QUERIES[0].id).out
    assert "Canon EOS Rebel T6 kit" in text
    assert max(map(len, text.splitlines())) < 500
    assert title.strip() in call("--home", made.home, "--json", "match", "--query", QUERIES[0].id).out


def test_cluster(call: Call, workspace: Workspace, tmp_path: Path) -> None:
    for ending in ("csv", "jsonl"):
        files = tmp_path / f"l.{ending}", tmp_path / f"p.{ending}"
        assert answered(call, workspace, "cluster", "--out", files[0], "--golden", files[1])["listings"] == 80
        assert [acting(path.read_text()) for path in files] == [[], []]
    # What it wrote names the same listings when it is read.
    known = answered(call, workspace, "cluster", "--gold", tmp_path / "l.csv")["metrics"]
    assert (known["listings"], known["b_cubed"]["f1"]) == (80, 1.0)


def test_what_match_wrote_is_read_as_pairs(call: Call, workspace: Workspace, tmp_path: Path) -> None:
    answered(call, workspace, "match", "--k", "3", "--out", tmp_path / "m.csv")
    for ending in ("csv", "jsonl"):
        answered(call, workspace, "score", tmp_path / "m.csv", "--out", tmp_path / f"s.{ending}")
        assert acting((tmp_path / f"s.{ending}").read_text()) == []
    with (tmp_path / "m.csv").open(newline="") as asked, (tmp_path / "s.csv").open(newline="") as scored:
        pairs = [[(row["query_id"], row["candidate_id"]) for row in csv.DictReader(file)] for file in (asked, scored)]
    assert pairs[0] == pairs[1]


@pytest.mark.parametrize(
    ("name", "options"),
    [("l.csv", ()), ("e.jsonl", ()), ("t.json", ()), ("p.jsonl", ("--format", "prodigy")), ("e.parquet", ())],
)
def test_labels_come_back(
    call: Call, workspace: Workspace, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    path = tmp_path / name
    answered(call, workspace, "labels", "export", path, *options)
    if path.suffix != ".parquet":
        assert acting(path.read_text()) == []
    other = Workspace(tmp_path / "other").create()
    shutil.copy(workspace.catalog, other.catalog)
    assert call("--home", other.home, "--as", "ada", "labels", "import", path).code == 0
    with LabelStore(workspace.labels) as ours, LabelStore(other.labels) as theirs:
        labels = [{(label.pair, label.match) for label in store.labels()} for store in (ours, theirs)]
    assert labels[0] == labels[1]
    assert len(labels[0]) == 40


def test_datasets_and_lessons(call: Call, workspace: Workspace, tmp_path: Path) -> None:
    for kind in ("pairs", "triplets"):
        answered(call, workspace, "dataset", kind, "--out", tmp_path / f"{kind}.jsonl")
        assert acting((tmp_path / f"{kind}.jsonl").read_text()) == []
    answered(call, workspace, "judge", "prepare", "--out", tmp_path / "lessons", "--model", "none")
    for path in (tmp_path / "lessons").iterdir():
        assert acting(path.read_text()) == []


def test_figures(call: Call, workspace: Workspace, tmp_path: Path) -> None:
    answered(call, workspace, "labels", "export", tmp_path / "l.csv")
    answered(call, workspace, "evaluate", "--pairs", tmp_path / "l.csv")
    answered(call, workspace, "evaluate", "--matches", tmp_path / "l.csv")
    for name in ("c.csv", "c.json"):
        answered(call, workspace, "simulate", "--gold", tmp_path / "l.csv", "--budget", "8", "--out", tmp_path / name)
        assert acting((tmp_path / name).read_text()) == []
    for path in workspace.home.rglob("*"):
        if path.suffix in {".json", ".jsonl", ".csv", ".txt", ".toml"}:
            assert acting(path.read_text()) == [], path
