"""The articles as rows of the two retailers' files, with every trouble that such files have.

Each trouble hits a row by chance; none removes what tells an article from its variants. The rows are dictionaries by
the retailers' own column names, and the columns are what their systems call them.
"""

import html
import random
import unicodedata
from collections.abc import Callable, Iterator

from tests.bench.messy.articles import Article

PLACEHOLDERS = ("N/A", "null", "None", "nan", "-", "Does not apply", "Unbranded", "NULL", "n/a")
_NO_PRICES = ("N/A", "Call for price", "TBD", "", "see store")
_NO_CODES = ("999999999999", "000000000000", "123456789012", "N/A", "Does not apply", "")
_FILLER = ("Great Gift", "New", "Free Returns", "Best Seller", "As Seen Online")


def query_rows(articles: list[Article], seed: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Id and row of every article, as the retailer with short titles lists it."""
    rng = random.Random(seed)
    for place, article in enumerate(articles):
        key = str(10_020 + 17 * place)
        in_title = rng.random() < 0.7
        words = [article.brand if in_title else "", article.line, article.kind.nouns[0]]
        words += [value for value, _ in article.values]
        if article.model and rng.random() < 0.3:
            words.append(article.model)
        yield (
            key,
            {
                # The system that wrote the file keeps numbers as floats.
                "Item Number": f"{key}.0",
                "Item Description": _query_text(" ".join(filter(None, words)), rng),
                "Manufacturer": _brand(article, rng, needed=not in_title),
                "Dept": article.kind.department[0],
                "Retail": _query_price(article.price, rng),
                "UPC Code": _query_code(article.gtin, rng),
                "Mfr Part No": _or_placeholder(article.model, rng, 0.6),
                "Notes": rng.choice(("", "", "clearance", "reset 04", "N/A")),
            },
        )


def candidate_rows(articles: list[Article], seed: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Id and row of every article, as the retailer with long titles lists it."""
    rng = random.Random(seed)
    for place, article in enumerate(articles):
        key = f"B0{place * 7919 % 100_000_000:08d}"
        in_title = rng.random() < 0.8
        brand, values = article.brand if in_title else "", ", ".join(filter(None, (v for _, v in article.values)))
        head = f"{brand} {article.line} {article.kind.nouns[1]}".strip()
        order = [head, values] if rng.random() < 0.7 else [values, head]
        model = article.model if article.model and rng.random() < 0.4 else ""
        filler = rng.choice(_FILLER) if rng.random() < 0.4 else ""
        title = ", ".join(filter(None, [*order, model, filler]))
        yield (
            key,
            {
                "asin": key,
                "product_name": _candidate_text(title, rng),
                "brand": _brand(article, rng, needed=not in_title),
                "category_path": html.escape(article.kind.department[1])
                if rng.random() < 0.3
                else article.kind.department[1],
                "part_number": _or_placeholder(article.model, rng, 0.7),
                "list_price": _candidate_price(article.price * rng.uniform(0.85, 1.2), rng),
                "gtin": _candidate_code(article.gtin, rng),
                "bullet_count": rng.randrange(1, 6),
            },
        )


def _brand(article: Article, rng: random.Random, *, needed: bool) -> str:
    if needed:
        return rng.choice((article.brand, article.brand.upper(), html.escape(article.brand)))
    return _or_placeholder(article.brand, rng, 0.8)


def _or_placeholder(text: str, rng: random.Random, share: float) -> str:
    return text if text and rng.random() < share else rng.choice((*PLACEHOLDERS, ""))


def _query_text(text: str, rng: random.Random) -> str:
    return _damaged(text, rng, (_escaped, _mojibake, _upper, _trademark))


def _candidate_text(text: str, rng: random.Random) -> str:
    return _damaged(
        text, rng, (_escaped, _twice_escaped, _mojibake, _tagged, _wide, _decomposed, _odd_spaces, _trademark)
    )


def _damaged(text: str, rng: random.Random, ways: tuple[Callable[[str], str], ...]) -> str:
    return rng.choice(ways)(text) if rng.random() < 0.5 else text


def _escaped(text: str) -> str:
    return html.escape(text)


def _twice_escaped(text: str) -> str:
    return html.escape(html.escape(text))


def _mojibake(text: str) -> str:
    # Bytes that cp1252 leaves undefined would not survive the file.
    try:
        return text.encode().decode("cp1252")
    except UnicodeDecodeError:
        return text


def _upper(text: str) -> str:
    return text.upper()


def _trademark(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f"{first}® {rest}"


def _tagged(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f"<b>{first}</b> {rest}<br/>"


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text)


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _odd_spaces(text: str) -> str:
    return text.replace(" ", "\u00a0", 2).replace("-", "-\u200b", 1)


def _query_price(price: float, rng: random.Random) -> str:
    kinds = (
        f"{price:.2f}",
        f"${price:,.2f}",
        f"USD {price:.2f}",
        f"{price:.2f} each",
        f"${price:.2f} - ${price * 1.2:.2f}",
    )
    return rng.choice(_NO_PRICES) if rng.random() < 0.15 else rng.choice(kinds)


def _candidate_price(price: float, rng: random.Random) -> str:
    kinds = (f"{price:.2f}", f"${price:,.2f}", f"{price:.2f} USD", f"{price * 0.92:.2f} €".replace(".", ","))
    return rng.choice(_NO_PRICES) if rng.random() < 0.15 else rng.choice(kinds)


def _query_code(gtin: str, rng: random.Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(_NO_CODES)
    # A spreadsheet loses leading zeros and shortens what is long.
    return rng.choice((gtin, gtin.lstrip("0"), f"{gtin[0]}-{gtin[1:6]}-{gtin[6:11]}-{gtin[11]}", f"{float(gtin):.5E}"))


def _candidate_code(gtin: str, rng: random.Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(_NO_CODES)
    return rng.choice((gtin, f"0{gtin}", f"00{gtin}", f"{int(gtin)}.0"))
