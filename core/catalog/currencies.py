"""Currencies as retailers write them: ISO 4217 codes, signs and names.

The codes are the active ones of ISO 4217:2015, List One, which SIX Group maintains
(https://www.six-group.com/en/products-services/financial-information/data-standards.html).
"""

import re

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

#: Codes that are taken in lower case too; others would be words (`all`, `try`, `top`).
_LOWER_CASE = "usd|eur|gbp|cad|aud|nzd|jpy|chf|sek|nok|dkk|pln|czk|huf|inr|cny|mxn|brl|krw|sgd|hkd|zar"

#: A bare `$` is the US dollar and a bare `¥` the yen: a catalogue in another dollar says so, or has a column for it.
_SIGNS = {
    "US$": "USD", "U$S": "USD", "CA$": "CAD", "CAD$": "CAD", "C$": "CAD", "AU$": "AUD", "A$": "AUD", "NZ$": "NZD",
    "HK$": "HKD", "SG$": "SGD", "S$": "SGD", "NT$": "TWD", "MX$": "MXN", "R$": "BRL", "$": "USD", "€": "EUR",
    "£": "GBP", "¥": "JPY", "￥": "JPY", "円": "JPY", "元": "CNY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY",
    "₪": "ILS", "฿": "THB", "₴": "UAH", "₫": "VND", "₦": "NGN", "₱": "PHP", "₡": "CRC", "₲": "PYG", "₸": "KZT",
    "₼": "AZN", "₾": "GEL", "¢": "USD",
}  # fmt: skip
#: Names, compared without case. `kr` is that of several currencies, and stays what it is.
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
#: A currency in a text, as the source of a regular expression without groups that capture.
CURRENCY_PATTERN = rf"(?:{'|'.join(_ALTERNATIVES)})"

_CODE_WITH_SIGN = re.compile(r"([A-Za-z]{2,3})\s*[$€£¥]")
_WORD = re.compile(rf"[^\W\d_]+|{'|'.join(map(re.escape, _SIGNS))}")


def currency_code(text: str) -> str:
    """The ISO 4217 code of a currency that is given as code, sign or name; empty where it is none that is known."""
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
    """The currency that the name of a column states, as in `price_eur`, `Preis (€)` or `priceUSD`; empty for none."""
    words = [word for word in _WORD.findall(column.replace("_", " ")) if word]
    for word in words:
        if (word.upper() in ISO_4217 and (word.isupper() or len(words) > 1)) or word in _SIGNS:
            return currency_code(word)
    last = re.fullmatch(r"(?i:price|preis|prix|precio)([A-Za-z]{3})", column.strip())
    return currency_code(last[1]) if last and last[1].upper() in ISO_4217 else ""
