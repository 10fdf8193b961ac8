"""The highlighted candidate beside the query, field by field."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate

from textual.content import Content
from textual.widget import Widget

from core.catalog.gtin import parse_gtin
from core.catalog.product import Product, assumed_currency, comparable_prices
from core.queue.item import Option, ReviewItem
from core.text.model_numbers import alphanumeric
from core.text.safe import safe
from labels.model import Stream
from tui.common.text import GAP, LEAD, Lines, Row, Told, ruled
from tui.common.words import DECISION_SIGNS, place, price, product_fields, titled
from tui.common.wrapped_text import Pieces, WrappedText
from tui.messages import Scrolled
from tui.review.diff import apart, holds, marked
from tui.review.judge_scores import opinion_lines
from tui.review.query_panel import marked_title
from tui.review.tokens import LONGEST
from tui.theme import BAD, CAREFUL, GOOD, MARKS, MUTED, STRONG

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
    short, long = sorted((alphanumeric(row.own), alphanumeric(row.other)), key=len)
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


SameBrand = Callable[[str, str], bool]


def value_width(width: int) -> int:
    """Width of each of the two columns of values."""
    return max(6, (width - LEAD - GAP - 1) // 2)


class Comparison(Widget):
    """The rows of the comparison, made for whatever width there is; it scrolls by itself.

    A widget that holds another one, taller than itself, would have the whole screen laid out anew for each pair.

    Args:
        same_brand: whether two names that are written differently are one brand.
    """

    def __init__(self, same_brand: SameBrand, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._same_brand = same_brand
        self._shown: tuple[ReviewItem, Option | None, bool] | None = None
        self._rows: list[Lines] = []
        # Where each row ends, in lines.
        self._ends: list[int] = []
        self._made_for = 0
        self._top = 0

    def show(self, item: ReviewItem, option: Option | None, *, whole_query: bool) -> None:
        """Compare a candidate with the query; `whole_query` when the query's title does not fit its panel."""
        self._shown = (item, option, whole_query)
        self._made_for = self._top = 0
        self.refresh()

    def prepare(self, item: ReviewItem, option: Option) -> None:
        """Have the differences of a pair that comes next found; they are remembered where they are found."""
        self._made(item, option, whole_query=False, width=self.size.width)

    @property
    def below(self) -> int:
        """How many lines there are below the edge."""
        return max(0, self._height() - self._top - self.size.height)

    def scroll_lines(self, step: int) -> None:
        """Go down by some lines, or up."""
        top = max(0, min(self._top + step, self._height() - self.size.height))
        if top != self._top:
            self._top = top
            self.refresh()
            self.post_message(Scrolled())

    def on_mouse_scroll_down(self) -> None:
        """As text scrolls everywhere."""
        self.scroll_lines(1)

    def on_mouse_scroll_up(self) -> None:
        """As text scrolls everywhere."""
        self.scroll_lines(-1)

    def render(self) -> Content:
        """The lines that fit; those out of sight are not made."""
        last = min(self._height(), self._top + self.size.height)
        return Content("\n").join(self._line(at) for at in range(self._top, last))

    def _line(self, at: int) -> Content:
        place = bisect_right(self._ends, at)
        return self._rows[place].line(at - self._ends[place] + self._rows[place].height)

    def _height(self) -> int:
        """How many lines there are, at the width that there is now."""
        width = self.size.width
        if width != self._made_for:
            self._made_for = width
            self._rows = self._made(*self._shown, width) if self._shown and width > LEAD + 1 else []
            self._ends = list(accumulate(row.height for row in self._rows))
            self._top = max(0, min(self._top, sum(self._ends[-1:]) - self.size.height))
        return self._ends[-1] if self._ends else 0

    def _made(self, item: ReviewItem, option: Option | None, whole_query: bool, width: int) -> list[Lines]:
        settles = item.stream is Stream.ADJUDICATION and not item.alone
        rows: list[Lines] = [Told(opinion_lines(item, option, width))] if settles else []
        if option is None:
            rows += [_wide(" ", name, [(value, "")], width) for name, value in product_fields(item.query)]
        else:
            rows += _titles(item.query, option.product, width, whole_query=whole_query)
            if fields := compared(item.query, option.product, self._same_brand):
                rows += [Told([_columns(item.query, option.product, width)])]
                rows += [_field(row, width) for row in fields]
        if settles:
            return rows
        rows += _colleagues(option, width) if option else []
        return rows + [_wide("✎", name, [(safe(text), "")], width) for name, text in item.comments]


def _titles(query: Product, candidate: Product, width: int, *, whole_query: bool) -> list[Row]:
    relation = title_relation(query, candidate)
    sign = Content.styled(relation.value, _relation_style(relation, telling=False))
    rows = [_wide(sign, "title", marked_title(candidate, query), width)]
    if whole_query:
        rows.append(_wide(" ", "query", marked_title(query, candidate), width))
    if max(len(titled(query)), len(titled(candidate))) > LONGEST:
        note = f"Differences are marked in the first {LONGEST:,} characters only."
        rows.append(_wide(" ", "", [(note, MUTED)], width))
    return rows


def _columns(query: Product, candidate: Product, width: int) -> Content:
    """Whose values stand in which column."""
    column = value_width(width)
    own, other = (Content.styled(place(product), MUTED) for product in (query, candidate))
    return ruled([(LEAD, own.truncate(column - 1, ellipsis=True)), (LEAD + column + GAP, other)], width)


def _wide(sign: Content | str, name: str, value: Pieces, width: int) -> Row:
    """A value over the width of both columns."""
    return Row(sign, name, [WrappedText(value, width - LEAD - 1)])


def _field(row: FieldRow, width: int) -> Row:
    """One field; as many lines as its longer value needs."""
    note = [(f"  {row.note}", MUTED)] if row.note else []
    values = [_value(row.own, row.other, row), [*_value(row.other, row.own, row), *note]]
    sign = Content.styled(row.relation.value, _relation_style(row.relation, telling=row.telling))
    return Row(sign, row.name, [WrappedText(value, value_width(width)) for value in values])


def _value(own: str, other: str, row: FieldRow) -> Pieces:
    if not own:
        return [("–", MUTED)]
    if row.relation not in {Relation.DIFFERENT, Relation.PART} or not row.telling:
        return [(own, "")]
    # Model numbers differ in a letter; that both are different numbers, their sign says.
    stretches = apart(own, other) if row.name == "model" else marked(own, other)
    return [(stretch.text, MARKS[stretch.mark]) for stretch in stretches]


def _relation_style(relation: Relation, *, telling: bool) -> str:
    if relation is Relation.EQUAL:
        return GOOD
    if relation is Relation.MISSING:
        return MUTED
    return f"{STRONG} {BAD}" if telling and relation is Relation.DIFFERENT else CAREFUL


def _colleagues(option: Option, width: int) -> list[Row]:
    """What others said of this candidate, by name."""
    return [_wide(DECISION_SIGNS[said], "said by", [(safe(name), "")], width) for name, said in option.others]
