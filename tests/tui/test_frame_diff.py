"""Frame differencing: the terminal shows the same as if each frame had been sent in full."""

import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest
import rich.cells
from desk_bench import Bench
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Region, Size
from textual.strip import Strip

from tests.bench.terminal import Terminal
from tui import frame_diff
from tui.driver import DeskDriver
from tui.frame_diff import FrameDiff
from tui.review import cell_widths
from tui.textual_compat import SYNC_END, SYNC_START, ChopsUpdate, LayoutUpdate

SIZE = Size(12, 3)
STYLES = [
    Style(), Style(color="#ff0000"), Style(color="#00ff00", bgcolor="#202020"), Style(bold=True, bgcolor="#202020"),
    Style(underline=True, reverse=True), Style(italic=True, color="#ff0000", strike=True),
]  # fmt: skip

lines = st.lists(st.tuples(st.text("ab ·—電視", max_size=8), st.sampled_from(STYLES)), max_size=4).map(
    lambda parts: _fitted(Strip([Segment(text, style) for text, style in parts]))
)
frames = st.lists(st.lists(lines, min_size=SIZE.height, max_size=SIZE.height), min_size=1, max_size=4)


def _fitted(strip: Strip) -> Strip:
    return strip.adjust_cell_length(SIZE.width)


class Screen:
    """A terminal that understands what is sent."""

    def __init__(self, size: Size = SIZE) -> None:
        self.screen = pyte.Screen(size.width, size.height)
        self.stream = pyte.Stream(self.screen)

    def feed(self, text: str) -> None:
        """Let it show something."""
        # The emulator does not know that a style in parts may be reset by an empty parameter.
        self.stream.feed(text.replace("\x1b[;", "\x1b[0;"))

    def cells(self) -> list[list[tuple[object, ...]]]:
        """Everything that is to be seen."""
        return [[tuple(self.screen.buffer[y][x]) for x in range(SIZE.width)] for y in range(SIZE.height)]


def whole(strips: list[Strip]) -> LayoutUpdate:
    """A frame of the whole screen."""
    return LayoutUpdate([[strip] for strip in strips], SIZE.region)


def sent(wire: FrameDiff, strips: list[Strip]) -> str:
    """What goes over the wire for it."""
    return wire.difference(whole(strips), SIZE, ColorSystem.TRUECOLOR)


@settings(max_examples=300, deadline=None)
@given(frames)
def test_differences_add_up_to_the_last_frame(shown: list[list[Strip]]) -> None:
    wire, terminal = FrameDiff(), Screen()
    for strips in shown:
        terminal.feed(sent(wire, strips))
    fresh = Screen()
    fresh.feed(sent(FrameDiff(), shown[-1]))
    assert terminal.cells() == fresh.cells()
    assert sent(wire, shown[-1]) == ""


@settings(max_examples=200, deadline=None)
@given(lines, lines, st.integers(0, SIZE.width - 1), st.integers(1, SIZE.width))
def test_a_part_of_a_line_leaves_the_rest(first: Strip, second: Strip, begin: int, length: int) -> None:
    end = min(SIZE.width, begin + length)
    wire, terminal = FrameDiff(), Screen()
    terminal.feed(sent(wire, [first] * SIZE.height))
    part = second.crop(begin, end)
    cuts = sorted({0, begin, end, SIZE.width})
    chops: list[dict[int, Strip | None]] = [dict.fromkeys(cuts[:-1]) | {begin: part}] * SIZE.height
    ends = [cuts[1:]] * SIZE.height
    terminal.feed(wire.difference(ChopsUpdate(chops, [(1, begin, end)], ends), SIZE, ColorSystem.TRUECOLOR))
    fresh = Screen()
    mixed = Strip.join([first.crop(0, begin), part, first.crop(end, SIZE.width)])
    fresh.feed(sent(FrameDiff(), [first, mixed, first]))
    assert terminal.cells() == fresh.cells()


def test_unchanged_cells_are_not_sent_again() -> None:
    wire = FrameDiff()
    before = _fitted(Strip([Segment("match 55 in", STYLES[1])]))
    after = _fitted(Strip([Segment("match 65 in", STYLES[1])]))
    sent(wire, [before] * 3)
    assert sent(wire, [before, after, before]) == "\x1b[2;7H\x1b[38;2;255;0;0m6\x1b[m"


def test_after_a_resize_everything_is_sent_again() -> None:
    wire = FrameDiff()
    strips = [_fitted(Strip([Segment("shown")]))] * 3
    first = sent(wire, strips)
    wire.invalidate()
    assert sent(wire, strips) == first


@pytest.mark.parametrize("text", ["👨‍👩‍👧 family", "z\u0301\u0301algo", "電視"])
def test_the_cursor_is_positioned_after_a_character_of_ambiguous_width(text: str) -> None:
    out = wire_text(text + "x")
    column = cell_len(text) + 1
    assert f"\x1b[1;{column}H" in out or f"H{text}x" not in out
    assert out.index(text[0]) < out.index("x")


def wire_text(text: str) -> str:
    """What is sent for one line."""
    strip = Strip([Segment(text)])
    update = LayoutUpdate([[strip]], Region(0, 0, 40, 1))
    return FrameDiff().difference(update, Size(40, 1), ColorSystem.TRUECOLOR)


