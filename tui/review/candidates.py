"""The list of candidates: column layout, rows, and the widget that records which candidates were visible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

from rich.cells import cell_len
from rich.segment import Segment
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.catalog.product import Product
from core.queue.item import Option
from core.text.model_numbers import alphanumeric
from core.text.safe import safe, shorten
from labels.model import Decision, ProductRef, Strength
from tui.common.words import (
    BAND_SIGNS,
    DECISION_SIGNS,
    IMPLIED_SIGN,
    JUDGE_SIGN,
    decision_sign,
    display_title,
    initials,
    price,
    score_text,
    source_and_id,
)
from tui.messages import ColumnsMoved, Highlighted
from tui.review.abbreviate import abbreviate, wrap_title
from tui.theme import BANDS, DECISIONS, KEY, MUTED

_LEAD_WIDTH = 5  # cursor, key, space, decision, space
_SCORE_WIDTH = 14  # "0.87 ◆ medium", and a space
_BAND_WIDTH = 6
#: Characters of a brand or model number below a title.
_MAX_DETAIL = 60
#: In cells: between two annotators' columns, and of a name above one; and the maximum share of a row for all of them.
_PERSON_GAP, _MAX_NAME_WIDTH, _MAX_PEOPLE_SHARE = 2, 10, 0.4
#: Cells for `+2`, the number of annotators without a column.
_OVERFLOW_WIDTH = 4


@dataclass(frozen=True)
class Columns:
    """The column widths of a list, shared by all of its rows.

    Attributes:
        lines: per row.
        query: the query's title; words that it lacks are kept in abbreviated titles.
        titles: of the products; words that distinguish them are kept in abbreviated titles.
        ids: of the products, in the same order.
        details: of the products, for the second line of a row whose title needs only one.
        others: width of the column of others' decisions; 0 if there are none.
        people: in adjudication, the annotators with a column of their own.
        more: number of annotators without a column, for lack of room.
        currency: of all prices, left out in the rows then; empty if there are several.
    """

    width: int
    lines: int
    blind: bool
    query: str
    titles: tuple[str, ...]
    ids: tuple[str, ...]
    details: tuple[str, ...]
    price: int
    others: int
    people: tuple[str, ...] = ()
    more: int = 0
    currency: str = ""

    @classmethod
    def of(cls, options: Sequence[Option], query: str, width: int, lines: int, *, blind: bool) -> Self:
        """The columns for all options at a width in cells."""
        currencies = {option.product.currency for option in options if option.product.price is not None}
        currency = currencies.pop() if len(currencies) == 1 else ""
        prices = max((len(price(option.product, currency)) for option in options), default=0)
        annotators = tuple(dict.fromkeys(opinion.annotator for option in options for opinion in option.opinions))
        people = annotators
        while sum(_person_width(name) for name in people) > width * _MAX_PEOPLE_SHARE:
            people = people[:-1]
        more = len(annotators) - len(people)
        others = sum(_person_width(name) for name in people) + (_OVERFLOW_WIDTH if more else 0)
        if not people:
            others = max((_others_content(option, ()).cell_length for option in options), default=0)
        titles = tuple(display_title(option.product) for option in options)
        ids, details = _ids(options), tuple(_detail(option.product) for option in options)
        return cls(width, lines, blind, query, titles, ids, details, prices, others, people, more, currency)

    @property
    def right(self) -> int:
        """Width of everything to the right of the title, including the gap."""
        others = self.others + 1 if self.others else 0
        if self.lines > 1:
            return 2 + max(self.price, 0 if self.blind else _SCORE_WIDTH - 1) + others
        return 2 + self.price + others + (0 if self.blind else _SCORE_WIDTH + 1)

    def headings(self) -> list[tuple[int, str]]:
        """The annotators' names above their columns, as (column, name)."""
        place = _LEAD_WIDTH + self.title + self.right - self.others - (0 if self.blind else _SCORE_WIDTH)
        place -= self.price + 1 if self.lines == 1 else 0
        found = []
        for name in self.people:
            found.append((place + _PERSON_GAP, shorten(safe(name), _MAX_NAME_WIDTH)))
            place += _person_width(name)
        return [*found, (place + _PERSON_GAP, f"+{self.more}")] if self.more else found

    @property
    def title(self) -> int:
        """Width of the title."""
        return max(8, self.width - _LEAD_WIDTH - self.right - 1)

    @cached_property
    def short_titles(self) -> tuple[str, ...]:
        """The titles, abbreviated to the available width."""
        return abbreviate(self.titles, self.title, self.query, self.ids, self.lines)

    @cached_property
    def title_lines(self) -> tuple[tuple[str, ...], ...]:
        """The lines of each title; fewer than `lines` for a short one."""
        if self.lines == 1:
            return tuple((title,) for title in self.short_titles)
        return tuple(tuple(wrap_title(title, self.title)[: self.lines]) for title in self.short_titles)

    @cached_property
    def second_lines(self) -> tuple[str, ...]:
        """The details below titles of one line: the id where the row would look like one with a longer title."""
        return tuple(
            id_ if len(lines) == 1 and (*lines, detail) in self.title_lines else detail
            for lines, detail, id_ in zip(self.title_lines, self.details, self.ids, strict=True)
        )


