"""Prices, their currencies, and trade item numbers as they are written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalog.prices import Price, PriceNote, currency_code, currency_in_name, read_price


@pytest.mark.parametrize(
    ("text", "price", "currency"),
    [
        ("58.45", 58.45, ""),
        ("59", 59.0, ""),
        (" 12. ", 12.0, ""),
        (".5", 0.5, ""),
        ("1e3", 1000.0, ""),
        ("$1,234.50", 1234.5, "USD"),
        ("$ 1,234,567", 1234567.0, "USD"),
        ("1,234", 1234.0, ""),
        ("12,50", 12.5, ""),
        ("0,999", 0.999, ""),
        ("1.234,50 €", 1234.5, "EUR"),
        ("1.299,00 €", 1299.0, "EUR"),
        ("1.299 €", 1299.0, "EUR"),
        ("1.299", 1.299, ""),
        ("1.234.567 €", 1234567.0, "EUR"),
        ("12,- €", 12.0, "EUR"),
        ("EUR 12,--", 12.0, "EUR"),
        ("1 234,50 kr", 1234.5, "kr"),
        ("1\u202f234,50\u00a0€", 1234.5, "EUR"),
        ("CHF 1'234.50", 1234.5, "CHF"),
        ("₹1,23,456.00", 123456.0, "INR"),
        ("US$12", 12.0, "USD"),
        ("US$ 12.99", 12.99, "USD"),
        ("C$12.99", 12.99, "CAD"),
        ("$12.99 CAD", 12.99, "CAD"),
        ("MXN $199.00", 199.0, "MXN"),
        ("USD 12", 12.0, "USD"),
        ("12.00 usd", 12.0, "USD"),
        ("99¢", 0.99, "USD"),
        ("12.99 each", 12.99, ""),
        ("€12.99 incl. VAT", 12.99, "EUR"),
        ("UVP: 1.299,00 €", 1299.0, "EUR"),
        ("$12.99 ($0.54 / oz)", 12.99, "USD"),
        ("Was $20 Now $15", 15.0, "USD"),
        ("Now $15 (was $20)", 15.0, "USD"),
        ("", None, ""),
        ("   ", None, ""),
        ("0", None, ""),
        ("0.00", None, ""),
        ("$0,00", None, ""),
    ],
)
def test_prices(text: str, price: float | None, currency: str) -> None:
    assert read_price(text) == Price(price, currency)


@pytest.mark.parametrize(
    ("text", "lower", "currency"),
    [
        ("$10 - $20", 10.0, "USD"),
        ("$12.99 - $19.99", 12.99, "USD"),
        ("1,299.99–1,399.99", 1299.99, ""),
        ("10 to 20", 10.0, ""),
        ("£7.99-£5.99 each", 5.99, "GBP"),
        ("from $12.99", 12.99, "USD"),
        ("ab 12,99 €", 12.99, "EUR"),
        ("à partir de 12,99 €", 12.99, "EUR"),
        ('["12.99", "13.99"]', 12.99, ""),
        ('{"min": 1, "max": 3, "currency": "EUR"}', 1.0, "EUR"),
    ],
)
def test_a_range_gives_its_lower_end_and_says_so(text: str, lower: float, currency: str) -> None:
    assert read_price(text) == Price(lower, currency, PriceNote.LOWER_END)


@pytest.mark.parametrize(
    "text",
    ["abc", "N/A", "nan", "-", "Call for price", "Currently unavailable", "-5", "$-5", "-$5", "- 5", "inf", "1e999",
     "12 apples", "1,2,3", "1.2.3,4,5", "$", ".", ",", "12,34,5", "--5", "1 2", "٣", "1_000", "0x10", "$0.12/oz",
     "12.99 per kg", "2 for $5", "$5 off", "{}", "[]", '{"price": "call"}', "9" * 500, "[" * 100_000],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_no_prices(text: str) -> None:
    assert read_price(text) == Price(note=PriceNote.UNREADABLE)


@pytest.mark.parametrize(
    ("value", "price", "currency"),
    [
        ({"value": 12.99, "currency": "USD"}, 12.99, "USD"),
        ({"amount": {"value": "12,99"}, "currency": "€"}, 12.99, "EUR"),
        ({"current": {"price": 5, "currencyUnit": "USD"}, "was": 7}, 5.0, "USD"),
        ({"@type": "Offer", "price": "12.99", "priceCurrency": "CAD"}, 12.99, "CAD"),
        ({"centAmount": 1299, "currencyCode": "EUR", "fractionDigits": 2}, 12.99, "EUR"),
        ({"raw": "$12.99"}, 12.99, "USD"),
        ({"USD": 5}, 5.0, "USD"),
        ([3], 3.0, ""),
    ],
)
def test_nested_prices(value: object, price: float, currency: str) -> None:
    assert read_price(json.dumps(value)) == Price(price, currency)


def test_a_column_says_the_currency_that_the_price_does_not() -> None:
    assert read_price("12.99", "eur") == Price(12.99, "EUR")
    assert read_price("$12.99", "EUR") == Price(12.99, "USD")
    assert read_price("12.99", "no idea") == Price(12.99)
    assert [currency_in_name(name) for name in ("price_eur", "Preis (€)", "priceUSD", "Price", "total all")] == [
        "EUR", "EUR", "USD", "", "ALL",
    ]  # fmt: skip
    assert [currency_code(name) for name in ("usd", "US Dollar", "£", "A$", "ABC")] == ["USD", "USD", "GBP", "AUD", ""]


@given(st.text(max_size=20) | st.text(alphabet="0123456789.,-$€ '", max_size=12) | st.text('{}[]:,"1', max_size=12))
def test_any_text_is_a_price_or_none(text: str) -> None:
    found = read_price(text)
    assert found.amount is None or 0 < found.amount < float("inf")


@given(st.floats(min_value=0.01, max_value=1e7))
def test_what_programs_write_is_read_back(price: float) -> None:
    assert read_price(repr(price)).amount == price
    rounded = round(price, 2)
    assert read_price(f"${rounded:,.2f}").amount == rounded
