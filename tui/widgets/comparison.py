"""The highlighted candidate beside the query, field by field."""

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from textual.content import Content
from textual.widget import Widget

from core.catalog.product import Product
from core.queue.item import Option, ReviewItem
from core.text.safe import safe
from labels.model import Stream
from tui.compare import FieldRow, Relation, compared, title_relation
from tui.diff import apart, marked
from tui.messages import Scrolled
from tui.passage import Passage, Pieces
from tui.style import BAD, CAREFUL, GOOD, MARKS, MUTED, STRONG
from tui.tokens import LONGEST
from tui.widgets.heading import ruled
from tui.widgets.opinion_lines import opinion_lines
from tui.widgets.query import marked_title
from tui.widgets.table import GAP, LEAD, Lines, Row, Told
from tui.words import DECISION_SIGNS, place, product_fields, titled

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
    return Row(sign, name, [Passage(value, width - LEAD - 1)])


def _field(row: FieldRow, width: int) -> Row:
    """One field; as many lines as its longer value needs."""
    note = [(f"  {row.note}", MUTED)] if row.note else []
    values = [_value(row.own, row.other, row), [*_value(row.other, row.own, row), *note]]
    sign = Content.styled(row.relation.value, _relation_style(row.relation, telling=row.telling))
    return Row(sign, row.name, [Passage(value, value_width(width)) for value in values])


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
