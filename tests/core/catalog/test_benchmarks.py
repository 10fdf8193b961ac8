"""The benchmark from a data set folder, read with the real `datasets`; the hub itself is out of reach."""

import csv
import sys
from pathlib import Path
from typing import Any

import pytest

from core.catalog import benchmarks
from core.catalog.benchmarks import WALMART_AMAZON, fetch_walmart_amazon
from core.errors import CatalogError

PRODUCTS = ["id", "title", "category", "brand", "modelno", "price"]
A = [["0", 'a "quoted", title', "tvs", "NA", "00123", "5.50"], ["1", "b", "", "null", "x-1", ""]]
B = [["7", "c", "tvs", "acme", "00456", "9.99"], ["8", "d", "tvs", "acme", "00789", "1.0"]]
PAIRS = [["0", "7", "1"], ["1", "8", "0"]]
NAMES = ["tableA.csv", "tableB.csv", "test.csv", "train.csv", "valid.csv"]
README = """---
configs:
- config_name: pairs
  data_files:
  - split: train
    path: pairs/train.*
  - split: {valid}
    path: pairs/valid.*
  - split: test
    path: pairs/test.*
- config_name: source
  data_files: source.*
- config_name: target
  data_files: target.*
---
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def write(path: Path, *rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.reader(handle))


def layout(folder: Path) -> Path:
    write(folder / "tableA.csv", PRODUCTS, *A)
    write(folder / "tableB.csv", PRODUCTS, *B)
    for name in ("train", "valid", "test"):
        write(folder / f"{name}.csv", ["ltable_id", "rtable_id", "label"], *PAIRS)
    return folder


def configured(folder: Path, pair_names: list[str], valid: str = "valid") -> Path:
    write(folder / "source.csv", PRODUCTS, *A)
    write(folder / "target.csv", PRODUCTS, *B)
    for name in ("train", "valid", "test"):
        write(folder / "pairs" / f"{name}.csv", pair_names, *PAIRS)
    (folder / "README.md").write_text(README.format(valid=valid))
    return folder


def test_the_published_files_are_taken_as_they_are(tmp_path: Path) -> None:
    said: list[str] = []
    # The data set as published still carries a loading script: it is not run.
    source = layout(tmp_path / "hub")
    (source / "hub.py").write_text("raise SystemExit('the script was run')")
    files = fetch_walmart_amazon(tmp_path / "out", str(source), said.append)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == NAMES
    assert {file.path.name: file.rows for file in files} == dict.fromkeys(NAMES, 2)
    assert (tmp_path / "out" / "tableA.csv").read_bytes() == (source / "tableA.csv").read_bytes()
    assert len(said) == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pair_names", "valid"),
    [(["ltable_id", "rtable_id", "label"], "valid"), (["left_id", "right_id", "match"], "validation")],
)
def test_configurations_in_csv(tmp_path: Path, pair_names: list[str], valid: str) -> None:
    pytest.importorskip("datasets")
    fetch_walmart_amazon(tmp_path / "out", str(configured(tmp_path / "hub", pair_names, valid)))
    assert read(tmp_path / "out" / "tableA.csv") == [PRODUCTS, *A]
    # Every model number of this table looks like a number with zeros before it.
    assert read(tmp_path / "out" / "tableB.csv") == [PRODUCTS, *B]
    assert read(tmp_path / "out" / "valid.csv") == [["ltable_id", "rtable_id", "label"], *PAIRS]


@pytest.mark.slow
def test_configurations_in_parquet(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")

    def convert(path: Path, **types: Any) -> None:
        header, *rows = read(path)
        columns = dict(zip(header, zip(*rows, strict=True), strict=True))
        table = {name: [types.get(name, str)(v) if v else None for v in values] for name, values in columns.items()}
        pq.write_table(pa.table(table), path.with_suffix(".parquet"))
        path.unlink()

    source = configured(tmp_path / "hub", ["ltable_id", "rtable_id", "label"])
    for name in ("source", "target"):
        convert(source / f"{name}.csv", id=int, price=float)
    for name in ("train", "valid", "test"):
        convert(source / "pairs" / f"{name}.csv", ltable_id=int, rtable_id=int, label=int)
    fetch_walmart_amazon(tmp_path / "out", str(source))
    assert read(tmp_path / "out" / "train.csv")[1:] == PAIRS
    assert read(tmp_path / "out" / "tableA.csv")[2] == A[1]
    assert [float(row[5]) for row in read(tmp_path / "out" / "tableB.csv")[1:]] == [9.99, 1.0]


@pytest.mark.slow
def test_other_columns_are_refused_and_nothing_is_left_behind(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    source = configured(tmp_path / "hub", ["one", "two", "label"])
    with pytest.raises(CatalogError, match="no column ltable_id, rtable_id; it has one, two, label"):
        fetch_walmart_amazon(tmp_path / "out", str(source))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_plain_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    source = layout(tmp_path / "hub")
    write(source / "tableB.csv", ["id", "name"], ["1", "a"])
    with pytest.raises(CatalogError, match=r"tableB\.csv of the data set has no column title"):
        fetch_walmart_amazon(tmp_path / "out", str(source))


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    source = layout(tmp_path / "hub")
    write(source / "test.csv", ["ltable_id", "rtable_id", "label"])
    with pytest.raises(CatalogError, match=r"test\.csv of the data set has no rows"):
        fetch_walmart_amazon(tmp_path / "out", str(source))


@pytest.mark.slow
def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    (tmp_path / "hub").mkdir()
    with pytest.raises(CatalogError, match="cannot be read"):
        fetch_walmart_amazon(tmp_path / "out", str(tmp_path / "hub"))


def test_without_a_network_the_way_by_hand_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def unreachable(*_: object, **__: object) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(hub, "snapshot_download", unreachable)
    with pytest.raises(CatalogError, match="no route to host") as caught:
        fetch_walmart_amazon(tmp_path / "out", WALMART_AMAZON)
    assert "import walmart-amazon" in caught.value.hint


def test_a_bug_is_not_taken_for_a_missing_network(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def broken(*_: object, **__: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(hub, "snapshot_download", broken)
    with pytest.raises(ZeroDivisionError):
        benchmarks.dataset_folder(WALMART_AMAZON)


def test_only_data_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    asked: dict[str, Any] = {}

    def download(repo: str, **options: Any) -> str:
        asked.update(options, repo=repo)
        return str(layout(tmp_path / "hub"))

    monkeypatch.setattr(hub, "snapshot_download", download)
    fetch_walmart_amazon(tmp_path / "out")
    assert (asked["repo"], asked["repo_type"]) == (WALMART_AMAZON, "dataset")
    assert not any(pattern.endswith((".py", "*")) for pattern in asked["allow_patterns"])


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    with pytest.raises(CatalogError, match="no data set"):
        fetch_walmart_amazon(tmp_path / "out", "not/a/name")


def test_without_the_package_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CatalogError, match="huggingface_hub") as caught:
        fetch_walmart_amazon(tmp_path / "out", WALMART_AMAZON)
    assert ".[train]" in caught.value.hint
