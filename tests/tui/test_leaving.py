"""A terminal that goes away, and faults: nothing is lost, nothing stays reserved."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from desk_bench import Bench, settled

from tui.app import DeskApp, run_desk
from tui.errors import DeskError

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys
from pathlib import Path
from core.settings import Settings
from core.workspace import Workspace
from tui.app import run_desk
from tui.services.desk import open_desk

run_desk(open_desk(Workspace(Path(sys.argv[1])), Settings(), "ada"))
"""


def read_until(terminal: int, words: bytes, seconds: float = 20) -> bytes:
    """What the desk wrote to its terminal, up to some words."""
    said = b""
    deadline = time.monotonic() + seconds
    while words not in said and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            said += os.read(terminal, 65536)
    return said


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_closed_terminal_gives_the_claims_back(bench: Bench, number: signal.Signals) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(bench.workspace.home)],
        cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
    )  # fmt: skip
    os.close(theirs)
    try:
        assert b"Passport" in read_until(ours, b"Passport")
        deadline = time.monotonic() + 10
        while not bench.decided() and time.monotonic() < deadline:
            # Until the first picture is complete, keys decide nothing.
            os.write(ours, b"1x")
            read_until(ours, "✗".encode(), 0.3)
        assert bench.decided() == {"q3-c1": ("no_match", "explicit")}
        process.send_signal(number)
        read_until(ours, b"\x1b[?1049l")
        assert process.wait(20) == 0
    finally:
        process.kill()
        os.close(ours)
    assert bench.desk("bob").claims.held_by_others("bob") == {}


def test_a_fault_ends_the_desk_with_a_sentence(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = bench.desk()

    def break_down(app: DeskApp) -> None:
        app._handle_exception(ZeroDivisionError("a fault"))
        app._return_value = None

    monkeypatch.setattr(DeskApp, "run", break_down)
    monkeypatch.setattr(DeskApp, "_close_messages_no_wait", lambda _: None)
    with pytest.raises(DeskError, match="because of a fault") as caught:
        run_desk(desk)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "saved" in caught.value.hint
    assert bench.desk("bob").claims.held_by_others("bob") == {}


async def test_an_unknown_theme_is_told(bench: Bench) -> None:
    from core.settings import DeskSettings, Settings  # noqa: PLC0415

    bench.settings = Settings(desk=DeskSettings(theme="[/]nope"))
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.pause()
        assert ["There is no theme [/]nope." in n.message for n in app._notifications] == [True]
        assert app.theme == "samesku-dark"
