"""The list of candidates, and which of them have really been on the screen."""

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

from core.queue.item import Option
from core.text.safe import safe
from labels.model import Decision, ProductRef, Strength
from tui.common.words import (
    BAND_SIGNS,
    DECISION_SIGNS,
    IMPLIED_SIGN,
    JUDGE_SIGN,
    decision_sign,
    initials,
    likely,
    price,
    shortened,
    titled,
)
from tui.messages import Highlighted
from tui.review.abbreviate import abbreviated, wrapped
from tui.theme import BANDS, DECISIONS, KEY, MUTED

_LEAD = 5  # cursor, key, space, decision, space
_SCORE = 14  # "0.87 ◆ medium", and a space
_LONGEST_WORD = 6
#: Between two people's columns, the longest name over one, and the share of a row that all of them may have.
_PERSON_GAP, _LONGEST_NAME, _MOST_PEOPLE = 2, 10, 0.4
#: Room for `+2`.
_MORE_WIDTH = 4


@dataclass(frozen=True)
class Columns:
    """How wide the columns of a list are, so that its rows stand in line.

    Attributes:
        lines: of a row.
        query: the query's title, so that short titles keep what it has not.
        titles: of the list's products, so that short ones keep what differs among them.
        ids: of the same products.
        others: width of the column for what colleagues said; 0 where nobody did.
        people: who said something, where that is to be settled: each has a column, under the name.
        more: how many have none, for want of room.
        currency: that of all the prices, which need not say it then; empty where they are of several.
    """

    width: int
    lines: int
    blind: bool
    query: str
    titles: tuple[str, ...]
    ids: tuple[str, ...]
    price: int
    others: int
    people: tuple[str, ...] = ()
    more: int = 0
    currency: str = ""

    @classmethod
    def of(cls, options: Sequence[Option], query: str, width: int, lines: int, *, blind: bool) -> Self:
        """The columns that fit all options."""
        currencies = {option.product.currency for option in options if option.product.price is not None}
        currency = currencies.pop() if len(currencies) == 1 else ""
        prices = max((len(price(option.product, currency)) for option in options), default=0)
        everybody = tuple(dict.fromkeys(said.annotator for option in options for said in option.opinions))
        people = everybody
        while sum(_person_width(name) for name in people) > width * _MOST_PEOPLE:
            people = people[:-1]
        more = len(everybody) - len(people)
        others = sum(_person_width(name) for name in people) + (_MORE_WIDTH if more else 0)
        if not people:
            others = max((_others(option, ()).cell_length for option in options), default=0)
        titles = tuple(titled(option.product) for option in options)
        return cls(width, lines, blind, query, titles, _ids(options), prices, others, people, more, currency)

    @property
    def right(self) -> int:
        """Width of all that stands to the right of the title, with the gap before it."""
        others = self.others + 1 if self.others else 0
        if self.lines > 1:
            return 2 + max(self.price, 0 if self.blind else _SCORE - 1) + others
        return 2 + self.price + others + (0 if self.blind else _SCORE + 1)

    def headings(self) -> list[tuple[int, str]]:
        """The names over their columns, each with where it begins."""
        place = _LEAD + self.title + self.right - self.others - (0 if self.blind else _SCORE)
        place -= self.price + 1 if self.lines == 1 else 0
        found = []
        for name in self.people:
            found.append((place + _PERSON_GAP, shortened(safe(name), _LONGEST_NAME)))
            place += _person_width(name)
        return [*found, (place + _PERSON_GAP, f"+{self.more}")] if self.more else found

    @property
    def title(self) -> int:
        """Width of the title."""
        return max(8, self.width - _LEAD - self.right - 1)

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """The titles of the list, abbreviated to the room that there is."""
        return abbreviated(self.titles, self.title, self.query, self.ids, self.lines)


