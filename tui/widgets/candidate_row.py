"""One candidate as a row of the list: key, decision, title, and what the machine says."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from rich.cells import cell_len
from textual.content import Content

from core.queue.item import Option
from core.text.safe import safe
from labels.model import Decision, Strength
from tui.abbreviate import abbreviated, wrapped
from tui.style import BANDS, DECISIONS, KEY, MUTED
from tui.words import (
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
