"""The field-by-field comparison of the query with the highlighted candidate.

`compare_fields` relates the values of both listings; `Comparison` is the scrolling widget that shows them, with
opinions and comments.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
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
from core.text.title_diff import covers, mark_differences, mark_model_difference
from core.text.title_tokens import MAX_CHARACTERS
from labels.model import Stream
from labels.wording import counted
from tui.common.text import GAP, LEAD, FixedLines, LineSource, Row, rule_line
from tui.common.words import DECISION_SIGNS, display_title, price, product_fields, source_and_id
from tui.common.wrapped_text import Pieces, WrappedText
from tui.messages import Scrolled
from tui.ports import GroupMember
from tui.review.history import opinion_lines
from tui.review.query_panel import marked_title
from tui.theme import BAD, CAREFUL, GOOD, MARKS, MUTED, STRONG

#: Characters; a shorter model number is contained in another by chance.
_MIN_CONTAINED_MODEL = 4
#: Other listings of a candidate's product that are named.
_MAX_MEMBERS = 5


class Relation(StrEnum):
    """The relation between the two values of a field; its value is the sign on the screen."""

    EQUAL = "="
    PART = "≈"
    """One value has every token of the other, and more."""
    DIFFERENT = "≠"
    MISSING = "–"
    """At least one value is missing or not comparable: no evidence either way."""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of both products, safe to show.

    Attributes:
        own, other: the query's value and the candidate's.
        decisive: whether a difference is strong evidence; categories and prices vary between retailers.
        note: details of a difference, such as `+12%`.
    """

    name: str
    own: str
    other: str
    relation: Relation
    decisive: bool
    note: str = ""


def title_relation(query: Product, candidate: Product) -> Relation:
    """The relation between the titles."""
    return _relation(safe(query.title), safe(candidate.title))


