"""Fixtures of the desk's tests; what they are made of stands in `desk_bench` and `desk_jobs` beside this file."""

import sys
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import pytest
import textual.app
import textual.pilot
import textual.screen

# The tests are no packages: the modules they share are found by their folder, in every import mode of pytest.
sys.path.insert(0, str(Path(__file__).parent))

from desk_bench import Bench, write_workspace
from quiet import paint_later, wait_for_idle, wait_for_screen
from textual.css.stylesheet import RuleSet, Stylesheet
from textual.widget import Widget

from core.settings import Settings
from tui.common.key_bar import KeyBar


@pytest.fixture(autouse=True)
def calm_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """One terminal for all: no colour preference of whoever runs the tests, no local time, no annotator of theirs."""
    for name in ("NO_COLOR", "COLORFGBG", "TMUX", "STY", "SAMESKU_HOME", "TEXTUAL_THEME", "TEXTUAL_ANIMATIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.fixture(autouse=True)
def patient_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key has been dealt with when the desk is at rest, however long that takes on a busy machine."""
    monkeypatch.setattr(textual.app, "wait_for_idle", wait_for_idle)
    monkeypatch.setattr(textual.pilot, "wait_for_idle", wait_for_idle)
    monkeypatch.setattr(textual.pilot.Pilot, "_wait_for_screen", wait_for_screen)
    # Whoever waits for rest paints; no frames by the clock besides.
    monkeypatch.setattr(textual.screen.Screen, "_compositor_refresh", paint_later)
    monkeypatch.setattr(textual.screen, "UPDATE_PERIOD", 1.0)


@pytest.fixture(autouse=True)
def lasting_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a key bar says stays until a key takes it away: no test has only seconds to read it."""
    monkeypatch.setattr(KeyBar, "set_timer", lambda bar, _, then: Widget.set_timer(bar, 600, then))


#: What each style sheet was parsed to, by everything that the parser is given.
_parsed: dict[Hashable, list[RuleSet]] = {}
_parse_rules = Stylesheet._parse_rules


def _parse_rules_once(sheet: Stylesheet, css: str, *given: Any, **named: Any) -> list[RuleSet]:
    key = css, given, tuple(named.items()), tuple(sheet._variables.items())
    if key not in _parsed:
        _parsed[key] = _parse_rules(sheet, css, *given, **named)
    return _parsed[key]


@pytest.fixture(autouse=True)
def parsed_styles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse the style sheets once for all desks, as nothing changes the rules: it takes a tenth of a test."""
    monkeypatch.setattr(Stylesheet, "_parse_rules", _parse_rules_once)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A fresh workspace."""
    made = Bench(write_workspace(tmp_path / "home"), Settings(), [])
    yield made
    for services in made.opened:
        services.close()
