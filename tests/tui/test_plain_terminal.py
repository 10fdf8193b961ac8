"""The plain desk in a real terminal and in a pipe: narrow, without an echo, left in every way, in any encoding."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from desk_bench import Bench

from tests.bench.terminal import Terminal

ROOT = Path(__file__).parents[2]
SAVED = "Everything you decided is saved."


def plain_desk(bench: Bench) -> list[str]:
    """The plain desk as it is started."""
    return [sys.executable, "-m", "tui", "--home", str(bench.workspace.home), "--as", "ada", "review", "--plain"]


def ended(terminal: Terminal, keys: str) -> tuple[str, int]:
    """What the desk writes from now on until it has ended by these keys, and its exit code."""
    read: list[bytes] = []
    terminal.on_read = read.append
    terminal.send(keys)
    code = terminal.drain(120)
    return b"".join(read).decode(), code


def piped(bench: Bench, lines: bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """What comes out where these lines go in."""
    return subprocess.run(
        plain_desk(bench), input=lines, capture_output=True, cwd=ROOT, env=os.environ | environment, check=False
    )


def test_lines_break_between_words_and_no_cursor_is_moved(bench: Bench) -> None:
    read: list[bytes] = []
    with Terminal(plain_desk(bench), rows=100, columns=40, folder=ROOT, environment={"TERM": "dumb"}) as terminal:
        terminal.on_read = read.append
        assert terminal.wait_for(lambda t: "(amazon q3-c10)" in "".join(t.lines), 120)
        terminal.send("?\n")
        assert terminal.wait_for(lambda t: "compares that" in "".join(t.lines), 120)
    said = b"".join(read).decode()
    assert "\x1b" not in said
    assert max(map(len, said.splitlines())) <= 40
    assert not re.search("[^\x00-\x7f“”…]", said)
    assert "Query: WD My Passport 1TB Portable\r\nExternal Hard Drive, Black; WD;\r\n" in said


def test_nothing_is_echoed_where_the_terminal_says_so(bench: Bench) -> None:
    silent = ["sh", "-c", 'stty -echo; exec "$@"', "sh", *plain_desk(bench)]
    with Terminal(silent, rows=100, folder=ROOT) as terminal:
        assert terminal.wait_for(lambda t: "q3-c10" in "".join(t.lines), 120)
        said, code = ended(terminal, "c only this\np\nq\n")
    assert said.startswith("Saved.\r\n\r\ntriage:")
    assert said.count("only this") == 1
    assert code == 0


@pytest.mark.parametrize(("keys", "code"), [("q\n", 0), ("\x04", 0), ("n 3\x03", 130)])
def test_it_is_left_in_every_way_and_says_so(bench: Bench, keys: str, code: int) -> None:
    with Terminal(plain_desk(bench), rows=100, folder=ROOT) as terminal:
        assert terminal.wait_for(lambda t: "q3-c10" in "".join(t.lines), 120)
        terminal.send("a 2\n")
        assert terminal.wait_for(lambda t: "q8-c10" in "".join(t.lines), 120)
        said, left = ended(terminal, keys)
    assert said.rstrip().endswith(SAVED)
    assert "Traceback" not in said
    assert left == code
    assert bench.decided()["q3-c2"] == ("match", "explicit")
    assert bench.desk().sitting.resume_notice == ""


def test_bytes_that_are_no_text_are_question_marks(bench: Bench) -> None:
    done = piped(bench, b"c caf\xe9\np\nn\n", LC_ALL="C.UTF-8")
    assert done.returncode == 0
    assert "Comment by ada: caf�" in done.stdout.decode()
    assert bench.decided()["q3-c1"] == ("no_match", "explicit")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_older_encoding_is_borne_with(bench: Bench, encoding: str) -> None:
    done = piped(bench, b"n\nz\n", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Undone: none of these for ?WD My Passport" in done.stdout
