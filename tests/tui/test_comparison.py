"""The field-by-field comparison of two products."""

import pytest

from core.catalog.product import Product
from tui.review.comparison import Relation, compare_fields


def relations(query: Product, candidate: Product) -> dict[str, str]:
    return {row.name: row.relation.value for row in compare_fields(query, candidate)}


def test_equal_different_and_missing() -> None:
    query = Product("w", "1", "t", brand="HP", model="CR-259", price=10.0, upc="036000291452", extra={"color": "red"})
    candidate = Product(
        "a", "2", "t", brand="hp", model="CR258", price=12.5, upc="36000291452", extra={"size": "L", "color": "Blue"}
    )
    assert relations(query, candidate) == {
        "brand": "=", "model": "≠", "price": "≠", "upc": "=", "color": "≠", "size": "–",
    }  # fmt: skip
    rows = {row.name: row for row in compare_fields(query, candidate)}
    assert rows["price"].note == "+25%"
    assert rows["model"].decisive
    assert not rows["price"].decisive


@pytest.mark.parametrize(
    ("own", "other", "relation", "decisive", "note"),
    [
        ("036000291452", "0036000291452", "=", True, ""),
        ("036000291452", "00036000291452", "=", True, ""),
        ("3.6000291452E+10", "0 36000 29145 2", "=", True, ""),
        ("036000291452", "4006381333931", "≠", True, ""),
        ("999999999999", "999999999999", "–", False, "placeholder"),
        ("036000291452", "036000291453", "–", False, "wrong check digit"),
        ("3.80005E+10", "036000291452", "–", False, "query: rounded by a spreadsheet"),
        ("036000291453", "999999999999", "–", False, "query: wrong check digit; placeholder"),
        ("036000291452", "", "–", True, ""),
    ],
)
def test_trade_item_numbers(own: str, other: str, relation: str, decisive: bool, note: str) -> None:
    (row,) = compare_fields(Product("w", "1", "t", upc=own), Product("a", "2", "t", upc=other))
    assert (row.relation.value, row.decisive, row.note) == (relation, decisive, note)


@pytest.mark.parametrize(
    ("own", "other", "relation"),
    [
        ("EN-EL14", "en el14", "="),
        ("T6", "T6i", "≠"),
        ("TL-SC3171G", "tl-sc3171", "≈"),
        ("VER97255", "97255", "≈"),
        ("Panasonic SDR-S70", "SDR-S70", "≈"),
        ("11416", "11446", "≠"),
        ("", "T6", "–"),
        ("#", "#", "="),
    ],
)
def test_model_numbers(own: str, other: str, relation: str) -> None:
    rows = compare_fields(Product("w", "1", "t", model=own), Product("a", "2", "t", model=other))
    assert [row.relation.value for row in rows] == [relation]


@pytest.mark.parametrize(
    ("own", "other", "relation"),
    [
        ("TP-LINK", "tp link", "="),
        ("Rubbermaid", "Rubbermaid Commercial", "≈"),
        ("HP", "Hewlett-Packard", "="),
        ("HP", "Canon", "≠"),
    ],
)
def test_brands(own: str, other: str, relation: str) -> None:
    def same_brand(*names: str) -> bool:
        return set(names) == {"HP", "Hewlett-Packard"}

    (row,) = compare_fields(Product("w", "1", "t", brand=own), Product("a", "2", "t", brand=other), same_brand)
    assert row.relation.value == relation


@pytest.mark.parametrize(
    ("own", "other", "note"),
    [(10.0, 12.5, "+25%"), (10.0, 7.0, "−30%"), (10.0, 24.0, "2.4 times"), (136.94, 136.77, "<1%"), (2.0, 2.001, "")],
)
def test_price_differences(own: float, other: float, note: str) -> None:
    (row,) = compare_fields(Product("w", "1", "t", price=own), Product("a", "2", "t", price=other))
    assert row.note == note


def test_fields_without_values_are_left_out() -> None:
    assert compare_fields(Product("w", "1", "t"), Product("a", "2", "t")) == []


def test_a_price_on_one_side_is_no_evidence() -> None:
    (row,) = compare_fields(Product("w", "1", "t", price=3.0), Product("a", "2", "t"))
    assert (row.own, row.other, row.relation, row.note) == ("3.00", "", Relation.MISSING, "")


def test_a_free_product_does_not_divide_by_zero() -> None:
    (row,) = compare_fields(Product("w", "1", "t", price=0.0), Product("a", "2", "t", price=1.0))
    assert (row.relation, row.note) == (Relation.DIFFERENT, "")


def test_names_and_values_are_safe() -> None:
    rows = compare_fields(Product("w", "1", "t", extra={"co\x1blor": "re\x07d"}), Product("a", "2", "t"))
    assert [(row.name, row.own) for row in rows] == [("co␛lor", "re␇d")]


def test_prices_are_shown_with_their_currencies_and_not_compared_across_them() -> None:
    query = Product("w", "1", "t", price=10.0, currency="USD")
    (row,) = compare_fields(query, Product("a", "2", "t", price=10.0, currency="EUR"))
    assert (row.own, row.other, row.relation) == ("10.00 USD", "10.00 EUR", Relation.MISSING)
    assert row.note == "currencies are not compared"
    (row,) = compare_fields(query, Product("a", "2", "t", price=10.0, currency="USD"))
    assert (row.own, row.other, row.relation) == ("10.00 USD", "10.00 USD", Relation.EQUAL)
    (row,) = compare_fields(query, Product("a", "2", "t", price=12.5))
    assert (row.own, row.other, row.note) == ("10.00 USD", "12.50", "+25%, USD assumed")
    (row,) = compare_fields(query, Product("a", "2", "t", price=10.0))
    assert (row.relation, row.note) == (Relation.EQUAL, "USD assumed")
