"""A terminal that goes away, and faults: nothing is lost, nothing stays reserved."""

import asyncio
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from desk_bench import Bench, settled

from core.queue.last_session import SessionEnd
from tui.app import DeskApp
from tui.errors import DeskError
from tui.run import run_desk
from tui.shutdown import ShutdownRequested, raise_on_shutdown

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys
from pathlib import Path
from core.settings import DeskSettings, Settings
from core.workspace import Workspace
from tui.run import run_desk
from tui.services.desk import open_desk

run_desk(open_desk(Workspace(Path(sys.argv[1])), Settings(desk=DeskSettings(practice=False)), "ada"))
"""


def read_until(terminal: int, words: bytes, seconds: float = 120) -> bytes:
    """What the desk wrote to its terminal, up to some words."""
    said = b""
    deadline = time.monotonic() + seconds
    while words not in said and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            said += os.read(terminal, 65536)
    return said


@contextmanager
def started(bench: Bench, *command: str, sign: bytes = b"Passport") -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A desk in a pseudo-terminal that nobody told it is its own, once it shows something; and our end of that."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *(command or ("-c", SCRIPT, str(bench.workspace.home)))],
        cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "SAMESKU_DESK__PRACTICE": "0"},
    )  # fmt: skip
    os.close(theirs)
    try:
        assert sign in read_until(ours, sign)
        yield process, ours
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            os.close(ours)


def how_it_ended(bench: Bench) -> SessionEnd | None:
    """What the next desk of ada's is told of the last; by then nothing is reserved any more."""
    assert bench.desk("bob").leases.held_by_others("bob") == {}
    last = bench.desk().sitting.sitting.interrupted
    return last.ending if last else SessionEnd.LEFT


def reject_first(bench: Bench, terminal: int) -> None:
    """Until the first picture is complete, keys decide nothing."""
    deadline = time.monotonic() + 120
    while not bench.decided() and time.monotonic() < deadline:
        os.write(terminal, b"1x")
        read_until(terminal, "✗".encode(), 0.3)
    assert bench.decided() == {"q3-c1": ("no_match", "explicit")}


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_releases_the_leases(bench: Bench, number: signal.Signals) -> None:
    with started(bench) as (process, terminal):
        reject_first(bench, terminal)
        process.send_signal(number)
        read_until(terminal, b"\x1b[?1049l")
        assert process.wait(120) == 0
    assert how_it_ended(bench) is {signal.SIGHUP: SessionEnd.DISCONNECTED, signal.SIGTERM: SessionEnd.STOPPED}[number]


def test_a_terminal_that_is_closed_without_a_signal_is_noticed(bench: Bench) -> None:
    with started(bench) as (process, terminal):
        reject_first(bench, terminal)
        os.close(terminal)
        assert process.wait(120) == 0
    assert how_it_ended(bench) is SessionEnd.DISCONNECTED


def test_line_noise_does_not_end_the_desk(bench: Bench) -> None:
    with started(bench) as (process, terminal):
        reject_first(bench, terminal)
        for noise in (b"\xff\xfe", b"\xc3(", b"\x1b[99999999u", b"\x1b[M\xff\xff\xff"):
            os.write(terminal, noise)
            read_until(terminal, b"nobody says this", 0.3)
        os.write(terminal, b"?")
        assert b"Decide" in read_until(terminal, b"Decide")
        assert process.poll() is None


#: A desk that waits for ever to write to a terminal that nobody reads, as Textual does.
STALLED = """
import queue, sys
from core.queue.last_session import SessionEnd
from tui.shutdown import ShutdownGuard

def give_up(ending):
    print("gave up:", ending, flush=True)

with ShutdownGuard(lambda: print("asked", flush=True), give_up, timeout_s=0.5):
    print("waiting", flush=True)
    queue.Queue().get()
"""