def _ids(options: Sequence[Option]) -> tuple[str, ...]:
    """The products' ids; with their sources where two sources share one."""
    ids = tuple(safe(option.product.id) for option in options)
    if len(set(ids)) == len(ids):
        return ids
    return tuple(f"{safe(option.product.source)} {id_}" for option, id_ in zip(options, ids, strict=True))


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
    blank = Content.assemble(("▌", "$accent") if cursor else " ", " " * (_LEAD - 1))
    first = Content.empty() if columns.blind else _score(option)
    second = Content.styled(price(option.product, columns.currency), MUTED)
    others = _others(option, columns.people)
    if columns.people:
        first = others.pad_right(columns.others - others.cell_length) + Content(" ") + first
    elif others:
        second = others + Content(" ") + second
    return [lead + title[0] + _pad(first, columns.right), blank + title[1] + _pad(second, columns.right)]


def _title_lines(index: int, columns: Columns) -> list[Content]:
    """The title over the row's lines."""
    text = columns.shown[index]
    lines = [text] if columns.lines == 1 else wrapped(text, columns.title)
    return [Content(line).truncate(columns.title, pad=True) for line in (*lines, "")[: columns.lines]]


def _right(option: Option, columns: Columns) -> Content:
    parts: list[Content] = []
    if columns.others:
        others = _others(option, columns.people)
        parts.append(
            others.pad_right(columns.others - others.cell_length) if columns.people else _pad(others, columns.others)
        )
    if not columns.blind:
        parts.append(_score(option))
    parts.append(Content.styled(price(option.product, columns.currency).rjust(columns.price), MUTED))
    return Content(" ").join(parts)


def _score(option: Option) -> Content:
    """`97% ▲ high  `, before the first labels `0.87 ▲ high  `; always as wide."""
    if option.similarity is None:
        return Content.styled("not in ten".ljust(_SCORE - 1), MUTED)
    band = f"{BAND_SIGNS[option.band]} {option.band.value.ljust(_LONGEST_WORD)}"
    return Content.assemble(likely(option).rjust(4), " ", (band, BANDS[option.band]))


def _others(option: Option, people: Sequence[str]) -> Content:
    """What colleagues said: a sign in each one's column, else `jo✓ ab✗`, and beyond two, how many more.

    Before them what the judge says, `J✓`.
    """
    if people:
        return Content.empty().join([_sign_of(option, name) for name in people])
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


def _sign_of(option: Option, name: str) -> Content:
    """What one person said of a candidate, in the middle of their column."""
    said = next((opinion for opinion in option.opinions if opinion.annotator == name), None)
    width = _person_width(name)
    if said is None:
        return Content(" " * width)
    implied = said.strength is Strength.IMPLIED
    sign = IMPLIED_SIGN if implied else DECISION_SIGNS[said.decision]
    before = _PERSON_GAP + (width - _PERSON_GAP - 1) // 2
    return Content.assemble(
        " " * before, (sign, MUTED if implied else DECISIONS[said.decision]), " " * (width - before - 1)
    )


def _person_width(name: str) -> int:
    return _PERSON_GAP + min(cell_len(safe(name)), _LONGEST_NAME)


def _decision_style(option: Option) -> str:
    if option.decision is None:
        return ""
    return MUTED if option.strength is Strength.IMPLIED else DECISIONS[option.decision]


def _pad(content: Content, width: int) -> Content:
    """Flush right."""
    return content.pad_left(max(0, width - content.cell_length))


