"""Prices and trade item numbers as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalog.prices import parse_price


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("58.45", 58.45),
        ("59", 59.0),
        (" 12. ", 12.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("$1,234.50", 1234.5),
        ("$ 1,234,567", 1234567.0),
        ("1,234", 1234.0),
        ("12,50", 12.5),
        ("0,999", 0.999),
        ("1.234,50 €", 1234.5),
        ("1.234.567 €", 1234567.0),
        ("1 234,50 kr", 1234.5),
        ("1\u202f234,50\u00a0€", 1234.5),
        ("CHF 1'234.50", 1234.5),
        ("₹1,23,456.00", 123456.0),
        ("US$12", 12.0),
        ("USD 12", 12.0),
        ("12.00 usd", 12.0),
        ("", None),
        ("   ", None),
        ("0", None),
        ("0.00", None),
        ("$0,00", None),
    ],
)
def test_prices(text: str, price: float | None) -> None:
    assert parse_price(text) == price


@pytest.mark.parametrize(
    "text",
    ["abc", "-5", "$-5", "-$5", "- 5", "nan", "inf", "1e999", "12 apples", "$10 - $20", "1,2,3", "1.2.3,4,5",
     "$", ".", ",", "12,34,5", "--5", "1 2", "٣", "1_000", "0x10"],
)  # fmt: skip
def test_no_prices(text: str) -> None:
    with pytest.raises(ValueError):
        parse_price(text)


@given(st.text(max_size=20) | st.text(alphabet="0123456789.,-$€ '", max_size=12))
def test_any_text_is_a_price_or_a_value_error(text: str) -> None:
    try:
        price = parse_price(text)
    except ValueError:
        return
    assert price is None or 0 < price < float("inf")


@given(st.floats(min_value=0.01, max_value=1e7))
def test_what_programs_write_is_read_back(price: float) -> None:
    assert parse_price(repr(price)) == price
    rounded = round(price, 2)
    assert parse_price(f"${rounded:,.2f}") == rounded
