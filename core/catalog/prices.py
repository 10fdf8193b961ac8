"""Prices as retailers, people and spreadsheets write them."""

import math
import re

_SIGNS = r"[$€£¥₹₩₽₺₪฿₴₫₦]"
_CODES = (
    r"USD|CAD|AUD|NZD|EUR|GBP|JPY|CNY|INR|CHF|SEK|NOK|DKK|PLN|CZK|HUF|RON|TRY|BRL|MXN|KRW|SGD|HKD|ZAR"
    r"|US|CA|AU|kr\.?|zł|Kč|Rs\.?"
)
_CURRENCY = rf"(?:(?:{_CODES})?\s*{_SIGNS}|{_SIGNS}?\s*(?:{_CODES}))"
_MONEY = re.compile(
    rf"(?P<before>-\s*)?(?:{_CURRENCY}\s*)?(?P<amount>-?[0-9.,'’\s]*[0-9][.,]?)(?:\s*{_CURRENCY})?",
    re.IGNORECASE,
)
# What programs write; commas and blanks are what people write.
_PLAIN = re.compile(r"-?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|-?[0-9]+\.")
_GROUPED = re.compile(r"[0-9]{1,3}([.,'’ ][0-9]{2,3})+")


def parse_price(text: str) -> float | None:
    """The price in a text such as `58.45`, `$1,234.50`, `1.234,50 €` or `USD 12`.

    The currency is dropped, not converted. Of a point and a comma the last is the decimal mark. A comma
    alone groups thousands when three digits follow it (`1,234`), and is a decimal mark otherwise
    (`12,50`); a point alone is a decimal mark, as programs write it.

    Returns:
        The price, or None for an empty text and for 0, which in catalogues mean that it is not known.

    Raises:
        ValueError: not a number, below zero, or not finite.
    """
    given = text.strip()
    if not given:
        return None
    amount = given if _PLAIN.fullmatch(given) else _amount(given)
    price = float(amount)
    if not math.isfinite(price) or price < 0:
        raise ValueError(f"not a price: {text[:40]!r}")
    return price or None


def _amount(text: str) -> str:
    money = _MONEY.fullmatch(text)
    if money is None:
        raise ValueError(f"not a price: {text[:40]!r}")
    digits = re.sub(r"\s", " ", money["amount"]).strip()
    sign = "-" if money["before"] or digits.startswith("-") else ""
    return sign + _plain_number(digits.lstrip("- "))


def _plain_number(digits: str) -> str:
    """The number with a point as its decimal mark and nothing between its thousands."""
    whole, mark, fraction = digits, "", ""
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0 and _is_decimal_mark(digits, last):
        whole, mark, fraction = digits[:last], ".", digits[last + 1 :]
    if not whole.isdigit() and whole and not _GROUPED.fullmatch(whole):
        raise ValueError(f"not a price: {digits[:40]!r}")
    return re.sub(r"[^0-9]", "", whole) + mark + fraction


def _is_decimal_mark(digits: str, at: int) -> bool:
    mark = digits[at]
    other = "," if mark == "." else "."
    if digits.count(mark) > 1:
        return False
    if other in digits or mark == ".":
        return True
    groups_thousands = len(digits) - at - 1 == 3 and 1 <= at <= 3 and not digits.startswith("0")
    return not groups_thousands