class CandidateList(ScrollView, can_focus=False):
    """Candidates in rows of one line, or of two where there is room.

    A candidate counts as seen once one of its lines was painted for the query at hand; what lies below the edge
    of a small terminal does not.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"candidates--row", "candidates--cursor"}

    highlighted = reactive(0, repaint=False)
    #: Lines that the layout means to give; what is painted while it is still settling is no more than a flicker.
    lines_given = reactive(0)

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.options: tuple[Option, ...] = ()
        self._verdicts: Mapping[ProductRef, bool] = {}
        self._query = ""
        self._blind = False
        self._painted: set[int] = set()
        self._rows: dict[tuple[int, bool], list[Content]] = {}
        self._made_for: tuple[int, int] | None = None
        self._columns = Columns.of((), "", 0, 1, blind=False)
        self._prepared: tuple[tuple[Option, ...], Columns, dict[tuple[int, bool], list[Content]]] = (
            (), self._columns, {},
        )  # fmt: skip

    # -- what is shown -------------------------------------------------------------------------------------

    def show(self, options: Sequence[Option], query: str, *, blind: bool, highlighted: int, same_query: bool) -> None:
        """Show a query's candidates; `same_query` keeps what was seen before."""
        if not same_query:
            self._verdicts = {}
            self._painted.clear()
            self.scroll_to(y=0, animate=False, immediate=True)
        self.options = self._with_verdicts(options)
        self._query = query
        self._blind = blind
        self._made_for = None
        self._fit()
        self.set_reactive(CandidateList.highlighted, highlighted)
        self._keep_in_view(highlighted)
        self.refresh()

    def note(self, verdicts: Mapping[ProductRef, bool]) -> None:
        """Mark what the judge says, until another query is shown."""
        self._verdicts = {**self._verdicts, **verdicts}
        self.options = self._with_verdicts(self.options)
        self._made_for = None
        self.refresh()

    def _with_verdicts(self, options: Sequence[Option]) -> tuple[Option, ...]:
        said = self._verdicts
        return tuple(replace(o, verdict=said[o.product.ref]) if o.product.ref in said else o for o in options)

    @property
    def current(self) -> Option | None:
        """The highlighted candidate."""
        return self.options[self.highlighted] if self.highlighted < len(self.options) else None

    @property
    def seen(self) -> list[Option]:
        """The candidates that were painted for this query, in their order."""
        return [option for place, option in enumerate(self.options) if place in self._painted]

    def move_to(self, index: int) -> None:
        """Highlight a candidate, if there is one."""
        if self.options:
            self.highlighted = max(0, min(index, len(self.options) - 1))

    def watch_highlighted(self, highlighted: int) -> None:
        """Bring it into view and tell the screen."""
        self._keep_in_view(highlighted)
        self.refresh()
        self.post_message(Highlighted(highlighted))

    # -- painting ------------------------------------------------------------------------------------------

    @property
    def row_height(self) -> int:
        """Two lines where they fit all candidates, so that long titles can be read."""
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
            # Reversed as a whole: colours of its own would become patches.
            content = Content.styled(content.pad_right(width - content.cell_length).plain, "reverse")
        segments = [Segment(text, part.rich_style) for text, part in content.render(style, end="")]
        return Strip(segments).adjust_cell_length(width, style.rich_style)

    @property
    def columns(self) -> Columns:
        """How the rows are laid out at the width that there is now."""
        made_for = (self.scrollable_content_region.width, self.row_height)
        if made_for != self._made_for:
            self._made_for = made_for
            self._columns = Columns.of(self.options, self._query, *made_for, blind=self._blind)
            prepared = self._prepared[:2] == (self.options, self._columns)
            self._rows = self._prepared[2] if prepared else {}
        return self._columns

    def prepare(self, options: Sequence[Option], query: str, *, blind: bool) -> None:
        """Make the rows of the query that comes next, while nobody waits for them."""
        columns = Columns.of(
            options, query, self.scrollable_content_region.width, self._row_height(len(options)), blind=blind
        )
        rows = {(at, at == 0): row_lines(at, option, columns, cursor=at == 0) for at, option in enumerate(options)}
        self._prepared = (tuple(options), columns, rows)

    def _row(self, index: int, *, cursor: bool) -> list[Content]:
        """The lines of one row; made once, and painted many times."""
        columns = self.columns
        if (index, cursor) not in self._rows:
            self._rows[index, cursor] = row_lines(index, self.options[index], columns, cursor=cursor)
        return self._rows[index, cursor]

    def on_resize(self) -> None:
        """Rows may change their height."""
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
    """The next candidate without an explicit decision, going round; the next one where there is none."""
    count = len(options)
    for step in range(1, count):
        option = options[(index + step) % count]
        if option.decision is None or (option.strength is Strength.IMPLIED and option.decision is Decision.NO_MATCH):
            return (index + step) % count
    return min(index + 1, count - 1)
