"""The real program, ended in every way: what was told of is kept, and the next start says what happened."""

import os
import re
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("pyte", reason="needs the extra 'dev'")
pytest.importorskip("termios", reason="needs pseudo-terminals")

from desk_bench import Bench
from desk_terminal import ready
from samples import until

from labels.verify import verify
from tests.bench.terminal import Terminal

ROOT = Path(__file__).parents[2]
#: More than a sitting's record takes, less than where any ledger grows.
_ROOM = 8192


def desk_of(bench: Bench, *options: str) -> Terminal:
    """The desk as it is started."""
    home = str(bench.workspace.home)
    return Terminal([sys.executable, "-m", "tui", "--home", home, "--as", "ada", "review", *options], folder=ROOT)


def shows(terminal: Terminal, words: str, seconds: float = 120) -> bool:
    """Whether the words come onto the screen, in a line of it or in a note at its side."""

    def seen(terminal: Terminal) -> bool:
        # Right of a note the end of the rows below it is seen.
        note = " ".join(
            line.rpartition("▌")[2].strip().partition("  ")[0] for line in terminal.lines if "▌" in line[1:]
        )
        return words in " ".join(note.split()) or any(words in line for line in terminal.lines)

    return terminal.wait_for(seen, seconds)


def opened(terminal: Terminal) -> None:
    """Wait for the first query, at whichever candidate."""
    assert ready(terminal), terminal.lines


def decide(terminal: Terminal, times: int) -> None:
    """None of these, so often that the screen tells of it."""
    opened(terminal)
    for done in range(1, times + 1):
        terminal.send("n")
        assert shows(terminal, f"{done} this session"), terminal.lines


def answered(bench: Bench) -> int:
    """How many queries are answered on disk; the ledger must be sound."""
    assert verify(bench.workspace.labels).ok
    with closing(sqlite3.connect(bench.workspace.labels)) as ledger:
        (count,) = ledger.execute("SELECT count(*) FROM actions WHERE closes AND undone_at IS NULL").fetchone()
    return int(count)


def next_start(bench: Bench, words: str = "") -> None:
    """The next start says these words, or nothing of the last sitting; it is left in good order."""
    with desk_of(bench) as terminal:
        if words:
            assert shows(terminal, words), "\n".join(terminal.lines)
        else:
            opened(terminal)
            assert not shows(terminal, "last sitting", 0), terminal.lines
        terminal.send("q")
        assert terminal.drain(120) == 0


def closed(terminal: Terminal) -> None:
    """The window goes away, and nobody says so."""
    os.close(terminal._master)
    terminal._master = -1
    assert terminal.process.wait(120) == 0


def ended_by(number: signal.Signals, code: int) -> Callable[[Terminal], None]:
    """A signal, and the exit code that follows."""

    def end(terminal: Terminal) -> None:
        terminal.kill(number)
        assert terminal.drain(120) == code

    return end


def left_as_found(written: bytes) -> None:
    """The terminal is as it was before the desk wrote this to it."""
    modes = dict(re.findall(rb"\x1b\[\?(\d+)([hl])", written))
    # The cursor is shown, and lines break; the mouse, pasting in brackets and the second screen are over.
    assert {mode for mode, state in modes.items() if state == b"h"} <= {b"25", b"7"}
    assert len(re.findall(rb"\x1b\[>\d+u", written)) == written.count(b"\x1b[<u")
    # Where there is no second screen, the picture does not stay behind either.
    assert b"\x1b[H\x1b[J" in written[written.rindex(b"/10") :]


@pytest.mark.parametrize(
    ("end", "words", "restores"),
    [
        (ended_by(signal.SIGHUP, 0), "Your last session was disconnected at", True),
        (ended_by(signal.SIGTERM, 0), "Your last session was terminated by the system at", True),
        (ended_by(signal.SIGKILL, -signal.SIGKILL), "Your last session was not closed properly, after", False),
        (closed, "Your last session was disconnected at", False),
    ],
    ids=["SIGHUP", "SIGTERM", "SIGKILL", "closed"],
)
def test_the_next_start_says_how_the_last_sitting_ended(
    bench: Bench, end: Callable[[Terminal], None], words: str, restores: bool
) -> None:
    read: list[bytes] = []
    with desk_of(bench) as terminal:
        terminal.on_read = read.append
        decide(terminal, 2)
        end(terminal)
    assert answered(bench) == 2
    if restores:
        left_as_found(b"".join(read))
    next_start(bench, words)


def test_a_desk_that_is_left_with_a_key_leaves_the_terminal_as_it_was_and_says_nothing_next_time(bench: Bench) -> None:
    read: list[bytes] = []
    with desk_of(bench) as terminal:
        terminal.on_read = read.append
        opened(terminal)
        terminal.send("q")
        assert terminal.drain(120) == 0
    left_as_found(b"".join(read))
    next_start(bench)


def test_a_terminal_that_takes_nothing_any_more_keeps_nobody_from_leaving(bench: Bench) -> None:
    with desk_of(bench) as terminal:
        decide(terminal, 2)
        # Nobody reads what the desk paints: in the middle of a frame it waits for the terminal.
        for _ in range(300):
            terminal.send("jk")
        terminal.kill(signal.SIGTERM)
        until(lambda: terminal.process.poll() is not None)
    assert answered(bench) == 2
    next_start(bench, "Your last session was terminated by the system at")
    next_start(bench)  # it is told once


# -- a full disk ---------------------------------------------------------------------------------------------


def no_room(terminal: Terminal, size: int = _ROOM) -> None:
    """From now on no file of the desk may grow beyond so many bytes."""
    resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


needs_limits = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs the limits of another process")


@needs_limits
@pytest.mark.parametrize("way", ["q", "room", "SIGTERM", "SIGKILL"])
def test_a_decision_that_does_not_fit_is_told_and_the_ones_before_are_kept(bench: Bench, way: str) -> None:
    with desk_of(bench) as terminal:
        decide(terminal, 2)
        no_room(terminal)
        terminal.send("n")
        assert shows(terminal, "Not saved: decide again once the problem is fixed."), terminal.lines
        assert shows(terminal, "2 this session")
        if way == "room":
            no_room(terminal, resource.RLIM_INFINITY)
            terminal.send("n")
            assert shows(terminal, "3 this session"), terminal.lines
        number = {"SIGTERM": signal.SIGTERM, "SIGKILL": signal.SIGKILL}.get(way)
        terminal.send("" if number else "q")
        if number:
            terminal.kill(number)
        terminal.drain(120)
    assert answered(bench) == 2 + (way == "room")
    words = {"SIGTERM": "was terminated by the system at", "SIGKILL": "was not closed properly, after"}
    next_start(bench, words.get(way, ""))


@needs_limits
def test_on_a_full_disk_the_desk_opens_and_says_so(bench: Bench) -> None:
    with desk_of(bench) as terminal:
        decide(terminal, 1)
        terminal.kill()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with desk_of(bench) as terminal:
        no_room(terminal, 0)
        assert shows(terminal, "cannot be used"), terminal.lines
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before
    assert answered(bench) == 1
    next_start(bench, "Its one decision is saved: none of these")
