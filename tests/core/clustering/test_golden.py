"""Golden records, value by value."""

import csv
import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalog.product import Product
from core.clustering.golden import GoldenRow, choose_value, golden_record, write_golden
from labels.model import ProductRef


def chosen(*values: str, trust: tuple[str, ...] = ()) -> tuple[str, str, str] | None:
    """The value, its source and the rule, of sources a, b, c …"""
    found = choose_value([(text, ProductRef("abcdef"[i], "1")) for i, text in enumerate(values)], trust)
    return found and (found.text, found.ref.source, found.rule)


@pytest.mark.parametrize(
    ("values", "trust", "expected"),
    [
        (["", "Sony"], (), ("Sony", "b", "only")),
        (["SONY", "Sony "], (), ("Sony ", "b", "only")),
        (["DSC-W830", "dscw830", "W830 Silver"], (), ("DSC-W830", "a", "most_frequent")),
        (["Red", "Crimson", ""], (), ("Crimson", "b", "longest")),
        (["Gray", "Grey"], ("b", "a"), ("Grey", "b", "trusted")),
        (["Gray", "Grey"], ("z",), ("Gray", "a", "first")),
        (["Gray", "Grey"], (), ("Gray", "a", "first")),
        (["SONY", "Sony"], ("b",), ("Sony", "b", "only")),
        (["★", "☆", "☆"], (), ("☆", "b", "most_frequent")),
        (["", ""], (), None),
    ],
)
def test_rules(values: list[str], trust: tuple[str, ...], expected: tuple[str, str, str] | None) -> None:
    assert chosen(*values, trust=trust) == expected


def listing(source: str, title: str, **fields: object) -> Product:
    return Product(source, "1", title, **fields)  # type: ignore[arg-type]


LISTINGS = [
    listing("amazon", "Sony MDR-ZX110 Headphones", brand="Sony", model="ZX110", extra={"color": "White", "asin": "B"}),
    listing("target", "Headphones - Sony", upc="027242869127",
            extra={"color": "white", "List Price": "20", "Sold by": "Acme", "seller_name": "Acme"}),
    listing("walmart", "Sony Headphones", brand="SONY", model="MDR-ZX110", upc="0027242869127", price=14.88),
]  # fmt: skip


def test_a_record_and_where_it_comes_from() -> None:
    record = golden_record("P1", LISTINGS, ["walmart"])
    assert (record.title, record.brand, record.model) == ("Sony MDR-ZX110 Headphones", "SONY", "MDR-ZX110")
    assert (record.gtin, record.listings) == ("00027242869127", 3)
    assert record.attributes == {"asin": "B", "color": "White"}
    assert record.provenance["title"] == {"source": "amazon", "id": "1", "rule": "longest"}
    assert record.provenance["gtin"] == {"source": "walmart", "id": "1", "rule": "only"}
    assert record.provenance["attributes"]["asin"] == {"source": "amazon", "id": "1", "rule": "only"}


def test_a_default_gtin_identifies_nothing() -> None:
    defaults = frozenset({("target", "00027242869127"), ("walmart", "00027242869127")})
    record = golden_record("P1", LISTINGS, [], defaults)
    assert record.gtin == ""
    assert "gtin" not in record.provenance


def test_a_table_has_json_in_cells(tmp_path: Path) -> None:
    record = golden_record("P1", LISTINGS, [])
    for name in ("p.csv", "p.jsonl"):
        assert write_golden([record], tmp_path / name) == 1
    (row,) = csv.DictReader((tmp_path / "p.csv").read_text().splitlines())
    assert json.loads(row["attributes"]) == record.attributes
    assert json.loads(row["provenance"]) == record.provenance
    assert GoldenRow(**json.loads((tmp_path / "p.jsonl").read_text())) == record


TEXTS = st.sampled_from(["", "Gray", "gray", "Grey", "Light grey", "★"])


@given(st.lists(st.tuples(TEXTS, st.sampled_from("abc"), st.sampled_from("12")), max_size=6), st.randoms())
def test_the_order_of_the_listings_has_no_influence(values: list[tuple[str, str, str]], random: Random) -> None:
    given = [(text, ProductRef(source, id_)) for text, source, id_ in {v[1:]: v for v in values}.values()]
    shuffled = list(given)
    random.shuffle(shuffled)
    assert choose_value(shuffled, ["b"]) == choose_value(given, ["b"])
