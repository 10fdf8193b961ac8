"""The highlighted candidate beside the query, field by field."""

from textual.content import Content
from textual.widget import Widget

from core.catalog.product import Product
from core.queue.item import Option, ReviewItem
from core.text.safe import safe
from labels.model import Stream
from tui.compare import FieldRow, Relation, compared, title_relation
from tui.diff import marked
from tui.messages import Scrolled
from tui.style import BAD, CAREFUL, GOOD, MARKS, MUTED, STRONG
from tui.widgets.opinion_lines import opinion_lines
from tui.widgets.query import marked_title
from tui.words import DECISION_SIGNS, product_fields

#: Sign, space, name, space: where the values begin.
NAME_WIDTH = 9
LEAD = 1 + 2 + NAME_WIDTH + 1
_GAP = 2


def value_width(width: int) -> int:
    """Width of each of the two columns of values."""
    return max(6, (width - LEAD - _GAP - 1) // 2)


class Comparison(Widget):
    """The lines of the comparison, made for whatever width there is; it scrolls by itself.

    A widget that holds another one, taller than itself, would have the whole screen laid out anew for each pair.
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._shown: tuple[ReviewItem, Option | None, bool] | None = None
        self._lines: list[Content] = []
        self._made_for = 0
        self._top = 0

    def show(self, item: ReviewItem, option: Option | None, *, whole_query: bool) -> None:
        """Compare a candidate with the query; `whole_query` when the query's title does not fit its panel."""
        self._shown = (item, option, whole_query)
        self._made_for = self._top = 0
        self.refresh()

    @property
    def below(self) -> int:
        """How many lines there are below the edge."""
        return max(0, len(self._made()) - self._top - self.size.height)

    def scroll_lines(self, step: int) -> None:
        """Go down by some lines, or up."""
        top = max(0, min(self._top + step, len(self._made()) - self.size.height))
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
        """The lines that fit."""
        return Content("\n").join(self._made()[self._top : self._top + self.size.height])

    def _made(self) -> list[Content]:
        """All lines, for the width that there is now."""
        width = self.size.width
        if width != self._made_for:
            self._made_for, self._lines = width, _lines(*self._shown, width) if self._shown and width > LEAD else []
            self._top = max(0, min(self._top, len(self._lines) - self.size.height))
        return self._lines


def _lines(item: ReviewItem, option: Option | None, whole_query: bool, width: int) -> list[Content]:
    settles = item.stream is Stream.ADJUDICATION and not item.alone
    lines = opinion_lines(item, option, width) if settles else []
    if option is None:
        lines += [_single(name, value, width) for name, value in product_fields(item.query)]
    else:
        lines += _titles(item.query, option.product, width, whole_query=whole_query)
        for row in compared(item.query, option.product):
            lines += _field(row, width)
    return lines if settles else [*lines, *(_colleagues(option) if option else []), *_comments(item, width)]


def _titles(query: Product, candidate: Product, width: int, *, whole_query: bool) -> list[Content]:
    relation = title_relation(query, candidate)
    lines = []
    if whole_query:
        lines += _wide(" ", query.source, marked_title(query, candidate), width)
    sign = Content.styled(relation.value, _relation_style(relation, telling=False))
    return lines + _wide(sign, "title", marked_title(candidate, query), width)


def _wide(sign: Content | str, name: str, value: Content, width: int) -> list[Content]:
    """A value over the width of both columns."""
    first, *rest = value.wrap(width - LEAD - 1) or [Content.empty()]
    return [_lead(sign, name) + first, *(Content(" " * LEAD) + line for line in rest)]


def _single(name: str, value: str, width: int) -> Content:
    return _lead(" ", name) + Content(value).truncate(width - LEAD - 1, ellipsis=True)


def _field(row: FieldRow, width: int) -> list[Content]:
    """One field; as many lines as its longer value needs."""
    cell = value_width(width)
    style = _relation_style(row.relation, telling=row.telling)
    own = _value(row.own, row.other, row).wrap(cell) or [Content.empty()]
    other_value = _value(row.other, row.own, row)
    if row.note:
        other_value += Content.styled(f"  {row.note}", MUTED)
    other = other_value.wrap(cell) or [Content.empty()]
    lines = []
    for at in range(max(len(own), len(other))):
        lead = _lead(Content.styled(row.relation.value, style), row.name) if at == 0 else Content(" " * LEAD)
        left = own[at].rstrip() if at < len(own) else Content.empty()
        right = other[at].rstrip() if at < len(other) else Content.empty()
        lines.append(lead + left.truncate(cell, pad=True) + Content(" " * _GAP) + right)
    return lines


def _value(own: str, other: str, row: FieldRow) -> Content:
    if not own:
        return Content.styled("–", MUTED)
    if row.relation is not Relation.DIFFERENT or not row.telling:
        return Content(own)
    return Content.assemble(*((s.text, MARKS[s.mark]) for s in marked(own, other)))


def _lead(sign: Content | str, name: str) -> Content:
    label = Content.styled(safe(name), MUTED).truncate(NAME_WIDTH, ellipsis=True).truncate(NAME_WIDTH, pad=True)
    return Content.assemble(" ", sign, " ", label, " ")


def _relation_style(relation: Relation, *, telling: bool) -> str:
    if relation is Relation.EQUAL:
        return GOOD
    if relation is Relation.MISSING:
        return MUTED
    return f"{STRONG} {BAD}" if telling else CAREFUL


def _colleagues(option: Option) -> list[Content]:
    """What others said of this candidate, by name."""
    return [_lead(DECISION_SIGNS[decision], "said by") + Content(safe(name)) for name, decision in option.others]


def _comments(item: ReviewItem, width: int) -> list[Content]:
    lines = []
    for name, text in item.comments:
        lines += _wide("✎", name, Content(safe(text)), width)
    return lines