@pytest.mark.parametrize("colors", list(ColorSystem)[:2])
def test_fewer_colours_cost_less(colors: ColorSystem) -> None:
    strips = [_fitted(Strip([Segment("red", STYLES[1]), Segment("green", STYLES[2])]))] * 3
    full = FrameDiff().difference(whole(strips), SIZE, ColorSystem.TRUECOLOR)
    assert len(FrameDiff().difference(whole(strips), SIZE, colors)) < len(full)
    assert "38;2;" not in FrameDiff().difference(whole(strips), SIZE, colors)


def test_a_frame_is_one_write_and_empty_frames_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[str] = []
    monkeypatch.setattr(LinuxDriver, "write", lambda _, data: pieces.append(data))
    driver = object.__new__(DeskDriver)
    driver._writer_thread = None

    def paint(*parts: str) -> None:
        for part in (SYNC_START, *parts, SYNC_END):
            driver.write(part)

    paint("changed\x1b[3;4H")
    paint("\x1b[3;4H")
    paint("")
    paint("\x1b[3;5H")
    driver.write("\x1b[3;5H")
    driver.write("\x07")
    assert pieces == [
        f"{SYNC_START}changed\x1b[3;4H{SYNC_END}",
        f"{SYNC_START}\x1b[3;5H{SYNC_END}",
        "\x07",
    ]


def test_the_screen_can_be_repainted(bench: Bench) -> None:
    desk = [sys.executable, "-m", "tui", "--home", str(bench.workspace.home), "--as", "ada", "review"]
    with Terminal(desk, folder=Path(__file__).parents[2]) as terminal:
        assert terminal.wait_for(lambda t: "1/10" in "".join(t.lines), 120)
        terminal.send("j")
        assert terminal.wait_for(lambda t: "2/10" in "".join(t.lines), 120)
        before = terminal.bytes_read
        terminal.send("\x0c")
        assert terminal.wait_for(lambda t: t.bytes_read - before > 80 * 24, 120)


# -- characters that terminals give other widths ---------------------------------------------------------------------

DOUBTFUL = [
    "किताब हिन्दी में", "தமிழ் கொள்கலன்", "বাংলা বই", "తెలుగు పుస్తకం", "z\u0301\u0302algo", "👨‍👩‍👧 two", "🇩🇪🇫🇷 flags",
    "♥\ufe0f red", "👍🏽 ok", "ภาษาไทย", "Plain 55 in", "電視 55",
]  # fmt: skip


@pytest.fixture
def spacing_marks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rich and the emulator both as tmux is: a spacing mark has a cell."""
    for name in ("get_character_cell_size", "cached_cell_len"):
        getattr(rich.cells, name).cache_clear()
    monkeypatch.setattr(rich.cells, "load_cell_table", cell_widths._with_spacing_marks)
    own = pyte.screens.wcwidth
    monkeypatch.setattr(pyte.screens, "wcwidth", lambda c: 1 if unicodedata.category(c) == "Mc" else own(c))
    yield
    monkeypatch.undo()
    for name in ("get_character_cell_size", "cached_cell_len"):
        getattr(rich.cells, name).cache_clear()


def letters(text: str) -> str:
    """Without spaces, and without marks: the emulator forgets those whose combining class is 0."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c)[0] in "LN")


@pytest.mark.usefixtures("spacing_marks")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(DOUBTFUL), st.sampled_from(STYLES[:3])), min_size=2, max_size=6))
def test_no_letter_is_lost_where_marks_have_cells(shown: list[tuple[str, Style]]) -> None:
    size = Size(30, 1)
    wire, terminal = FrameDiff(), Screen(size)
    for text, style in shown:
        strip = Strip([Segment(text, style), Segment(" | 0.81")]).adjust_cell_length(size.width)
        terminal.feed(wire.difference(LayoutUpdate([[strip]], size.region), size, ColorSystem.TRUECOLOR))
    (line,) = terminal.screen.display
    last = shown[-1][0]
    if not any(c >= "\U0001f1e6" or c == "\u2665" for c in last):  # how an emulator joins emoji is its own affair
        assert letters(line) == letters(last + "0.81")
    assert line.rstrip().endswith("| 0.81")


@pytest.mark.parametrize("text", [text for text in DOUBTFUL if text[0] not in "PŹ電ภ"])
def test_a_line_is_rewritten_from_its_first_ambiguous_character(text: str) -> None:
    size = Size(40, 1)

    def line(words: str) -> LayoutUpdate:
        return LayoutUpdate([[Strip([Segment(words)]).adjust_cell_length(40)]], size.region)

    wire = FrameDiff()
    wire.difference(line(f"ab {text} 55 inch"), size, ColorSystem.TRUECOLOR)
    after = wire.difference(line(f"ab {text} 65 inch"), size, ColorSystem.TRUECOLOR)
    assert next(c for c in text if frame_diff._is_ambiguous(c)) in after
    assert "65 inch" in after
    before = wire.difference(line(f"xb {text} 65 inch"), size, ColorSystem.TRUECOLOR)
    assert before == "\x1b[1;1Hx", "what comes before it is still sent cell by cell"


def test_cells_are_as_many_as_the_text_is_wide() -> None:
    for text in DOUBTFUL:
        cells = frame_diff._cells(Strip([Segment(text)]), ColorSystem.TRUECOLOR)
        assert len(cells) == cell_len(text), text
        assert "".join(cell[0] for cell in cells if cell) == text