def _ids(options: Sequence[Option]) -> tuple[str, ...]:
    """The products' ids, with their sources if ids are not unique."""
    ids = tuple(safe(option.product.id) for option in options)
    if len(set(ids)) == len(ids):
        return ids
    return tuple(f"{safe(option.product.source)} {id_}" for option, id_ in zip(options, ids, strict=True))


def _detail(product: Product) -> str:
    """Brand and model number as far as the title lacks them; else source and id."""
    title = alphanumeric(product.title)
    lacking = [value for value in (product.brand, product.model) if alphanumeric(value) not in title]
    return "  ".join(shorten(safe(value), _MAX_DETAIL) for value in lacking) or source_and_id(product)


def row_lines(index: int, option: Option, columns: Columns, *, cursor: bool) -> list[Content]:
    """The lines of one row."""
    title = _title_lines(index, columns)
    lead = Content.assemble(
        ("▌", "$accent") if cursor else " ",
        (str((index + 1) % 10) if index < 10 else "·", KEY if index < 10 else MUTED),
        " ",
        (decision_sign(option), _decision_style(option)),
        " ",
    )
    if columns.lines == 1:
        return [lead + title[0] + _pad(_right(option, columns), columns.right)]
    blank = Content.assemble(("▌", "$accent") if cursor else " ", " " * (_LEAD_WIDTH - 1))
    first = Content.empty() if columns.blind else _score(option)
    second = Content.styled(price(option.product, columns.currency), MUTED)
    others = _others_content(option, columns.people)
    if columns.people:
        first = others.pad_right(columns.others - others.cell_length) + Content(" ") + first
    elif others:
        second = others + Content(" ") + second
    return [lead + title[0] + _pad(first, columns.right), blank + title[1] + _pad(second, columns.right)]


def _title_lines(index: int, columns: Columns) -> list[Content]:
    """The title, wrapped over the row's lines; below a title of one line, what else identifies the product."""
    lines = [Content(line) for line in columns.title_lines[index]]
    if len(lines) < columns.lines:
        lines.append(Content.styled(columns.second_lines[index], MUTED))
    return [line.truncate(columns.title, ellipsis=True, pad=True) for line in lines]


def _right(option: Option, columns: Columns) -> Content:
    parts: list[Content] = []
    if columns.others:
        others = _others_content(option, columns.people)
        parts.append(
            others.pad_right(columns.others - others.cell_length) if columns.people else _pad(others, columns.others)
        )
    if not columns.blind:
        parts.append(_score(option))
    parts.append(Content.styled(price(option.product, columns.currency).rjust(columns.price), MUTED))
    return Content(" ").join(parts)


def _score(option: Option) -> Content:
    """The score in a fixed width: `97% ▲ high  `; `0.87 ▲ high  ` before the first labels."""
    if option.similarity is None:
        return Content.styled("not in top".ljust(_SCORE_WIDTH - 1), MUTED)
    band = f"{BAND_SIGNS[option.band]} {option.band.value.ljust(_BAND_WIDTH)}"
    return Content.assemble(score_text(option).rjust(4), " ", (band, BANDS[option.band]))


