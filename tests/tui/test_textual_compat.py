"""What the desk uses of Textual's and Rich's private parts is still there; a failure names what an upgrade moved."""

import asyncio
import inspect
import io
import pkgutil
import re
import threading
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import rich.cells
from rich._unicode_data import load
from rich.segment import Segment
from textual.app import App
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.drivers.web_driver import WebDriver
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

import tui
from tui import textual_compat
from tui.textual_compat import (
    ChopsUpdate,
    LayoutUpdate,
    XTermParser,
    can_write,
    is_debugging,
    stop_writing,
    update_lines,
)


@pytest.mark.parametrize("name", textual_compat.APP_PRIVATES)
def test_the_app_has_what_the_desk_overrides_or_reads(name: str) -> None:
    app: App[None] = App()
    assert hasattr(app, name), f"textual.app.App has no {name} any more: tui/app.py relies on it"


def test_the_app_displays_a_screen_and_a_renderable() -> None:
    parameters = list(inspect.signature(App._display).parameters)
    assert parameters == ["self", "screen", "renderable"], "App._display has other parameters: see DeskApp._display"


async def test_the_driver_has_a_writer_thread_and_a_debug_flag() -> None:
    assert asyncio.get_running_loop()
    driver = LinuxDriver(App(), debug=True)
    assert can_write(driver)
    assert is_debugging(driver)


class Unread(io.StringIO):
    """A terminal that takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = threading.Event()

    def write(self, text: str) -> int:
        self.reader.wait(300)
        return super().write(text)


async def test_a_terminal_that_nobody_reads_does_not_hold_up_the_end() -> None:
    terminal = Unread()
    driver = LinuxDriver(App())
    driver._writer_thread = writer = WriterThread(terminal)
    writer.start()
    for _ in range(31):  # as many as there is room for, and the one that is being written
        writer.write("frame")
    stop_writing(driver, 0.05)
    assert writer.is_alive()
    terminal.reader.set()
    stop_writing(driver, 300)
    assert not writer.is_alive()
    stop_writing(driver, 300)


async def test_what_is_queued_is_written_before_the_end() -> None:
    terminal = Unread()
    terminal.reader.set()
    driver = LinuxDriver(App())
    driver._writer_thread = writer = WriterThread(terminal)
    writer.start()
    for number in range(20):
        writer.write(f"{number} ")
    stop_writing(driver, 300)
    assert terminal.getvalue().split() == [str(number) for number in range(20)]
    assert not writer.is_alive()


@pytest.mark.parametrize("name", textual_compat.WEB_DRIVER_PRIVATES)
def test_the_web_driver_has_what_the_browser_driver_uses(name: str) -> None:
    bases = [base for base in WebDriver.__mro__ if base.__module__.startswith("textual")]
    assert any(name in private_names(base) for base in bases), (
        f"WebDriver has no {name} any more: see tui/web/driver.py"
    )


def test_only_one_module_imports_private_names_of_textual() -> None:
    """Names with a leading underscore are imported by `tui.textual_compat` alone."""
    private = re.compile(r"^from textual[\w.]*(\._\w+| import .*\b_\w+)", re.MULTILINE)
    folder = Path(textual_compat.__file__).parent
    found = {path.name for path in folder.rglob("*.py") if private.search(path.read_text(encoding="utf-8"))}
    assert found == {"textual_compat.py"}


@cache
def private_names(of: type) -> set[str]:
    """Private attributes of a class and those that its methods set or read on `self`."""
    source = inspect.getsource(of)
    return {name for name in vars(of) if re.match(r"_[a-z]", name)} | set(re.findall(r"\bself\.(_[a-z]\w*)", source))


def test_no_widget_overrides_a_private_name_of_textual_by_accident() -> None:
    """A private attribute of ours that Textual uses too would break the widget in ways that are hard to find."""
    names = [module.name for module in pkgutil.walk_packages(tui.__path__, "tui.") if module.name != "tui.__main__"]
    ours = {c for name in names for _, c in inspect.getmembers(import_module(name), inspect.isclass)}
    clashes = set()
    for each in (c for c in ours if issubclass(c, Widget) and c.__module__.startswith("tui.")):
        assigned = set(re.findall(r"\bself\.(_[a-z]\w*)(?:: [^=\n]+)? = ", inspect.getsource(each)))
        assigned |= {name for name, value in vars(each).items() if inspect.isfunction(value) and name[:2] != "__"}
        bases = [base for base in each.__mro__ if base.__module__.startswith("textual")]
        clashes |= {(each.__name__, name) for base in bases for name in assigned & private_names(base)}
    assert clashes == set()


def test_a_layout_update_is_read_by_line() -> None:
    first, second = Strip([Segment("ab")]), Strip([Segment("c")])
    update = LayoutUpdate([[first, second]], Region(3, 1, 3, 1))
    assert list(update_lines(update)) == [(1, [(3, first), (5, second)])]


def test_a_chops_update_is_read_by_span() -> None:
    strip = Strip([Segment("abcd")])
    update = ChopsUpdate([{0: None, 2: strip}], [(0, 2, 4)], [[2, 6]])
    ((y, [(x, piece)]),) = update_lines(update)
    assert (y, x, piece.text) == (0, 2, "ab")


def test_a_frame_is_enclosed_in_synchronized_output() -> None:
    # DEC private mode 2026.
    assert (textual_compat.SYNC_START, textual_compat.SYNC_END) == ("\x1b[?2026h", "\x1b[?2026l")


def test_the_parser_is_fed_and_ticked() -> None:
    parser = XTermParser()
    (event,) = parser.feed("a")
    assert getattr(event, "key", None) == "a"
    assert list(parser.tick()) == []


def test_characters_have_key_names() -> None:
    assert textual_compat.character_to_key("?") == "question_mark"


def test_rich_has_a_cell_table_to_replace() -> None:
    """Used by `tui.review.cell_widths`."""
    assert hasattr(rich.cells, "load_cell_table"), "rich.cells has no load_cell_table any more"
    assert load("auto").widths
    for measure in (rich.cells.get_character_cell_size, rich.cells.cached_cell_len):
        assert hasattr(measure, "cache_clear"), f"{measure} is not cached any more"
