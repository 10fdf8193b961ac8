"""Two products field by field."""

from dataclasses import dataclass
from enum import StrEnum

from core.catalog.product import Product
from core.text.safe import safe
from tui.diff import same
from tui.words import price


class Relation(StrEnum):
    """How the values of one field stand to each other."""

    EQUAL = "="
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
    return _relation(query.title, candidate.title)


def compared(query: Product, candidate: Product) -> list[FieldRow]:
    """The fields that at least one of the products has, titles aside; the telling ones first."""
    rows = [
        _text("brand", query.brand, candidate.brand, telling=True),
        _text("model", query.model, candidate.model, telling=True),
        _price(query, candidate),
        _text("category", query.category, candidate.category),
        _upc(query.upc, candidate.upc),
    ]
    names = sorted(
        query.extra.keys() | candidate.extra.keys(),
        key=lambda name: ((name in query.extra) + (name in candidate.extra) < 2, name),
    )
    rows += [_text(name, query.extra.get(name, ""), candidate.extra.get(name, "")) for name in names]
    return [row for row in rows if row.own or row.other]


def _text(name: str, own: str, other: str, *, telling: bool = False) -> FieldRow:
    return FieldRow(safe(name), safe(own).strip(), safe(other).strip(), _relation(own, other), telling)


def _relation(own: str, other: str) -> Relation:
    if not own.strip() or not other.strip():
        return Relation.MISSING
    return Relation.EQUAL if same(own, other) else Relation.DIFFERENT


def _price(query: Product, candidate: Product) -> FieldRow:
    if query.price is None or candidate.price is None:
        own, other = ("" if p.price is None else price(p) for p in (query, candidate))
        return FieldRow("price", own, other, Relation.MISSING, telling=False)
    equal = round(query.price, 2) == round(candidate.price, 2)
    note = ""
    if not equal and query.price > 0:
        note = f"{(candidate.price - query.price) / query.price:+.0%}"
    relation = Relation.EQUAL if equal else Relation.DIFFERENT
    return FieldRow("price", price(query), price(candidate), relation, telling=False, note=note)


def _upc(own: str, other: str) -> FieldRow:
    """A UPC and the EAN that is the same number with a zero before it are one trade item."""
    row = _text("upc", own, other, telling=True)
    if row.relation is Relation.DIFFERENT and row.own.lstrip("0") == row.other.lstrip("0"):
        return FieldRow("upc", row.own, row.other, Relation.EQUAL, telling=True)
    return row
