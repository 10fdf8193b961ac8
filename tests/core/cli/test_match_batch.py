"""`match --input`: products matched in parts without being imported, going on after a kill."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from folder_templates import copy_of
from labelled_home import DEMO, IMPORTED, OTHERS, write_labelled_home
from samples import HashEncoder, match

from core.catalog.product import Product
from core.catalog.query_files import QueryFiles
from core.catalog.store import CatalogStore
from core.jobs.locks import acquire
from core.workspace import Workspace
from labels.model import ActionDetails, ProductRef, Verb
from labels.store import LabelStore
from tests.core.cli.conftest import Answer, Call

FIELDS = ("id", "title", "brand", "category", "model", "price", "currency", "upc")

Match = Callable[..., Answer]

#: Runs of `samesku ARGUMENTS` with an encoder without a model, each killed when the block of a number is scored. The
#: libraries are imported once: a line of input is a run, in a fork of this process, and its exit status is a line of
#: output.
_KILLED = """
import gc, json, os, sys, traceback
from pathlib import Path
import faiss, lightgbm, pyarrow.parquet, rapidfuzz, scipy.optimize, sklearn.feature_extraction.text, sklearn.metrics
import core.cli.match, core.matching.run
from samples import HashEncoder
from core.cli.app import make_app, run
from core.matching.query_scorer import QueryScorer
from core.retrieval import corpus_vectors, encoder_registry
from core.retrieval.encoder_files import EncoderModel

corpus_vectors.Encoder = lambda *_, **__: HashEncoder()
candidates = QueryScorer.candidates

def killed(block, folder, arguments):
    encoder_registry.find_base = lambda _: EncoderModel("hash", Path(folder))
    left = block

    def counted(self, queries):
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return candidates(self, queries)

    QueryScorer.candidates = counted
    os.dup2(2, 1)
    run(make_app(), arguments)

gc.freeze()  # a collection in a fork would copy all that was imported
for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            killed(*json.loads(line))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

Kill = Callable[..., int]


@pytest.fixture(scope="module")
def killed_at() -> Iterator[Kill]:
    """Runs `samesku ARGUMENTS` in a process of its own until a block; returns how that ended."""

    def run(block: int, folder: Path, *arguments: str | Path) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([block, str(folder), [*map(str, arguments)]]) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    path = os.pathsep.join([str(Path(__file__).parents[2] / "support"), *sys.path])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAMESKU_")}
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED], env=environment | {"PYTHONPATH": path}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield run


@pytest.fixture
def home(tmp_path: Path, hash_encoder: HashEncoder, call: Call) -> Workspace:
    """An indexed workspace with a calibrated matcher."""

    def write(folder: Path) -> None:
        write_labelled_home(folder)
        assert call("index", "--home", folder, "--quiet").code == 0

    return Workspace(copy_of("a workspace for match --input", write, tmp_path / "home"))


@pytest.fixture
def matched(home: Workspace, call: Call) -> Match:
    """Runs `match --input ... --json`."""
    return lambda path, *rest: call("match", "--input", path, *rest, "--home", home.home, "--json")


def write_products(path: Path, products: Sequence[Product], **columns: Sequence[str]) -> Path:
    """A Parquet file of products."""
    rows = [{name: getattr(each, name) for name in FIELDS} | each.extra for each in products]
    names = dict.fromkeys(name for row in rows for name in row)
    table = {name: [row.get(name) for row in rows] for name in names}
    pq.write_table(pa.table({**table, **columns}), path)
    return path


def rows_of(path: Path) -> list[dict[str, object]]:
    paths = sorted(path.glob("part-*")) if path.is_dir() else [path]
    return [row for each in paths for row in pq.read_table(each).to_pylist()]


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# -- the same as for imported queries ------------------------------------------------------------------------


def test_imported_queries_get_what_match_writes_of_them(
    home: Workspace, matched: Match, call: Call, tmp_path: Path
) -> None:
    path = write_products(tmp_path / "queries.parquet", IMPORTED)
    answer = matched(path, "--out", tmp_path / "out.parquet", "--part", "50").json
    assert call("match", "--out", tmp_path / "all.parquet", "--home", home.home).code == 0
    order = {query.id: place for place, query in enumerate(IMPORTED)}
    wanted = sorted(rows_of(tmp_path / "all.parquet"), key=lambda row: order[str(row["query_id"])])
    found = rows_of(tmp_path / "out.parquet")
    assert (answer["queries"], answer["rows"], answer["calibrated"]) == (len(IMPORTED), len(found), True)
    assert [(row["query_id"], row["rank"], row["candidate_id"]) for row in found] == [
        (row["query_id"], row["rank"], row["candidate_id"]) for row in wanted
    ]
    for name in ("probability", "similarity"):
        assert [row[name] for row in found] == pytest.approx([row[name] for row in wanted], abs=1e-6)
    assert not (tmp_path / "out.parquet.parts").exists()


