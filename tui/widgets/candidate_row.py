"""One candidate as a row of the list: key, decision, title, and what the machine says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from textual.content import Content

from core.queue.item import Option
from core.text.safe import safe
from labels.model import Strength
from tui.abbreviate import abbreviated
from tui.style import BANDS, DECISIONS, KEY, MUTED
from tui.words import BAND_SIGNS, DECISION_SIGNS, decision_sign, initials, likely, price

_LEAD = 5  # cursor, key, space, decision, space
_SCORE = 14  # "0.87 ◆ medium", and a space
_LONGEST_WORD = 6


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide the columns of a list are, so that its rows stand in line.

    Attributes:
        lines: of a row.
        query: the query's title, so that short titles keep what it has not.
        others: width of the column for what colleagues said; 0 where nobody did.
    """

    width: int
    lines: int
    blind: bool
    query: str
    price: int
    others: int

    @classmethod
    def of(cls, options: Sequence[Option], query: str, width: int, lines: int, *, blind: bool) -> Self:
        """The columns that fit all options."""
        prices = max((len(price(option.product)) for option in options), default=0)
        others = max((_others(option).cell_length for option in options), default=0)
        return cls(width, lines, blind, query, prices, others)

    @property
    def right(self) -> int:
        """Width of all that stands to the right of the title, with the gap before it."""
        others = self.others + 1 if self.others else 0
        if self.lines > 1:
            return 2 + max(self.price, 0 if self.blind else _SCORE - 1) + others
        return 2 + self.price + others + (0 if self.blind else _SCORE + 1)

    @property
    def title(self) -> int:
        """Width of the title."""
        return max(8, self.width - _LEAD - self.right - 1)


def row_lines(index: int, option: Option, columns: Columns, *, cursor: bool) -> list[Content]:
    """The lines of one row."""
    title = _title_lines(option, columns)
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
    second = Content.styled(price(option.product), MUTED)
    others = _others(option)
    if others:
        second = others + Content(" ") + second
    return [lead + title[0] + _pad(first, columns.right), blank + title[1] + _pad(second, columns.right)]


def _title_lines(option: Option, columns: Columns) -> list[Content]:
    """The title over the row's lines; an ellipsis where the comparison has more."""
    text = safe(option.product.title)
    if columns.lines == 1:
        return [Content(abbreviated(text, columns.title, columns.query)).truncate(columns.title, pad=True)]
    # Lines break at words, so a little less than both lines hold may be what fits.
    for width in range(2 * columns.title, columns.title, -2):
        lines = Content(abbreviated(text, width, columns.query)).wrap(columns.title) or [Content.empty()]
        if len(lines) <= 2:
            break
    first, second = (*lines, Content.empty())[:2]
    return [line.rstrip().truncate(columns.title, pad=True) for line in (first, second)]


def _right(option: Option, columns: Columns) -> Content:
    parts: list[Content] = []
    if columns.others:
        parts.append(_pad(_others(option), columns.others))
    if not columns.blind:
        parts.append(_score(option))
    parts.append(Content.styled(price(option.product).rjust(columns.price), MUTED))
    return Content(" ").join(parts)


def _score(option: Option) -> Content:
    """`97% ▲ high  `, before the first labels `0.87 ▲ high  `; always as wide."""
    if option.similarity is None:
        return Content.styled("not in ten".ljust(_SCORE - 1), MUTED)
    band = f"{BAND_SIGNS[option.band]} {option.band.value.ljust(_LONGEST_WORD)}"
    return Content.assemble(likely(option).rjust(4), " ", (band, BANDS[option.band]))


def _others(option: Option) -> Content:
    """What colleagues said: `jo✓ ab✗`; beyond two, how many more."""
    parts = [
        Content.styled(f"{initials(name)}{DECISION_SIGNS[decision]}", DECISIONS[decision])
        for name, decision in option.others[:2]
    ]
    if len(option.others) > 2:
        parts.append(Content.styled(f"+{len(option.others) - 2}", MUTED))
    return Content(" ").join(parts)


def _decision_style(option: Option) -> str:
    if option.decision is None:
        return ""
    return MUTED if option.strength is Strength.IMPLIED else DECISIONS[option.decision]


def _pad(content: Content, width: int) -> Content:
    """Flush right."""
    return content.pad_left(max(0, width - content.cell_length))
