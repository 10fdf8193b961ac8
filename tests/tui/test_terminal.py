"""The terminal around the desk: what is copied, the way to the shell and back, the mouse."""

import base64
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from desk_bench import Bench, screen_text, settled, words_of
from samples import until
from textual.pilot import Pilot

from core.settings import DeskSettings, Settings
from tests.bench.terminal import Terminal
from tui.common.doctor import fact_rows
from tui.common.text import AutoHeight
from tui.common.words import copy_text

ROOT = Path(__file__).parents[2]


def desk_of(bench: Bench, *options: str) -> list[str]:
    """The desk as it is started."""
    return [sys.executable, "-m", "tui", "--home", str(bench.workspace.home), "--as", "ada", "review", *options]


async def choose(pilot: Pilot[None], name: str) -> None:
    """Take a command of the menu."""
    await pilot.press("ctrl+p", *name)
    await settled(pilot)
    await pilot.press("enter")
    await settled(pilot)


async def test_the_pair_is_copied_to_the_terminal_and_to_a_file(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("2", "y")
        await settled(pilot)
        item, option = app.desk.review.item, app.review.candidates.current
        assert item is not None
        assert option is not None
        assert app.clipboard == copy_text(item.query, option.product)
        assert app.clipboard.splitlines()[1].startswith("amazon q3-c2\t")
        (file,) = bench.workspace.reports.glob("clipboard-ada-*.txt")
        assert file.read_text() == app.clipboard + "\n"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"TERM": "dumb"}, "cannot be drawn on this terminal (TERM=dumb)"),
        ({"TERM": None}, "cannot be drawn on this terminal (TERM=)"),
        ({"TERM": "xterm-mono"}, "cannot be drawn on this terminal (TERM=xterm-mono)"),
        ({"PYTHONIOENCODING": "latin-1"}, "This terminal is set to iso8859-1, which lacks the signs"),
    ],
)
def test_what_cannot_show_the_desk_is_told_so_with_the_way_out(
    bench: Bench, environment: dict[str, str | None], said: str
) -> None:
    read: list[bytes] = []
    with Terminal(desk_of(bench), folder=ROOT, environment=environment) as terminal:
        terminal.on_read = read.append
        assert terminal.drain(120) == 1
    fact_rows = b"".join(read).decode()
    assert said in fact_rows
    assert "`samesku review --plain` is the same desk line by line." in fact_rows
    assert "Traceback" not in fact_rows


def test_a_pipe_is_told_to_ask_for_lines(bench: Bench) -> None:
    done = subprocess.run(desk_of(bench), input="", capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: The desk needs a terminal.\n`samesku review --plain`")


def test_a_desk_whose_errors_go_to_a_file_would_not_be_seen(bench: Bench, tmp_path: Path) -> None:
    errors = tmp_path / "errors.txt"
    with Terminal(["sh", "-c", f'exec "$@" 2>{errors}', "sh", *desk_of(bench)], folder=ROOT) as terminal:
        assert terminal.drain(120) == 1
    assert errors.read_text().startswith("Error: The desk needs a terminal.\n`samesku review --plain`")


@pytest.mark.parametrize("environment", [{"TERM": "linux"}, {"TERM": "screen"}, {"LC_ALL": "C", "LANG": "C"}])
def test_modest_terminals_show_the_desk(bench: Bench, environment: dict[str, str | None]) -> None:
    with Terminal(desk_of(bench), rows=10, columns=40, folder=ROOT, environment=environment) as terminal:
        assert terminal.wait_for(lambda t: "1/10" in "".join(t.lines) and "a match" in t.lines[-1], 120)
        assert "◆" in "".join(terminal.lines)


def test_what_is_copied_reaches_the_terminal_as_osc_52_and_in_no_other_way(bench: Bench) -> None:
    read: list[bytes] = []
    with Terminal(desk_of(bench), folder=ROOT) as terminal:
        terminal.on_read = read.append
        assert terminal.wait_for(lambda t: "1/10" in "".join(t.lines), 120)
        terminal.send("y")
        assert terminal.wait_for(lambda t: "Copied." in "".join(t.lines), 120)
    (copied,) = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", b"".join(read))
    assert base64.b64decode(copied).startswith(b"walmart q3\t")


def test_back_to_the_shell_and_to_the_desk_again(bench: Bench) -> None:
    with Terminal(desk_of(bench), folder=ROOT) as terminal:
        assert terminal.wait_for(lambda t: "1/10" in "".join(t.lines), 120)
        terminal.send("\x1a")
        status = Path(f"/proc/{terminal.process.pid}/stat")
        until(lambda: bool(terminal.pump(0.1)) or status.read_text().rsplit(")", 1)[1].split()[0] == "T")
        until(lambda: status.read_text().rsplit(")", 1)[1].split()[0] == "T")
        terminal.pump(0.2)
        before = terminal.bytes_read
        os.killpg(terminal.process.pid, signal.SIGCONT)
        assert terminal.wait_for(lambda t: t.bytes_read - before > 80 * 24, 120)
        terminal.send("j")
        assert terminal.wait_for(lambda t: "2/10" in "".join(t.lines), 120)


@pytest.mark.parametrize(("options", "reports"), [((), True), (("--no-mouse",), False)])
def test_the_mouse_is_left_to_the_terminal_if_told_so(bench: Bench, options: tuple[str, ...], reports: bool) -> None:
    read: list[bytes] = []
    with Terminal(desk_of(bench, *options), folder=ROOT) as terminal:
        terminal.on_read = read.append
        assert terminal.wait_for(lambda t: "1/10" in "".join(t.lines), 120)
    assert (b"\x1b[?1000h" in b"".join(read)) is reports


async def test_settings_tell_where_they_come_from(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.workspace.settings.write_text("[desk]\nlease_minutes = 20\n")
    monkeypatch.setenv("SAMESKU_SEARCH__K", "7")
    app = bench.app()
    async with app.run_test(size=(120, 200)) as pilot:
        await settled(pilot)
        await choose(pilot, "Settings")
        text = screen_text(app)
        assert re.search(r"lease_minutes +20  from the file", text)
        assert re.search(r"k +7  from the environment", text)
        assert re.search(r"epochs +from the recipe *\n", re.sub(r"│", "", text))
        assert "How long a query stays reserved for the annotator who has it on the screen." in text


async def test_settings_that_cannot_be_read_are_a_sentence(bench: Bench) -> None:
    app = bench.app()
    bench.workspace.settings.write_text("[desk\n")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await choose(pilot, "Settings")
        assert "cannot be read" in words_of(app.screen.query_one(AutoHeight))


async def test_the_doctor_looks_beside_the_work(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(120, 50)) as pilot:
        await settled(pilot)
        await choose(pilot, "Doctor")
        text = screen_text(app)
        assert re.search(r"✓ settings +fine", text)
        assert "✓ sqlite" in text


def test_what_is_wrong_stands_first() -> None:
    facts = {"python": "3.11", "packages": {"torch": "not installed"}, "problem": "It is broken.\x1b[2J Mend it."}
    assert fact_rows(facts)[0][0] == "problem"
    assert "\x1b" not in fact_rows(facts)[0][1]
    assert ("  torch", "not installed") in fact_rows(facts)


def test_settings_know_the_mouse() -> None:
    assert Settings().desk.mouse
    assert not Settings(desk=DeskSettings(mouse=False)).desk.mouse