def test_other_queries_are_matched_nearly_as_if_they_were_imported(
    home: Workspace, matched: Match, call: Call, tmp_path: Path
) -> None:
    path = write_products(tmp_path / "queries.parquet", OTHERS)
    assert matched(path, "--out", tmp_path / "out.parquet").code == 0
    with CatalogStore(home.catalog) as catalog:
        catalog.replace("walmart", "query", OTHERS)
    assert call("index", "--home", home.home).code == 0
    assert matched(path, "--out", tmp_path / "imported.parquet").code == 0
    found, wanted = (
        {(row["query_id"], row["candidate_id"]): row["probability"] for row in rows_of(tmp_path / name)}
        for name in ("out.parquet", "imported.parquet")
    )
    common = found.keys() & wanted.keys()
    # The document frequencies and the rivals of the products are a little different.
    assert len(common) > 0.9 * len(wanted)
    assert sum(abs(float(found[pair]) - float(wanted[pair])) < 0.05 for pair in common) > 0.9 * len(common)


def test_a_query_gets_the_same_alone_and_among_others(matched: Match, tmp_path: Path) -> None:
    together = write_products(tmp_path / "together.parquet", OTHERS)
    assert matched(together, "--out", tmp_path / "out.parquet").code == 0
    wanted = [row for row in rows_of(tmp_path / "out.parquet") if row["query_id"] == OTHERS[7].id]
    alone = write_products(tmp_path / "alone.parquet", OTHERS[7:8])
    assert matched(alone, "--out", tmp_path / "alone-out.parquet").code == 0
    found = rows_of(tmp_path / "alone-out.parquet")
    assert [row["candidate_id"] for row in found] == [row["candidate_id"] for row in wanted]
    assert [row["probability"] for row in found] == pytest.approx([row["probability"] for row in wanted], abs=1e-6)


def test_an_imported_query_with_other_content_is_matched_by_what_the_file_has(matched: Match, tmp_path: Path) -> None:
    own, other = IMPORTED[0], OTHERS[0]
    changed = Product("walmart", own.id, other.title, other.brand, other.category, other.model, other.price, other.upc)
    rows = []
    for name, product in (("changed", changed), ("other", other)):
        path = write_products(tmp_path / f"{name}.parquet", [product])
        assert matched(path, "--out", tmp_path / f"{name}-out.parquet").code == 0
        rows.append([row["candidate_id"] for row in rows_of(tmp_path / f"{name}-out.parquet")])
    assert rows[0] == rows[1]


def test_a_repeated_id_is_matched_each_time(matched: Match, tmp_path: Path) -> None:
    path = write_products(tmp_path / "queries.parquet", [OTHERS[0], OTHERS[1], OTHERS[0]])
    assert matched(path, "--out", tmp_path / "out").json["queries"] == 3
    rows = [(row["query_id"], row["candidate_id"]) for row in rows_of(tmp_path / "out")]
    assert rows[:10] == rows[20:]
    assert rows[0] != rows[10]


# -- parts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", ".parquet", ".csv", ".jsonl"])
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    home: Workspace, matched: Match, killed_at: Kill, tmp_path: Path, ending: str
) -> None:
    products = [*IMPORTED[:15], *OTHERS]
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        write_products(folder / f"{number}.parquet", products[number * 15 :][:15])
    whole, out = tmp_path / f"whole{ending}", tmp_path / f"out{ending}"
    assert matched(folder, "--out", whole, "--part", "10").json["parts"] == 5
    given = ["match", "--input", folder, "--out", out, "--part", "10", "--home", home.home]
    parts = tmp_path / f"out{ending}.parts" if ending else out
    assert killed_at(2, tmp_path, *given) == -signal.SIGKILL
    first = {path.name: path.stat().st_mtime_ns for path in parts.glob("part-*")}
    assert len(first) == 2
    assert killed_at(1, tmp_path, *given) == -signal.SIGKILL
    assert len(list(parts.glob("part-*"))) == 3
    assert ending == "" or not out.exists()
    answer = matched(folder, "--out", out, "--part", "10").json
    assert (answer["parts"], answer["finished_earlier"], answer["queries"]) == (5, 3, 45)
    if ending:
        assert out.read_bytes() == whole.read_bytes()
        assert not parts.exists()
    else:
        assert content_of(out) == content_of(whole)
        assert {name: (out / name).stat().st_mtime_ns for name in first} == first