def compare_fields(
    query: Product, candidate: Product, same_brand: Callable[[str, str], bool] = lambda *_: False
) -> list[FieldRow]:
    """The fields other than the title that at least one of the products has, decisive ones first.

    Args:
        query: the product under review.
        candidate: a possible match.
        same_brand: whether two different names belong to one brand.
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


def _text(name: str, own: str, other: str, *, decisive: bool = False) -> FieldRow:
    own, other = safe(own).strip(), safe(other).strip()
    return FieldRow(safe(name), own, other, _relation(own, other), decisive)


def _relation(own: str, other: str) -> Relation:
    if not own.strip() or not other.strip():
        return Relation.MISSING
    more, less = covers(own, other), covers(other, own)
    if more and less:
        return Relation.EQUAL
    return Relation.PART if more or less else Relation.DIFFERENT


def _brand(own: str, other: str, same_brand: Callable[[str, str], bool]) -> FieldRow:
    row = _text("brand", own, other, decisive=True)
    differs = row.relation in {Relation.PART, Relation.DIFFERENT}
    return replace(row, relation=Relation.EQUAL) if differs and same_brand(own, other) else row


def _model(own: str, other: str) -> FieldRow:
    """Compare model numbers by letters and digits, ignoring hyphens, spaces and case."""
    row = _text("model", own, other, decisive=True)
    short, long = sorted((alphanumeric(row.own), alphanumeric(row.other)), key=len)
    if not short:
        return row
    relation = Relation.EQUAL if short == long else Relation.DIFFERENT
    if relation is Relation.DIFFERENT and (
        row.relation is Relation.PART or (len(short) >= _MIN_CONTAINED_MODEL and short in long)
    ):
        relation = Relation.PART
    return replace(row, relation=relation)


def _price(query: Product, candidate: Product) -> FieldRow:
    if query.price is None or candidate.price is None:
        own, other = ("" if p.price is None else price(p) for p in (query, candidate))
        return FieldRow("price", own, other, Relation.MISSING, decisive=False)
    if not comparable_prices(query, candidate):
        note = "currencies are not compared"
        return FieldRow("price", price(query), price(candidate), Relation.MISSING, decisive=False, note=note)
    equal = round(query.price, 2) == round(candidate.price, 2)
    change = "" if equal or query.price <= 0 else _change(candidate.price / query.price)
    assumed = assumed_currency(query, candidate)
    note = ", ".join(filter(None, (change, f"{assumed} assumed" if assumed else "")))
    relation = Relation.EQUAL if equal else Relation.DIFFERENT
    return FieldRow("price", price(query), price(candidate), relation, decisive=False, note=note)


def _change(ratio: float) -> str:
    """The candidate's price relative to the query's: `+12%`, `−30%`, `2.4 times`."""
    if ratio >= 2:
        return f"{ratio:,.1f} times"
    percent = round(100 * (ratio - 1))
    if percent == 0:
        return "<1%"
    return f"{percent:+}%".replace("-", "−")


def _gtin(query: Product, candidate: Product) -> FieldRow:
    """Compare trade item numbers as GTIN-14; if either is invalid, even equal ones are no evidence."""
    row = _text("upc", query.upc, candidate.upc, decisive=True)
    if query.gtin and candidate.gtin:
        return replace(row, relation=Relation.EQUAL if query.gtin == candidate.gtin else Relation.DIFFERENT)
    if row.own and row.other:
        own, other = parse_gtin(query.upc).problem, parse_gtin(candidate.upc).problem
        # The note stands beside the candidate's number.
        note = own if own == other else "; ".join(filter(None, (f"query: {own}" if own else "", other)))
        return replace(row, relation=Relation.MISSING, decisive=False, note=note or "")
    return row


SameBrand = Callable[[str, str], bool]


def value_width(width: int) -> int:
    """Width in cells of each of the two columns of values."""
    return max(6, (width - LEAD - GAP - 1) // 2)


class Comparison(Widget):
    """The rows of the comparison, built for the current width; scrolls by itself.

    A scrollable container around a taller child would trigger a layout of the whole screen for each pair.

    Args:
        same_brand: whether two different names belong to one brand.
    """

    def __init__(self, same_brand: SameBrand, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._same_brand = same_brand
        self._shown: tuple[ReviewItem, Option | None, Sequence[GroupMember], bool] | None = None
        self._rows: list[LineSource] = []
        # Line number at which each row ends.
        self._ends: list[int] = []
        self._layout_width = 0
        self._top = 0

    def show(
        self, item: ReviewItem, option: Option | None, group: Sequence[GroupMember] = (), *, whole_query: bool
    ) -> None:
        """Compare a candidate with the query.

        Args:
            item: the query.
            option: the candidate.
            group: other listings of the candidate's product, shown last: they must not push a field out of sight.
            whole_query: whether to show the query's title too, because its panel cuts it.
        """
        self._shown = (item, option, group, whole_query)
        self._layout_width = self._top = 0
        self.refresh()

    def prepare(self, item: ReviewItem, option: Option) -> None:
        """Compute the differences of the next pair, to fill the caches."""
        self._build_rows(item, option, (), whole_query=False, width=self.size.width)

    @property
    def below(self) -> int:
        """Number of lines below the visible ones."""
        return max(0, self._height() - self._top - self.size.height)

    def scroll_lines(self, step: int) -> None:
        """Scroll down by `step` lines; up if negative."""
        top = max(0, min(self._top + step, self._height() - self.size.height))
        if top != self._top:
            self._top = top
            self.refresh()
            self.post_message(Scrolled())

    def on_resize(self) -> None:
        """Have the number of lines below drawn for the new size."""
        self.post_message(Scrolled())

    def on_mouse_scroll_down(self) -> None:
        """Scroll down by a line."""
        self.scroll_lines(1)

    def on_mouse_scroll_up(self) -> None:
        """Scroll up by a line."""
        self.scroll_lines(-1)

    def render(self) -> Content:
        """The visible lines; others are not built."""
        last = min(self._height(), self._top + self.size.height)
        return Content("\n").join(self._line(at) for at in range(self._top, last))

    def _line(self, at: int) -> Content:
        row = bisect_right(self._ends, at)
        return self._rows[row].line(at - self._ends[row] + self._rows[row].height)

    def _height(self) -> int:
        """Number of lines at the current width."""
        width = self.size.width
        if width != self._layout_width:
            self._layout_width = width
            self._rows = self._build_rows(*self._shown, width) if self._shown and width > LEAD + 1 else []
            self._ends = list(accumulate(row.height for row in self._rows))
            self._top = max(0, min(self._top, sum(self._ends[-1:]) - self.size.height))
        return self._ends[-1] if self._ends else 0

    def _build_rows(
        self, item: ReviewItem, option: Option | None, group: Sequence[GroupMember], whole_query: bool, width: int
    ) -> list[LineSource]:
        is_dispute = item.stream is Stream.ADJUDICATION and not item.alone
        rows: list[LineSource] = [FixedLines(opinion_lines(item, option, width))] if is_dispute else []
        if option is None:
            rows += [_full_width(" ", name, [(value, "")], width) for name, value in product_fields(item.query)]
        else:
            rows += _titles(item.query, option.product, width, whole_query=whole_query)
            if fields := compare_fields(item.query, option.product, self._same_brand):
                rows += [FixedLines([_column_heading(item.query, option.product, width)])]
                rows += [_field(row, width) for row in fields]
            rows += _group_rows(group, width)
        if is_dispute:
            return rows
        rows += _colleagues(option, width) if option else []
        return rows + [_full_width("✎", name, [(safe(text), "")], width) for name, text in item.comments]


def _titles(query: Product, candidate: Product, width: int, *, whole_query: bool) -> list[Row]:
    # A sign compares two values beside it. While the query's title is only at the top, the marked words do.
    sign: Content | str = " "
    if whole_query:
        relation = title_relation(query, candidate)
        sign = Content.styled(relation.value, _relation_style(relation, decisive=False))
    rows = [_full_width(sign, "title", marked_title(candidate, query), width)]
    if whole_query:
        rows.append(_full_width(" ", "query", marked_title(query, candidate), width))
    if max(len(display_title(query)), len(display_title(candidate))) > MAX_CHARACTERS:
        note = f"Differences are marked in the first {MAX_CHARACTERS:,} characters only."
        rows.append(_full_width(" ", "", [(note, MUTED)], width))
    return rows


def _column_heading(query: Product, candidate: Product, width: int) -> Content:
    """A rule with the source and id of each product over its column."""
    column = value_width(width)
    own, other = (Content.styled(source_and_id(product), MUTED) for product in (query, candidate))
    return rule_line([(LEAD, own.truncate(column - 1, ellipsis=True)), (LEAD + column + GAP, other)], width)


def _full_width(sign: Content | str, name: str, value: Pieces, width: int) -> Row:
    """A row whose value spans both columns."""
    return Row(sign, name, [WrappedText(value, width - LEAD - 1)])


def _field(row: FieldRow, width: int) -> Row:
    """A row with the values of both products."""
    note = [(f"  {row.note}", MUTED)] if row.note else []
    values = [_value(row.own, row.other, row), [*_value(row.other, row.own, row), *note]]
    sign = Content.styled(row.relation.value, _relation_style(row.relation, decisive=row.decisive))
    return Row(sign, row.name, [WrappedText(value, value_width(width)) for value in values])


def _value(own: str, other: str, row: FieldRow) -> Pieces:
    if not own:
        return [("–", MUTED)]
    if row.relation not in {Relation.DIFFERENT, Relation.PART} or not row.decisive:
        return [(own, "")]
    # In model numbers, single differing letters are marked; the sign already says that they differ.
    spans = mark_model_difference(own, other) if row.name == "model" else mark_differences(own, other)
    return [(span.text, MARKS[span.mark]) for span in spans]


def _relation_style(relation: Relation, *, decisive: bool) -> str:
    if relation is Relation.EQUAL:
        return GOOD
    if relation is Relation.MISSING:
        return MUTED
    return f"{STRONG} {BAD}" if decisive and relation is Relation.DIFFERENT else CAREFUL


def _group_rows(group: Sequence[GroupMember], width: int) -> list[Row]:
    """A line for each other listing of the candidate's product."""
    lines: list[Pieces] = [
        [(f"{source_and_id(member.ref)}  ", MUTED), (safe(member.title), "")] for member in group[:_MAX_MEMBERS]
    ]
    if len(group) > _MAX_MEMBERS:
        lines.append([(f"and {counted(len(group) - _MAX_MEMBERS, 'other')}", MUTED)])
    names = ["group", *[""] * len(lines)]
    return [
        Row(" ", name, [WrappedText(line, width - LEAD - 1, max_lines=1)])
        for name, line in zip(names, lines, strict=False)
    ]


def _colleagues(option: Option, width: int) -> list[Row]:
    """Other annotators' decisions on this candidate."""
    return [
        _full_width(DECISION_SIGNS[decision], "label by", [(safe(name), "")], width) for name, decision in option.others
    ]
