"""Markdown as lines of text, in which nothing can be clicked and for which nothing is fetched.

A widget for each paragraph, as Textual's own Markdown has it, takes seconds for a long text; this takes milliseconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tui.theme import KEY, MUTED

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode


#: Shown as they are written: nothing opens from here, and an address that can be read can be copied.
_AS_WRITTEN = ["link", "image", "autolink", "linkify", "html_block", "html_inline", "entity", "reference"]

_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}
_HEADING = "bold $text-primary"
_BULLET, _QUOTE, _RULE = "• ", "▎ ", "───"
_GAP = "  "
#: A column of text that is narrower than this cannot be read.
_NARROWEST = 8


@dataclass(slots=True)
class Block:
    """A stretch of text that is wrapped by itself.

    Attributes:
        rows: the cells of a table; of anything else, one row of one cell.
        first, further: what stands before the first line, and before the others.
        apart: whether an empty line stands before it.
    """

    rows: list[list[Content]]
    first: str
    further: str
    apart: bool = False

    def lines(self, width: int) -> Iterator[Content]:
        """The lines at a width in cells."""
        lead, columns = self.first, _columns(self.rows, max(_NARROWEST, width - len(self.first)))
        for row in self.rows:
            cells = [cell.wrap(column) for cell, column in zip(row, columns, strict=True)]
            for at in range(max(len(cell) for cell in cells)):
                parts = [
                    (cell[at].rstrip() if at < len(cell) else Content.empty()).truncate(column, pad=len(cells) > 1)
                    for cell, column in zip(cells, columns, strict=True)
                ]
                yield Content.styled(lead, MUTED) + Content(_GAP).join(parts)
                lead = self.further


def laid_out(blocks: Sequence[Block], width: int) -> list[Content]:
    """All lines of a text at a width in cells."""
    lines: list[Content] = []
    for block in blocks:
        lines += [Content.empty()] if block.apart else []
        lines += block.lines(width)
    return lines


def parsed(text: str) -> list[Block]:
    """The blocks of a Markdown text whose lines are safe to show; where it is nested beyond all use, as written."""
    try:
        return _parsed(text)
    except RecursionError:
        return [Block([[Content(line)]], "", "") for line in text.split("\n")]


def _parsed(text: str) -> list[Block]:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - read by few, and it takes its time to load
    from markdown_it.tree import SyntaxTreeNode  # noqa: PLC0415

    blocks: list[Block] = []
    below_heading = True
    for node in SyntaxTreeNode(MarkdownIt("gfm-like").disable(_AS_WRITTEN).parse(text)).children:
        made = list(_blocks(node, "", ""))
        if made and not below_heading:
            made[0].apart = True
        blocks += made
        below_heading = node.type == "heading"
    return blocks


def _blocks(node: "SyntaxTreeNode", first: str, further: str) -> Iterator[Block]:
    """The blocks of one node, its first line after `first` and all others after `further`."""
    if node.type in {"bullet_list", "ordered_list"}:
        for item in node.children:
            bullet = f"{item.info}{item.markup} " if item.info else _BULLET
            yield from _all(item.children, first + bullet, further + " " * len(bullet))
            first = further
    elif node.type == "blockquote":
        yield from _all(node.children, first + _QUOTE, further + _QUOTE)
    elif node.type == "table":
        rows = [row for part in node.children for row in part.children]
        yield Block([[_inline(cell) for cell in row.children] for row in rows], first, further)
    elif node.type in {"fence", "code_block"}:
        for line in node.content.rstrip("\n").split("\n"):
            yield Block([[Content.styled(line, KEY)]], first, further)
            first = further
    else:
        content = Content.styled(_RULE, MUTED) if node.type == "hr" else _inline(node)
        yield Block([[content]], first, further)


def _all(nodes: Sequence["SyntaxTreeNode"], first: str, further: str) -> Iterator[Block]:
    for node in nodes:
        yield from _blocks(node, first, further)
        first = further


def _inline(node: "SyntaxTreeNode") -> Content:
    """The words of a heading, a paragraph or a cell."""
    style = _HEADING if node.type in {"heading", "th"} else ""
    return Content.assemble(*(words for inline in node.children for words in _words(inline, style)))


def _words(node: "SyntaxTreeNode", style: str) -> Iterator[tuple[str, str]]:
    for child in node.children:
        if child.children:
            yield from _words(child, f"{style} {_STYLES.get(child.type, '')}".strip())
        elif child.type == "softbreak":
            yield " ", style
        elif child.type == "hardbreak":
            yield "\n", style
        else:
            yield child.content, KEY if child.type == "code_inline" else style


def _columns(rows: Sequence[Sequence[Content]], width: int) -> list[int]:
    """How wide each column is, so that the narrow ones keep their width and the wide ones share the rest."""
    needs = [max(cell.cell_length for cell in column) for column in zip(*rows, strict=True)]
    free, waiting, columns = width - len(_GAP) * (len(needs) - 1), len(needs), list(needs)
    for place in sorted(range(len(needs)), key=needs.__getitem__):
        columns[place] = max(_NARROWEST, min(needs[place], free // waiting))
        free, waiting = free - columns[place], waiting - 1
    return columns


class MarkdownPage(Widget):
    """As high as its text at whatever width there is; what is around it scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: Sequence[Block] = ()
        self._lines: tuple[int, list[Content]] = (0, [])

    def show(self, blocks: Sequence[Block]) -> None:
        """Put a text on the screen."""
        self._blocks, self._lines = blocks, (0, [])
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as the text needs at that width."""
        return len(self._laid_out(width))

    def render(self) -> Content:
        """All lines; the page shows those that fit."""
        return Content("\n").join(self._laid_out(self.size.width))

    def _laid_out(self, width: int) -> list[Content]:
        if self._lines[0] != width:
            self._lines = width, laid_out(self._blocks, width)
        return self._lines[1]