def _others_content(option: Option, people: Sequence[str]) -> Content:
    """Others' decisions: a sign in each annotator's column, or else `jo✓ ab✗` and the number of further ones.

    The judge's verdict precedes them, as `J✓`.
    """
    if people:
        return Content.empty().join([_opinion_sign(option, name) for name in people])
    parts = [
        Content.styled(f"{initials(name)}{DECISION_SIGNS[decision]}", DECISIONS[decision])
        for name, decision in option.others[:2]
    ]
    if option.verdict is not None:
        decision = Decision.MATCH if option.verdict else Decision.NO_MATCH
        parts.insert(0, Content.styled(f"{JUDGE_SIGN}{DECISION_SIGNS[decision]}", DECISIONS[decision]))
    if len(option.others) > 2:
        parts.append(Content.styled(f"+{len(option.others) - 2}", MUTED))
    return Content(" ").join(parts)


def _opinion_sign(option: Option, name: str) -> Content:
    """An annotator's decision on a candidate, centred in their column."""
    opinion = next((opinion for opinion in option.opinions if opinion.annotator == name), None)
    width = _person_width(name)
    if opinion is None:
        return Content(" " * width)
    implied = opinion.strength is Strength.IMPLIED
    sign = IMPLIED_SIGN if implied else DECISION_SIGNS[opinion.decision]
    before = _PERSON_GAP + (width - _PERSON_GAP - 1) // 2
    return Content.assemble(
        " " * before, (sign, MUTED if implied else DECISIONS[opinion.decision]), " " * (width - before - 1)
    )


def _person_width(name: str) -> int:
    return _PERSON_GAP + min(cell_len(safe(name)), _MAX_NAME_WIDTH)


def _decision_style(option: Option) -> str:
    if option.decision is None:
        return ""
    return MUTED if option.strength is Strength.IMPLIED else DECISIONS[option.decision]


def _pad(content: Content, width: int) -> Content:
    """Align right."""
    return content.pad_left(max(0, width - content.cell_length))


