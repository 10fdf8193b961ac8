"""What an environment says about a terminal."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.terminal import TRUE_COLOUR, Terminal

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, TRUE_COLOUR),
        ({"TERM": "xterm", "COLORTERM": "24bit"}, TRUE_COLOUR),
        ({"TERM": "tmux-256color"}, 256),
        ({"TERM": "a-terminal-of-tomorrow-256color"}, 256),
        ({"TERM": "xterm-16color"}, 16),
        ({"TERM": "linux"}, 16),
        ({"TERM": "screen"}, 16),
        ({"TERM": "vt100"}, 0),
        ({"TERM": "xterm-mono"}, 0),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, 0),
        ({}, 0),
        ({"TEXTUAL_COLOR_SYSTEM": "truecolor"}, TRUE_COLOUR),
    ],
)
def test_how_many_colours_there_are(environment: dict[str, str], colours: int) -> None:
    pytest.importorskip("curses", reason="the terminal database is not everywhere")
    # A process of its own: curses looks only one terminal up.
    code = f"from core.terminal import Terminal; print(Terminal.from_environment({environment}).colours)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(found.stdout) == colours


@pytest.mark.parametrize(
    ("said", "light"), [("0;15", True), ("0;default;7", True), ("15;0", False), ("15;8", False), ("x", False)]
)
def test_whether_the_background_is_light(said: str, light: bool) -> None:
    assert Terminal.from_environment({"TERM": "rxvt", "COLORFGBG": said}).light is light


def test_a_terminal_in_words() -> None:
    terminal = Terminal.from_environment({"TERM": "tmux-256color", "NO_COLOR": "1", "TMUX": "/run/tmux,1,0"})
    assert str(terminal) == "tmux-256color, 256 colours, NO_COLOR, in tmux"
    assert str(Terminal.from_environment({"TERM": "screen", "STY": "1.tty"})) == "screen, 16 colours, in screen"
    assert str(Terminal.from_environment({})) == "TERM is not set, no colours"