@pytest.mark.parametrize(("number", "ending"), [(signal.SIGTERM, "stopped"), (signal.SIGHUP, "cut")])
def test_a_stuck_desk_is_killed(number: signal.Signals, ending: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", STALLED], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(number)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 1
    assert said.startswith("asked\nasked\n")
    assert said.endswith(f"gave up: {ending}\n")


def test_abandoning_releases_the_leases(bench: Bench) -> None:
    desk = bench.desk()
    desk.sitting.resume()
    asyncio.run(asyncio.to_thread(desk.sitting.abandon, SessionEnd.DISCONNECTED))
    assert how_it_ended(bench) is SessionEnd.DISCONNECTED


@pytest.mark.parametrize(
    ("number", "ending"),
    [(signal.SIGTERM, SessionEnd.STOPPED), (signal.SIGHUP, SessionEnd.DISCONNECTED), (None, SessionEnd.DISCONNECTED)],
)
def test_the_plain_desk_shuts_down_in_order(bench: Bench, number: signal.Signals | None, ending: SessionEnd) -> None:
    command = ("-m", "tui", "--home", str(bench.workspace.home), "--as", "ada", "review", "--plain")
    with started(bench, *command, sign=b"\n10. ") as (process, terminal):
        os.write(terminal, b"n\n")
        assert b"Saved." in read_until(terminal, b"Saved.")
        if number is None:
            os.close(terminal)
        else:
            process.send_signal(number)
        process.wait(120)
    assert len(bench.decided()) == 10
    assert how_it_ended(bench) is ending


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, ShutdownRequested), (signal.SIGHUP, ShutdownRequested)],
)
def test_a_signal_in_a_finalizer_still_ends_the_plain_desk(
    number: signal.Signals, raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finalized:
        def __del__(self) -> None:
            signal.raise_signal(number)

    def work() -> None:
        with raise_on_shutdown():
            Finalized()
            time.sleep(600)

    lost: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: lost.append(args.exc_type))
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(each) for each in numbers]
    try:
        with pytest.raises(raised):
            work()
        assert len(lost) == 1
        assert signal.getsignal(signal.SIGINT) is handlers[0]
    finally:
        for each, handler in zip(numbers, handlers, strict=True):
            signal.signal(each, handler)


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, ShutdownRequested), (signal.SIGHUP, ShutdownRequested)],
)
def test_a_signal_that_interrupts_no_read_still_ends_the_plain_desk(
    number: signal.Signals, raised: type[BaseException]
) -> None:
    read_end, write_end = os.pipe()

    def send_aside() -> None:
        """As if it came between Python's last look at signals and the read: this thread takes it, main reads on."""
        time.sleep(0.2)
        signal.pthread_kill(threading.get_ident(), number)

    def work() -> None:
        with raise_on_shutdown():
            threading.Thread(target=send_aside).start()
            os.read(read_end, 1)

    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    try:
        with pytest.raises(raised):
            work()
    finally:
        for each, handler in zip((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), handlers, strict=True):
            signal.signal(each, handler)
        os.close(read_end)
        os.close(write_end)


def test_a_fault_ends_the_desk_with_a_sentence(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = bench.desk()

    def break_down(app: DeskApp, **_: object) -> None:
        app._handle_exception(ZeroDivisionError("a fault"))
        app._return_value = None

    monkeypatch.setattr(DeskApp, "run", break_down)
    monkeypatch.setattr(DeskApp, "_close_messages_no_wait", lambda _: None)
    with pytest.raises(DeskError, match="because of a fault") as caught:
        run_desk(desk)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "saved" in caught.value.hint
    assert bench.desk("bob").leases.held_by_others("bob") == {}


async def test_an_unknown_theme_is_reported(bench: Bench) -> None:
    from core.settings import DeskSettings, Settings  # noqa: PLC0415

    bench.settings = Settings(desk=DeskSettings(theme="[/]nope"))
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.pause()
        assert ["There is no theme [/]nope." in n.message for n in app._notifications] == [True]
        assert app.theme == "samesku-dark"