def test_a_finished_run_is_not_done_again_and_one_with_other_inputs_is_refused(
    home: Workspace, matched: Match, tmp_path: Path
) -> None:
    path, out = write_products(tmp_path / "queries.parquet", OTHERS), tmp_path / "out"
    assert matched(path, "--out", out, "--part", "10").json["finished_earlier"] == 0
    before = content_of(out)
    assert matched(path, "--out", out, "--part", "10").json["finished_earlier"] == 3
    for change, said in (
        (["--k", "3"], "differs in: options."),
        (["--part", "7"], "differs in: part size."),
        (["--source", "shop"], "differs in: input."),
    ):
        answer = matched(path, "--out", out, "--part", "10", *change)
        assert (answer.code, said in answer.err, "--restart" in answer.err) == (1, True, True), answer.err
    write_products(path, OTHERS[:20])
    assert "differs in: input." in matched(path, "--out", out, "--part", "10").err
    assert content_of(out) == before
    answer = matched(path, "--out", out, "--part", "10", "--restart").json
    assert (answer["parts"], answer["finished_earlier"]) == (2, 0)
    assert len(list(out.glob("part-*"))) == 2


def test_a_damaged_part_is_written_again(matched: Match, tmp_path: Path) -> None:
    path, out = write_products(tmp_path / "queries.parquet", OTHERS), tmp_path / "out"
    assert matched(path, "--out", out, "--part", "10").code == 0
    before = content_of(out)
    (out / "part-00001.parquet").write_bytes(b"half")
    answer = matched(path, "--out", out, "--part", "10")
    assert "part-00001.parquet is damaged" in answer.err
    assert (answer.json["finished_earlier"], content_of(out)) == (2, before)


def test_a_run_keeps_its_matcher_while_people_label(
    home: Workspace, matched: Match, call: Call, killed_at: Kill, tmp_path: Path
) -> None:
    path, out, whole = write_products(tmp_path / "queries.parquet", OTHERS), tmp_path / "out", tmp_path / "whole"
    assert matched(path, "--out", whole, "--part", "10").code == 0
    given = ["match", "--input", path, "--out", out, "--part", "10", "--home", home.home]
    assert killed_at(1, tmp_path, *given) == -signal.SIGKILL
    with LabelStore(home.labels) as store:
        query, product = sorted(DEMO.gold)[45]
        store.record("ada", Verb.ACCEPT, ProductRef("walmart", query), match(product), ActionDetails(closes=True))
    # As an index run would, without another index: the candidates are the same.
    assert call("index", "--home", home.home).code == 0
    answer = matched(path, "--out", out, "--part", "10")
    assert "goes on with the matcher that it began with" in answer.err
    assert content_of(out) == content_of(whole)


def test_two_runs_do_not_write_to_one_folder(matched: Match, tmp_path: Path) -> None:
    path, out = write_products(tmp_path / "queries.parquet", OTHERS[:3]), tmp_path / "out"
    assert matched(path, "--out", out).code == 0
    lock = acquire(out / "_samesku.lock")
    answer = matched(path, "--out", out, "--restart")
    assert (answer.code, "Another run is writing to" in answer.err) == (1, True)
    os.close(lock)
    assert matched(path, "--out", out, "--restart").code == 0


