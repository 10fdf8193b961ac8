"""Fixtures of the desk's tests; what they are made of stands in `desk_bench` and `desk_jobs` beside this file."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The tests are no packages: the modules they share are found by their folder, in every import mode of pytest.
sys.path.insert(0, str(Path(__file__).parent))

from desk_bench import Bench, write_workspace

from core.settings import Settings


@pytest.fixture(autouse=True)
def calm_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """One terminal for all: no colour preference of whoever runs the tests, no local time, no annotator of theirs."""
    for name in ("NO_COLOR", "COLORFGBG", "TMUX", "STY", "SAMESKU_HOME", "TEXTUAL_THEME", "TEXTUAL_ANIMATIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A fresh workspace."""
    made = Bench(write_workspace(tmp_path / "home"), Settings(), [])
    yield made
    for services in made.opened:
        services.close()
