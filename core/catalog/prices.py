"""Parsing of prices and currencies as written by retailers, people and spreadsheets.

Currency codes are the active ones of ISO 4217:2015, List One, maintained by SIX Group
(https://www.six-group.com/en/products-services/financial-information/data-standards.html).
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

ISO_4217 = frozenset({
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF",
    "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC",
    "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS",
    "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD",
    "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL",
    "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD",
    "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD",
    "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP",
    "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VES",
    "VND", "VUV", "WST", "XAF", "XCD", "XOF", "XPF", "YER", "ZAR", "ZMW",
})  # fmt: skip

#: Codes that also count in lower case; others may be words (`all`, `try`, `top`).
_LOWER_CASE = "usd|eur|gbp|cad|aud|nzd|jpy|chf|sek|nok|dkk|pln|czk|huf|inr|cny|mxn|brl|krw|sgd|hkd|zar"

#: A bare `$` means US dollars and a bare `¥` yen. Catalogues in another dollar usually state it.
_SIGNS = {
    "US$": "USD", "U$S": "USD", "CA$": "CAD", "CAD$": "CAD", "C$": "CAD", "AU$": "AUD", "A$": "AUD", "NZ$": "NZD",
    "HK$": "HKD", "SG$": "SGD", "S$": "SGD", "NT$": "TWD", "MX$": "MXN", "R$": "BRL", "$": "USD", "€": "EUR",
    "£": "GBP", "¥": "JPY", "￥": "JPY", "円": "JPY", "元": "CNY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY",
    "₪": "ILS", "฿": "THB", "₴": "UAH", "₫": "VND", "₦": "NGN", "₱": "PHP", "₡": "CRC", "₲": "PYG", "₸": "KZT",
    "₼": "AZN", "₾": "GEL", "¢": "USD",
}  # fmt: skip
#: Currency names in lower case. `kr` may be any of several currencies, and is kept.
_NAMES = {
    "euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD", "us dollar": "USD", "us dollars": "USD",
    "pound": "GBP", "pounds": "GBP", "yen": "JPY", "rmb": "CNY", "yuan": "CNY", "rs": "INR", "rs.": "INR",
    "rupees": "INR", "zł": "PLN", "kč": "CZK", "ft": "HUF", "lei": "RON", "sfr.": "CHF", "sfr": "CHF", "fr.": "CHF",
    "us": "USD", "ca": "CAD", "au": "AUD", "kr": "kr", "kr.": "kr",
}  # fmt: skip

_ALTERNATIVES = (
    *map(re.escape, sorted(_SIGNS, key=len, reverse=True)),
    rf"(?<![^\W\d_])(?:{'|'.join(sorted(ISO_4217))}|{_LOWER_CASE})(?![^\W\d_])",
    rf"(?<![^\W\d_])(?i:{'|'.join(re.escape(name) for name in sorted(_NAMES, key=len, reverse=True))})(?![^\W\d_])",
)
#: Pattern of a currency in a text, without capturing groups.
CURRENCY_PATTERN = rf"(?:{'|'.join(_ALTERNATIVES)})"

_CODE_WITH_SIGN = re.compile(r"([A-Za-z]{2,3})\s*[$€£¥]")
_WORD = re.compile(rf"[^\W\d_]+|{'|'.join(map(re.escape, _SIGNS))}")


def currency_code(text: str) -> str:
    """The ISO 4217 code of a currency given as code, sign or name; empty if unknown."""
    given = text.strip()
    code = given.upper()
    if code in ISO_4217:
        return code
    if given in _SIGNS:
        return _SIGNS[given]
    if given.casefold() in _NAMES:
        return _NAMES[given.casefold()]
    if with_sign := _CODE_WITH_SIGN.fullmatch(given):
        return currency_code(with_sign[1])
    return ""


def currency_in_name(column: str) -> str:
    """The currency in a column name such as `price_eur`, `Preis (€)` or `priceUSD`; empty if there is none."""
    words = [word for word in _WORD.findall(column.replace("_", " ")) if word]
    for word in words:
        if (word.upper() in ISO_4217 and (word.isupper() or len(words) > 1)) or word in _SIGNS:
            return currency_code(word)
    last = re.fullmatch(r"(?i:price|preis|prix|precio)([A-Za-z]{3})", column.strip())
    return currency_code(last[1]) if last and last[1].upper() in ISO_4217 else ""


#: A number as written by a program, without thousands separators.
_PLAIN = re.compile(r"-?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|-?[0-9]+\.")
#: The most frequent form, as a shortcut.
_SIMPLE = re.compile(r"([$€£]) ?([0-9]+(?:\.[0-9]{2})?)")
_SIMPLE_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP"}
_NUMBER = r"(?:[0-9]+(?:[.,'’][0-9]+|[ \u00a0\u202f][0-9]{3}(?![0-9]))*|[.,][0-9]+)"
_MONEY = re.compile(
    rf"(?P<before>{CURRENCY_PATTERN}(?:\s*[$€£¥])?)?\s*(?P<sign>-\s*)?(?P<amount>{_NUMBER})(?:[.,](?:[-–—]+|(?![0-9])))?"
    rf"(?:\s*(?P<after>{CURRENCY_PATTERN})|\s*(?P<cents>(?i:cents?\b)))?"
)
_GROUPED = re.compile(r"[0-9]{1,3}([.,'’ ][0-9]{2,3})+")
_PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_TOKEN = re.compile(r"[^\W\d_]+|\S")

#: Words and signs between the ends of a range, and words before a lower end alone.
_TO = frozenset({
    "-", "–", "—", "~", "…", "to", "bis", "à", "a", "al", "until", "und", "and",
})  # fmt: skip
_FROM = frozenset({
    "from", "ab", "starting", "at", "start", "starts", "von", "dès", "desde", "partir", "de", "à", "as", "low",
})  # fmt: skip
#: Words that mark a former price; the other price counts.
_FORMER = frozenset({
    "was", "statt", "instead", "reg", "regular", "list", "rrp", "msrp", "uvp", "before", "avant", "antes",
    "originally", "original", "orig", "old", "vorher",
})  # fmt: skip
#: Words beside a price that do not change its meaning.
_WORDS = _FROM | _FORMER | frozenset({
    "each", "ea", "only", "just", "now", "today", "price", "sale", "our", "your", "offer", "deal", "special", "incl",
    "inc", "including", "excl", "exc", "excluding", "ex", "vat", "tax", "taxes", "gst", "mwst", "ust", "tva", "iva",
    "ttc", "ht", "net", "netto", "brutto", "gross", "approx", "ca", "circa", "about", "per", "unit", "piece", "item",
    "pc", "pcs", "stück", "stk", "st", "pro", "pièce", "unité", "unidad", "ud", "c", "u", "je", "plus", "preis",
    "prix", "precio", "nur", "jetzt", "seulement", "solo", "the", "of", "inkl", "zzgl", "shipping", "versand", "por",
    "la", "el", "un", "une",
})  # fmt: skip
_MARKS = frozenset("()[]*:;,.!+~≈&/-–—…'’\"=")

#: Keys of a nested price, the likeliest first: amounts, lower ends of a range, other forms, currencies.
_AMOUNT_KEYS = (
    "amount", "value", "price", "currentprice", "current", "saleprice", "finalprice", "offerprice", "sellingprice",
    "numberdecimal", "numberdouble", "numberint", "numberlong",
)  # fmt: skip
_LOWER_KEYS = ("lowprice", "minprice", "min", "minimum", "low", "lowest", "from", "start")
_OTHER_KEYS = ("regularprice", "listprice", "displayprice", "formatted", "display", "raw", "text", "string", "offers")
_CURRENCY_KEYS = (
    "currency", "currencycode", "pricecurrency", "currencyunit", "currencyiso", "iso", "currencysymbol", "symbol",
    "unit",
)  # fmt: skip
_MAX_DEPTH = 8
#: Maximum characters of a price with the words beside it.
_MAX_LENGTH = 200


class PriceNote(StrEnum):
    """A remark on how a price was read."""

    LOWER_END = "the lower end of a range"
    UNREADABLE = "no single price"


@dataclass(frozen=True, slots=True)
class Price:
    """A parsed price.

    Attributes:
        amount: positive and finite; None if unknown. A zero in a catalogue means unknown.
        currency: ISO 4217 code; empty if unknown.
        note: how it was read, or why there is no amount.
    """

    amount: float | None = None
    currency: str = ""
    note: PriceNote | None = None


def read_price(text: str, currency: str = "") -> Price:
    """Parse a price such as `58.45`, `$1,234.50`, `1.299,00 €`, `US$ 12.99`, `from $12.99` or `12.99 each`.

    Of a point and a comma, the last is the decimal mark. A comma alone separates thousands if three digits follow
    (`1,234`), otherwise it is a decimal mark (`12,50`). A point alone is a decimal mark, as in the output of programs,
    unless a currency is beside it and three digits follow (`1.299 €`). Currencies are not converted. A range gives its
    lower end, a JSON object its amount and currency, a list its lowest price.

    Args:
        text: as in the file.
        currency: the currency stated elsewhere in the file, used if the text has none.

    Returns:
        The price; without an amount but with a note if the text is not a single price.
    """
    given = text.strip()
    if not given:
        return Price()
    try:
        found = _from_json(json.loads(given), 0) if given[0] in "{[" else _from_text(given)
    except (ValueError, RecursionError):
        return Price(note=PriceNote.UNREADABLE)
    if found.amount is None:
        return Price(note=found.note)
    return found if found.currency else replace(found, currency=currency_code(currency))


def _from_text(given: str) -> Price:
    """Parse a price from a non-empty text.

    Raises:
        ValueError: there is none, or several.
    """
    if _PLAIN.fullmatch(given):
        return _price(float(given))
    if simple := _SIMPLE.fullmatch(given):
        return Price(float(simple[2]) or None, _SIMPLE_SIGNS[simple[1]] if float(simple[2]) else "")
    if len(given) > _MAX_LENGTH:
        raise ValueError("longer than any price")
    outside = _PARENTHESES.sub(" ", given)
    text = outside if _MONEY.search(outside) else given
    found = list(_MONEY.finditer(text))
    if not found:
        raise ValueError(f"not a price: {given[:40]!r}")
    gaps = [
        _tokens(text[start:end])
        for start, end in zip([0, *(m.end() for m in found)], [*(m.start() for m in found), len(text)], strict=True)
    ]
    between = [[*gap, *(["-"] if money["sign"] else [])] for gap, money in zip(gaps[1:-1], found[1:], strict=True)]
    allowed = {*_WORDS, *_TO, *_MARKS}
    if any(token not in allowed for gap in gaps for token in gap) or found[0]["sign"] or "-" in gaps[0]:
        raise ValueError(f"not a price: {given[:40]!r}")
    return _single_price(found, gaps[0], between)


def _single_price(found: list[re.Match[str]], before: list[str], between: list[list[str]]) -> Price:
    """The price that counts among several amounts: the lower end of a range, or the only one that is not former.

    Args:
        found: matches of `_MONEY`.
        before: words before the first match.
        between: words between each match and the next.

    Raises:
        ValueError: several prices count.
    """
    prices = [_price(_amount(money)) for money in found]
    named = next((currency for money in found if (currency := _currency(money))), "")
    if len(found) == 1:
        lower = bool(_FROM.intersection(before))
        return replace(prices[0], currency=named, note=PriceNote.LOWER_END if lower else None)
    if all(gap and _TO.issuperset(gap) for gap in between):
        amounts = [price.amount for price in prices if price.amount is not None]
        return Price(min(amounts, default=None), named, PriceNote.LOWER_END)
    former = [bool(_FORMER.intersection(gap)) for gap in (before, *between)]
    if former.count(False) == 1:
        return replace(prices[former.index(False)], currency=named)
    raise ValueError("several prices")


def _tokens(text: str) -> list[str]:
    return [token.casefold() for token in _TOKEN.findall(text)]


def _price(amount: float) -> Price:
    if not math.isfinite(amount) or amount < 0:
        raise ValueError(f"not a price: {amount}")
    return Price(amount or None)


def _currency(money: re.Match[str]) -> str:
    named = [part.strip() for part in (money["before"], money["after"]) if part]
    # In `$12.99 CAD` the letters tell which dollar it is.
    named.sort(key=lambda part: not any(map(str.isalpha, part)))
    return next((code for part in named if (code := currency_code(part))), "")


def _amount(money: re.Match[str]) -> float:
    written = bool(money["before"] or money["after"])
    amount = float(_plain_number(re.sub(r"\s", " ", money["amount"]), written=written))
    return round(amount / 100, 4) if money["cents"] or money["after"] == "¢" else amount


def _plain_number(digits: str, *, written: bool) -> str:
    """A number with a decimal point and without thousands separators.

    Args:
        digits: as written.
        written: whether a currency is beside it, so that a person rather than a program wrote it.
    """
    whole, mark, fraction = digits, "", ""
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0 and _is_decimal_mark(digits, last, written=written):
        whole, mark, fraction = digits[:last], ".", digits[last + 1 :]
    if not whole.isdigit() and whole and not _GROUPED.fullmatch(whole):
        raise ValueError(f"not a price: {digits[:40]!r}")
    return re.sub(r"[^0-9]", "", whole) + mark + fraction


def _is_decimal_mark(digits: str, at: int, *, written: bool) -> bool:
    mark = digits[at]
    other = "," if mark == "." else "."
    if digits.count(mark) > 1:
        return False
    if other in digits:
        return True
    groups_thousands = len(digits) - at - 1 == 3 and 1 <= at <= 3 and not digits.startswith("0")
    return not groups_thousands or (mark == "." and not written)


def _from_json(value: object, depth: int) -> Price:
    """Parse a price from a JSON value.

    Raises:
        ValueError: there is none.
    """
    if depth > _MAX_DEPTH or isinstance(value, bool):
        raise ValueError("not a price")
    if isinstance(value, Mapping):
        return _from_object(value, depth)
    if isinstance(value, list):
        return _lowest(_from_json(part, depth + 1) for part in value)
    if value is None:
        return Price()
    return read_price(str(value))


def _lowest(prices: Iterable[Price]) -> Price:
    priced = [price for price in prices if price.amount is not None]
    if not priced:
        raise ValueError("not a price")
    lowest = min(priced, key=lambda price: price.amount or math.inf)
    several = len({price.amount for price in priced}) > 1
    return replace(lowest, note=PriceNote.LOWER_END) if several else lowest


def _from_object(value: Mapping[str, object], depth: int) -> Price:
    keys = {"".join(filter(str.isalnum, name.casefold())): name for name in reversed(list(value))}
    currency = next(
        (code for key in _CURRENCY_KEYS if key in keys and (code := currency_code(str(value[keys[key]])))), ""
    )
    if "centamount" in keys:
        digits = value.get(keys.get("fractiondigits", ""), 2)
        amount = _from_json(value[keys["centamount"]], depth + 1).amount
        return Price(None if amount is None else amount / 10 ** int(str(digits)), currency)
    for key in (*_AMOUNT_KEYS, *_LOWER_KEYS, *_OTHER_KEYS):
        inner = value.get(keys[key]) if key in keys else None
        if inner is None or inner == "":
            continue
        found = _from_json(inner, depth + 1)
        note = PriceNote.LOWER_END if key in _LOWER_KEYS else found.note
        return Price(found.amount, found.currency or currency, note)
    for name, inner in value.items():
        if name in ISO_4217:
            return replace(_from_json(inner, depth + 1), currency=name)
    raise ValueError("not a price")