def test_an_input_that_changes_meanwhile_ends_the_run(
    matched: Match, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = write_products(tmp_path / "queries.parquet", OTHERS), tmp_path / "out"
    products = QueryFiles.products

    def shorter(self: QueryFiles, workspace: Workspace) -> Iterator[Product]:
        write_products(path, OTHERS[:15])
        return products(self, workspace)

    monkeypatch.setattr(QueryFiles, "products", shorter)
    answer = matched(path, "--out", out, "--part", "10")
    assert (answer.code, "The input was changed during the run." in answer.err) == (1, True)


# -- input that cannot be used -------------------------------------------------------------------------------


def test_rows_that_cannot_be_read_are_skipped_and_listed(home: Workspace, matched: Match, tmp_path: Path) -> None:
    path = tmp_path / "queries.csv"
    path.write_text(f"id,title\n1,{OTHERS[0].title.replace(',', ' ')}\n2,\n,no id\n3,one,too many\n")
    answer = matched(path, "--out", tmp_path / "out")
    assert (answer.json["queries"], answer.json["rejected"]) == (
        1,
        {"no title": 1, "no id": 1, "wrong column count": 1},
    )
    assert "3 rows were skipped" in answer.err
    assert Path(answer.json["lists"][0]).parent == home.reports


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--input", "none.csv", "--out", "out"], "There is no file none.csv."),
        (["--input", "empty", "--out", "out"], "There is no file in the folder empty."),
        (["--input", "untitled.csv", "--out", "out"], "No column of untitled.csv looks like the title."),
        (["--input", "queries.csv", "--map", "title=name", "--out", "out"], "queries.csv has no column 'name'."),
        (["--input", "rows.csv", "--out", "out"], "There is no product in rows.csv."),
        (["--input", "queries.csv", "--out", "other"], "other is not empty"),
        (["--input", "queries.csv", "--out", "other", "--restart"], "other is not empty"),
        (["--input", "queries.csv", "--out", "out.xlsx"], "out.xlsx: Excel workbooks are read, but not written."),
        (["--input", "queries.csv", "--out", "no/out"], "There is no folder no."),
        (["--input", "other", "--out", "other/out"], "other/out is inside the input other."),
        (["--input", "queries.csv", "--out", "queries.csv"], "queries.csv is the input."),
        (["--input", "queries.csv", "--out", "out", "--k", "11"], "10 candidates are stored per query, fewer than 11."),
        (["--input", "queries.csv", "--out", "out", "--source", " x"], "' x' is not a valid source name."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_matched_is_one_sentence_and_changes_nothing(
    home: Workspace, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("other").mkdir()
    Path("other/note.csv").write_text("id,title\n1,Mouse\n")
    Path("untitled.csv").write_text("id,price\n1,2\n")
    Path("queries.csv").write_text("id,title\n1,Mouse\n")
    Path("rows.csv").write_text("id,title\n1,\n")
    files = sorted(Path().rglob("*"))
    answer = call("match", *arguments, "--home", home.home)
    assert (answer.code, answer.err.count("Error: ")) == (1, 1), answer.err
    assert said in answer.err
    assert "Traceback" not in answer.err
    left = sorted(path for path in Path().rglob("*") if Path("home") not in path.parents)
    assert left == [path for path in files if Path("home") not in path.parents]


def test_an_index_that_is_out_of_date_is_said(home: Workspace, matched: Match, call: Call, tmp_path: Path) -> None:
    path = write_products(tmp_path / "queries.parquet", OTHERS)
    with CatalogStore(home.catalog) as catalog:
        catalog.replace("walmart", "query", OTHERS[:1])
    answer = matched(path, "--out", tmp_path / "out")
    assert (answer.code, "changed since the last index run" in answer.err) == (1, True)
    assert not (tmp_path / "out").exists()


def test_the_source_is_asked_for_where_it_is_not_clear(
    home: Workspace, matched: Match, call: Call, tmp_path: Path
) -> None:
    path = write_products(tmp_path / "queries.parquet", OTHERS[:3])
    with CatalogStore(home.catalog) as catalog:
        catalog.replace("target", "query", [Product("target", "1", "Mouse")])
    assert call("index", "--home", home.home).code == 0
    answer = matched(path, "--out", tmp_path / "out")
    assert (answer.code, "--source NAME" in answer.err) == (1, True)
    assert matched(path, "--out", tmp_path / "out", "--source", "kroger").code == 0
    assert {row["query_source"] for row in rows_of(tmp_path / "out")} == {"kroger"}


@pytest.mark.parametrize(
    "arguments", [["--restart"], ["--map", "title=name"], ["--input", "p.csv", "--judge", "--source", "x"]]
)
def test_what_is_for_products_is_refused_without_them(home: Workspace, call: Call, arguments: list[str]) -> None:
    assert call("match", *arguments, "--out", "o.csv", "--home", home.home).code == 2


def test_json_is_one_object(matched: Match, tmp_path: Path) -> None:
    path = write_products(tmp_path / "queries.parquet", OTHERS[:3])
    answer = matched(path, "--out", tmp_path / "out")
    assert json.loads(answer.out)["file"] == str(tmp_path / "out")