class CandidateList(ScrollView, can_focus=False):
    """Candidates in rows of one line, or of two where there is room.

    A candidate counts as seen once one of its lines was painted for the current query; those below the edge of a small
    terminal do not. Only seen candidates are rejected implicitly.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"candidates--row", "candidates--cursor"}

    highlighted = reactive(0, repaint=False)
    #: The final height that the layout will assign; what is painted while the list is taller does not count as seen.
    lines_given = reactive(0)

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.options: tuple[Option, ...] = ()
        self._verdicts: Mapping[ProductRef, bool] = {}
        self._query = ""
        self._blind = False
        self._painted: set[int] = set()
        self._rows: dict[tuple[int, bool], list[Content]] = {}
        self._layout_key = (0, 0)
        self._columns = Columns.of((), "", 0, 1, blind=False)
        self._prepared: tuple[tuple[Option, ...], Columns, dict[tuple[int, bool], list[Content]]] = (
            (), self._columns, {},
        )  # fmt: skip

    # -- what is shown -------------------------------------------------------------------------------------

    def show(self, options: Sequence[Option], query: str, *, blind: bool, highlighted: int, same_query: bool) -> None:
        """Show a query's candidates; `same_query` keeps the scroll position and the seen candidates."""
        if not same_query:
            self._verdicts = {}
            self._painted.clear()
            self.scroll_to(y=0, animate=False, immediate=True)
        self.options = self._with_verdicts(options)
        self._query = query
        self._blind = blind
        self._lay_out()
        self._fit()
        self.set_reactive(CandidateList.highlighted, highlighted)
        self._keep_in_view(highlighted)
        self.refresh()

    def show_verdicts(self, verdicts: Mapping[ProductRef, bool]) -> None:
        """Show the judge's verdicts (True: match) until another query is shown."""
        self._verdicts = {**self._verdicts, **verdicts}
        self.options = self._with_verdicts(self.options)
        self._lay_out()
        self.refresh()

    def _with_verdicts(self, options: Sequence[Option]) -> tuple[Option, ...]:
        opinion = self._verdicts
        return tuple(replace(o, verdict=opinion[o.product.ref]) if o.product.ref in opinion else o for o in options)

    @property
    def current(self) -> Option | None:
        """The highlighted candidate."""
        return self.options[self.highlighted] if self.highlighted < len(self.options) else None

    @property
    def seen(self) -> list[Option]:
        """The candidates that were painted for this query, in order."""
        return [option for place, option in enumerate(self.options) if place in self._painted]

    def move_to(self, index: int) -> None:
        """Highlight the candidate at an index, or the nearest one."""
        if self.options:
            self.highlighted = max(0, min(index, len(self.options) - 1))

    def watch_highlighted(self, highlighted: int) -> None:
        """Scroll the highlighted candidate into view and notify the screen."""
        self._keep_in_view(highlighted)
        self.refresh()
        self.post_message(Highlighted(highlighted))

    # -- painting ------------------------------------------------------------------------------------------

    @property
    def row_height(self) -> int:
        """Lines per row: two if all candidates fit, so that long titles are legible."""
        return self._row_height(len(self.options))

    def _row_height(self, rows: int) -> int:
        return 2 if rows and self.size.height >= 2 * rows else 1

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        width = self.scrollable_content_region.width
        index, line = divmod(y + self.scroll_offset.y, self.row_height)
        if index >= len(self.options):
            return Strip.blank(width, self.visual_style.rich_style)
        if self.size.height <= self.lines_given:
            self._painted.add(index)
        cursor = index == self.highlighted
        name = "candidates--cursor" if cursor else "candidates--row"
        style = self.get_visual_style(name)
        content = self._row(index, cursor=cursor)[line]
        if cursor and self.app.native_ansi_color:
            # Reversed as a whole: the parts' own colours would show as patches.
            content = Content.styled(content.pad_right(width - content.cell_length).plain, "reverse")
        segments = [Segment(text, part.rich_style) for text, part in content.render(style, end="")]
        return Strip(segments).adjust_cell_length(width, style.rich_style)

    @property
    def columns(self) -> Columns:
        """The column layout at the current width."""
        if self._layout_key != (self.scrollable_content_region.width, self.row_height):
            self._lay_out()
            self.post_message(ColumnsMoved())
        return self._columns

    def _lay_out(self) -> None:
        self._layout_key = (self.scrollable_content_region.width, self.row_height)
        self._columns = Columns.of(self.options, self._query, *self._layout_key, blind=self._blind)
        prepared = self._prepared[:2] == (self.options, self._columns)
        self._rows = self._prepared[2] if prepared else {}

    def prepare(self, options: Sequence[Option], query: str, *, blind: bool) -> None:
        """Build the rows of the next query in advance."""
        columns = Columns.of(
            options, query, self.scrollable_content_region.width, self._row_height(len(options)), blind=blind
        )
        rows = {(at, at == 0): row_lines(at, option, columns, cursor=at == 0) for at, option in enumerate(options)}
        self._prepared = (tuple(options), columns, rows)

    def _row(self, index: int, *, cursor: bool) -> list[Content]:
        """The lines of one row; built once, painted many times."""
        columns = self.columns
        if (index, cursor) not in self._rows:
            self._rows[index, cursor] = row_lines(index, self.options[index], columns, cursor=cursor)
        return self._rows[index, cursor]

    def on_resize(self) -> None:
        """Recompute the row height."""
        self._fit()
        self._keep_in_view(self.highlighted)

    def on_click(self, event: Click) -> None:
        """Highlight the row under the pointer."""
        self.move_to((event.y + self.scroll_offset.y) // self.row_height)

    def _fit(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.options) * self.row_height)

    def _keep_in_view(self, index: int) -> None:
        top, height = index * self.row_height, self.size.height
        if not height:
            return
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True)
        elif top + self.row_height > self.scroll_offset.y + height:
            self.scroll_to(y=top + self.row_height - height, animate=False, immediate=True)


def next_undecided(options: tuple[Option, ...], index: int) -> int:
    """Index of the next candidate without an explicit decision, cyclically; of the next one if there is none."""
    count = len(options)
    for step in range(1, count):
        option = options[(index + step) % count]
        if option.decision is None or (option.strength is Strength.IMPLIED and option.decision is Decision.NO_MATCH):
            return (index + step) % count
    return min(index + 1, count - 1)
