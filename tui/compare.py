"""Two products field by field."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from core.catalog.gtin import parse_gtin
from core.catalog.product import Product, assumed_currency, comparable_prices
from core.text.model_numbers import bare
from core.text.safe import safe
from tui.diff import holds
from tui.words import price

#: A shorter model number stands inside another by chance.
_SHORTEST_MODEL = 4


class Relation(StrEnum):
    """How the values of one field stand to each other."""

    EQUAL = "="
    PART = "≈"
    """One says all that the other says, and more."""
    DIFFERENT = "≠"
    MISSING = "–"
    """One side says nothing, which is no evidence either way."""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of both products, safe to show.

    Attributes:
        telling: whether a difference says much; retailers name categories and set prices as they like.
        note: more about a difference, such as how much.
    """

    name: str
    own: str
    other: str
    relation: Relation
    telling: bool
    note: str = ""


def title_relation(query: Product, candidate: Product) -> Relation:
    """Whether the titles say the same."""
    return _relation(safe(query.title), safe(candidate.title))


def compared(
    query: Product, candidate: Product, same_brand: Callable[[str, str], bool] = lambda *_: False
) -> list[FieldRow]:
    """The fields that at least one of the products has, titles aside; the telling ones first.

    Args:
        query: the product under review.
        candidate: what it may equal.
        same_brand: whether two names that are written differently are one brand.
    """
    rows = [
        _brand(query.brand, candidate.brand, same_brand),
        _model(query.model, candidate.model),
        _price(query, candidate),
        _text("category", query.category, candidate.category),
        _gtin(query, candidate),
    ]
    names = sorted(
        query.extra.keys() | candidate.extra.keys(),
        key=lambda name: ((name in query.extra) + (name in candidate.extra) < 2, name),
    )
    rows += [_text(name, query.extra.get(name, ""), candidate.extra.get(name, "")) for name in names]
    return [row for row in rows if row.own or row.other]


def _text(name: str, own: str, other: str, *, telling: bool = False) -> FieldRow:
    own, other = safe(own).strip(), safe(other).strip()
    return FieldRow(safe(name), own, other, _relation(own, other), telling)


def _relation(own: str, other: str) -> Relation:
    if not own.strip() or not other.strip():
        return Relation.MISSING
    more, less = holds(own, other), holds(other, own)
    if more and less:
        return Relation.EQUAL
    return Relation.PART if more or less else Relation.DIFFERENT


def _brand(own: str, other: str, same_brand: Callable[[str, str], bool]) -> FieldRow:
    row = _text("brand", own, other, telling=True)
    differs = row.relation in {Relation.PART, Relation.DIFFERENT}
    return replace(row, relation=Relation.EQUAL) if differs and same_brand(own, other) else row


def _model(own: str, other: str) -> FieldRow:
    """Model numbers letter by letter: hyphens, blanks and case make no difference."""
    row = _text("model", own, other, telling=True)
    short, long = sorted((bare(row.own), bare(row.other)), key=len)
    if not short:
        return row
    relation = Relation.EQUAL if short == long else Relation.DIFFERENT
    if relation is Relation.DIFFERENT and (
        row.relation is Relation.PART or (len(short) >= _SHORTEST_MODEL and short in long)
    ):
        relation = Relation.PART
    return replace(row, relation=relation)


def _price(query: Product, candidate: Product) -> FieldRow:
    if query.price is None or candidate.price is None:
        own, other = ("" if p.price is None else price(p) for p in (query, candidate))
        return FieldRow("price", own, other, Relation.MISSING, telling=False)
    if not comparable_prices(query, candidate):
        note = "currencies are not compared"
        return FieldRow("price", price(query), price(candidate), Relation.MISSING, telling=False, note=note)
    equal = round(query.price, 2) == round(candidate.price, 2)
    change = "" if equal or query.price <= 0 else _change(candidate.price / query.price)
    assumed = assumed_currency(query, candidate)
    note = ", ".join(filter(None, (change, f"{assumed} assumed" if assumed else "")))
    relation = Relation.EQUAL if equal else Relation.DIFFERENT
    return FieldRow("price", price(query), price(candidate), relation, telling=False, note=note)


def _change(ratio: float) -> str:
    """How much dearer the candidate is than the query: `+12%`, `−30%`, `2.4 times`."""
    if ratio >= 2:
        return f"{ratio:,.1f} times"
    percent = round(100 * (ratio - 1))
    if percent == 0:
        return "<1%"
    return f"{percent:+}%".replace("-", "−")


def _gtin(query: Product, candidate: Product) -> FieldRow:
    """Trade item numbers compare as GTIN-14; where either is unusable, even equal ones are no evidence."""
    row = _text("upc", query.upc, candidate.upc, telling=True)
    if query.gtin and candidate.gtin:
        return replace(row, relation=Relation.EQUAL if query.gtin == candidate.gtin else Relation.DIFFERENT)
    if row.own and row.other:
        problem = parse_gtin(query.upc).problem or parse_gtin(candidate.upc).problem
        return replace(row, relation=Relation.MISSING, telling=False, note=problem or "")
    return row
