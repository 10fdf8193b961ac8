"""What leaves the process: nothing but what the desk means to send, whatever a stranger has written."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyte", reason="needs the extra 'dev'")
pytest.importorskip("termios", reason="needs pseudo-terminals")

from comparisons import evaluations, two_encoders
from desk_bench import Bench
from desk_jobs import three_jobs
from hostile import HOSTILE, squeezed, stray
from hostile_home import spoil
from test_snapshots import disputed

from core.text.safe import safe
from tests.bench.terminal import Terminal
from tui.plain.keys import COMMANDS

ROOT = Path(__file__).parents[2]
#: Texts that are not shown as they are.
CHANGED = [text for text in HOSTILE if text != safe(text)]
OSC_52 = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")

#: Keys of the review screen, and of what they lead to.
KEYS = (
    "J", "J", "j", "j", "w", "\x1b", "h", "j", "\x1b", "t", "j", "\x1b", "o", "j", "\t", "\x1b", "g", "j", "\x1b",
    "x", "f", "c", "[/]\x1b", "/", "nikon", "\x1b", "9", "0", "J", "n", "a", "z", "Z", "?", "\x1b", "b", "1",
)  # fmt: skip
#: Screens of the menu, and what they lead to.
FROM_THE_MENU = tuple(
    key
    for name in ("Models", "Evaluation", "Monitor", "Jobs", "Settings", "Statistics", "Streams", "Flagged", "Doctor")
    for key in ("\x10", name, "\r", "j", "\t", "j", "\x1b")
)


@pytest.fixture
def home(bench: Bench) -> Path:
    """A workspace full of hostile text, with something on every screen."""
    for prepare in (two_encoders, evaluations, disputed, lambda workspace: three_jobs(workspace.jobs)):
        prepare(bench.workspace)
    spoil(bench.workspace)
    return bench.workspace.home


def desk_of(home: Path, *options: str, annotator: str = "ada") -> list[str]:
    """The desk as it is started."""
    return [sys.executable, "-m", "tui", "--home", str(home), "--debug", "--as", annotator, "review", *options]


def settle(terminal: Terminal) -> None:
    """Read what a key has painted; by then an Escape is no longer taken for the beginning of another key."""
    while terminal.pump(0.2):
        pass


def check(written: str) -> None:
    """Nothing acts but what was meant, and no hostile text is there as it was written."""
    assert stray(written) == []
    assert [text for text in CHANGED if text in written] == []


@pytest.mark.parametrize(
    ("size", "keys"), [((80, 24), KEYS), ((120, 36), FROM_THE_MENU)], ids=["keys-80x24", "menu-120x36"]
)
def test_the_desk_writes_nothing_that_it_does_not_mean(
    home: Path, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    read: list[bytes] = []
    with Terminal(desk_of(home), rows=size[1], columns=size[0], folder=ROOT) as terminal:
        terminal.on_read = read.append
        assert terminal.wait_for(lambda t: "1/10" in "".join(t.lines), 120)
        for key in keys:
            terminal.send(key)
            settle(terminal)
        for _ in range(24):
            terminal.send("y")
            if terminal.wait_for(lambda t: "Copied." in "".join(t.lines), 5):
                break
            terminal.send("\x1b")  # a slow desk may have taken a key on another screen
            settle(terminal)
        terminal.send("q")
        assert terminal.drain(120) == 0, b"".join(read)[-6000:].decode(errors="replace")  # ends with a traceback
    written = b"".join(read).decode()
    copied = OSC_52.findall(written)
    assert copied
    for text in copied:
        check(base64.b64decode(text).decode().replace("\t", "").replace("\n", ""))
    check(written)


def test_the_plain_desk_writes_nothing_but_lines(home: Path) -> None:
    asked = [f"{key} {number}" for number in range(1, 11) for key in "dw"]
    named = [f"{command.name} {command.argument}".strip() for command in COMMANDS if command.name != "quit"]
    lines = [
        *asked, *named, "d", "h", "o", "F", "t", "S", "g", "c [/] \x1b[2J", "/ nikon", "f", "x 1", "u 2", "z", "Z",
        "b", "b", "n", "p", "/1", "o /1", "e 1", "\x1b[31m", "S adjudication", "p", "h", "?", "q",
    ]  # fmt: skip
    run = subprocess.run(
        desk_of(home, "--plain"), cwd=ROOT, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONUTF8": "1", "SAMESKU_DESK__PRACTICE": "0"},
    )  # fmt: skip
    assert "Saved." in run.stdout
    check((run.stdout + run.stderr).replace("\n", ""))
    # Whoever listens hears all of it: the titles of the first query's candidates hold all texts, and none is cut.
    assert [text for text in HOSTILE if squeezed(safe(text)) not in squeezed(run.stdout)] == []
