"""Markdown rendered as lines of text: no links to click, nothing fetched.

Textual's Markdown makes a widget for each paragraph, which takes seconds for a long text; this takes milliseconds.
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


#: Rules of markdown-it that are switched off, so that links and HTML appear as written and can be copied.
_LITERAL_RULES = ["link", "image", "autolink", "linkify", "html_block", "html_inline", "entity", "reference"]

_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}
_HEADING = "bold $text-primary"
_BULLET, _QUOTE, _RULE = "• ", "▎ ", "───"
_GAP = "  "
#: Cells; a narrower column of text is illegible.
_MIN_COLUMN_WIDTH = 8


@dataclass(slots=True)
class Block:
    """A block of text that is wrapped on its own.

    Attributes:
        rows: the cells of a table; one row with one cell for any other block.
        first, further: prefixes of the first line and of the others.
        spaced: whether an empty line precedes it.
    """

    rows: list[list[Content]]
    first: str
    further: str
    spaced: bool = False

    def lines(self, width: int) -> Iterator[Content]:
        """The lines at a width in cells."""
        lead, columns = self.first, _column_widths(self.rows, max(_MIN_COLUMN_WIDTH, width - len(self.first)))
        for row in self.rows:
            cells = [cell.wrap(column) for cell, column in zip(row, columns, strict=True)]
            for at in range(max(len(cell) for cell in cells)):
                parts = [
                    (cell[at].rstrip() if at < len(cell) else Content.empty()).truncate(column, pad=len(cells) > 1)
                    for cell, column in zip(cells, columns, strict=True)
                ]
                yield Content.styled(lead, MUTED) + Content(_GAP).join(parts)
                lead = self.further


def layout_lines(blocks: Sequence[Block], width: int) -> list[Content]:
    """All lines of a text at a width in cells."""
    lines: list[Content] = []
    for block in blocks:
        lines += [Content.empty()] if block.spaced else []
        lines += block.lines(width)
    return lines


def parse_markdown(text: str) -> list[Block]:
    """Parse a Markdown text that is safe to show; a text nested too deeply is returned line by line, as written."""
    try:
        return _parse_markdown(text)
    except RecursionError:
        return [Block([[Content(line)]], "", "") for line in text.split("\n")]


def _parse_markdown(text: str) -> list[Block]:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - slow to import, rarely needed
    from markdown_it.tree import SyntaxTreeNode  # noqa: PLC0415

    blocks: list[Block] = []
    below_heading = True
    for node in SyntaxTreeNode(MarkdownIt("gfm-like").disable(_LITERAL_RULES).parse(text)).children:
        new_blocks = list(_blocks(node, "", ""))
        if new_blocks and not below_heading:
            new_blocks[0].spaced = True
        blocks += new_blocks
        below_heading = node.type == "heading"
    return blocks


def _blocks(node: "SyntaxTreeNode", first: str, further: str) -> Iterator[Block]:
    """The blocks of one node, with prefixes for the first line and the others."""
    if node.type in {"bullet_list", "ordered_list"}:
        for item in node.children:
            bullet = f"{item.info}{item.markup} " if item.info else _BULLET
            yield from _all_blocks(item.children, first + bullet, further + " " * len(bullet))
            first = further
    elif node.type == "blockquote":
        yield from _all_blocks(node.children, first + _QUOTE, further + _QUOTE)
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


def _all_blocks(nodes: Sequence["SyntaxTreeNode"], first: str, further: str) -> Iterator[Block]:
    for node in nodes:
        yield from _blocks(node, first, further)
        first = further


def _inline(node: "SyntaxTreeNode") -> Content:
    """The inline content of a heading, a paragraph or a cell."""
    style = _HEADING if node.type in {"heading", "th"} else ""
    return Content.assemble(*(words for inline in node.children for words in _inline_pieces(inline, style)))


def _inline_pieces(node: "SyntaxTreeNode", style: str) -> Iterator[tuple[str, str]]:
    for child in node.children:
        if child.children:
            yield from _inline_pieces(child, f"{style} {_STYLES.get(child.type, '')}".strip())
        elif child.type == "softbreak":
            yield " ", style
        elif child.type == "hardbreak":
            yield "\n", style
        else:
            yield child.content, KEY if child.type == "code_inline" else style


def _column_widths(rows: Sequence[Sequence[Content]], width: int) -> list[int]:
    """Column widths: narrow columns keep their width, wide ones share the rest."""
    needs = [max(cell.cell_length for cell in column) for column in zip(*rows, strict=True)]
    free, waiting, columns = width - len(_GAP) * (len(needs) - 1), len(needs), list(needs)
    for place in sorted(range(len(needs)), key=needs.__getitem__):
        columns[place] = max(_MIN_COLUMN_WIDTH, min(needs[place], free // waiting))
        free, waiting = free - columns[place], waiting - 1
    return columns


class MarkdownPage(Widget):
    """A widget as high as its text at the current width; its container scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: Sequence[Block] = ()
        self._lines: tuple[int, list[Content]] = (0, [])

    def show(self, blocks: Sequence[Block]) -> None:
        """Show a text."""
        self._blocks, self._lines = blocks, (0, [])
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """The number of lines at a width."""
        return len(self._layout(width))

    def render(self) -> Content:
        """All lines."""
        return Content("\n").join(self._layout(self.size.width))

    def _layout(self, width: int) -> list[Content]:
        if self._lines[0] != width:
            self._lines = width, layout_lines(self._blocks, width)
        return self._lines[1]
