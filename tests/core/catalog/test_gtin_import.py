"""Trade item numbers on their way into the catalogue: kept as they are written, counted, and told where unusable."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalog.import_report import GtinCounts, gtin_sentences
from core.catalog.importer import ImportOptions, ImportReport, import_file
from core.catalog.store import CatalogStore
from labels.model import ProductRef

GTIN = "00700000554335"
CODES = {
    "valid": "700000554335", "zeros": "36000291452", "exponent": "7.00000554335E+11", "formula": '"=""0700000554335"""',
    "digit": "700000554336", "rounded": "7.00001E+11", "placeholder": "999999999999", "store": "212345678992",
    "asin": "B00X4WHP5E", "none": "", "isbn": "0-306-40615-2",
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CatalogStore]:
    with CatalogStore(tmp_path / "catalog.db") as opened:
        yield opened


def load(store: CatalogStore, path: Path, **options: Any) -> ImportReport:
    return import_file(store, path, "shop", ImportOptions(role="catalog", **options))


def upc(store: CatalogStore, id_: str) -> tuple[str, str]:
    product = store.get(ProductRef("shop", id_))
    assert product is not None
    return product.upc, product.gtin


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    path = tmp_path / "codes.csv"
    path.write_text("id,title,upc\n" + "".join(f"{name},title,{code}\n" for name, code in CODES.items()))
    return path


def test_the_text_of_the_file_is_kept_and_the_gtin_beside_it(store: CatalogStore, csv_file: Path) -> None:
    load(store, csv_file)
    assert upc(store, "valid") == ("700000554335", GTIN)
    assert upc(store, "exponent") == ("7.00000554335E+11", GTIN)
    assert upc(store, "formula") == ('="0700000554335"', GTIN)
    assert upc(store, "rounded") == ("7.00001E+11", "")
    assert upc(store, "asin") == ("B00X4WHP5E", "")


@pytest.mark.parametrize("dry", [False, True])
def test_numbers_are_counted_and_those_that_are_unusable_are_told_with_their_rows(
    store: CatalogStore, csv_file: Path, dry: bool
) -> None:
    told = load(store, csv_file, dry=dry).gtins.to_json()
    assert (told["valid"], told["repaired"]) == (3, 2)
    assert {problem: each["count"] for problem, each in told["unusable"].items()} == {
        "wrong check digit": 1, "rounded by a spreadsheet": 1, "placeholder": 1, "not a number": 1,
        "in-store, coupon or restricted range": 1,
    }  # fmt: skip
    assert told["unusable"]["wrong check digit"]["examples"] == [{"line": 6, "id": "digit", "text": "700000554336"}]
    head, *problems = gtin_sentences(told)
    assert head == "GTINs: 3 valid, 2 repaired, 5 unusable (left unknown)"
    assert "1 wrong check digit (line 6, digit: 700000554336)" in problems


def test_few_examples_stand_for_many_and_none_is_long(store: CatalogStore, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("id,title,upc\n" + "".join(f"{n},t,no number but {'long ' * 20} words\n" for n in range(9)))
    told = load(store, path).gtins.to_json()
    assert [len(each["text"]) for each in told["unusable"]["not a number"]["examples"]] == [40, 40, 40]
    assert list(gtin_sentences(told))[1].endswith("; …)")


def test_a_file_without_numbers_tells_nothing_of_them(store: CatalogStore, tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("id,title,upc\n1,t,\n2,t,  \n")
    assert list(gtin_sentences(load(store, path).gtins.to_json())) == []


@pytest.mark.parametrize("value", [700000554335, 700000554335.0, "700000554335", ["700000554335"], "0700000554335"])
def test_json_numbers_are_gtins(store: CatalogStore, tmp_path: Path, value: object) -> None:
    path = tmp_path / "codes.jsonl"
    path.write_text(json.dumps({"id": "1", "title": "t", "upc": value}) + "\n")
    load(store, path)
    assert upc(store, "1")[1] == GTIN


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int64", 700000554335),
        ("float64", 700000554335.0),
        ("string", "700000554335"),
        ("decimal128", Decimal("700000554335.00")),
    ],
)
def test_parquet_numbers_are_gtins(store: CatalogStore, tmp_path: Path, kind: str, value: object) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    type_ = pa.decimal128(20, 2) if kind == "decimal128" else getattr(pa, kind)()
    path = tmp_path / "codes.parquet"
    pq.write_table(pa.table({"id": ["1", "2"], "title": ["t", "t"], "upc": pa.array([value, None], type_)}), path)
    load(store, path)
    assert [upc(store, id_)[1] for id_ in "12"] == [GTIN, ""]


@given(st.lists(st.text(max_size=20)))
def test_every_number_is_counted_once(texts: list[str]) -> None:
    tally = GtinCounts()
    for line, text in enumerate(texts, 1):
        tally.add(line, str(line), text)
    told = tally.to_json()
    counted = told["valid"] + told["repaired"] + sum(each["count"] for each in told["unusable"].values())
    assert sum(bool(text.strip(" \t\r\n='’`\"[]")) for text in texts) >= counted
    assert json.dumps(told)
