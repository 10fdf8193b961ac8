"""The welcome dialog is shown to newcomers, once."""

import io

import pytest
from desk_bench import Bench, screen_text, settled

from core.queue.last_session import SessionEnd
from core.settings import DeskSettings, Settings
from tui.app import DeskApp
from tui.common.dialogs import PageDialog
from tui.common.guidelines import GuidelinesScreen
from tui.common.help import HelpScreen
from tui.common.welcome import WelcomeDialog
from tui.practice.screen import PracticeScreen
from tui.run import _app, run_plain_desk
from tui.services.desk import Desk


def left(desk: Desk) -> bool:
    """Leave a desk as `q` does. Returns whether its person was new."""
    desk.sitting.end(SessionEnd.LEFT)
    desk.close()
    return desk.facts.newcomer


def test_one_is_new_once(bench: Bench) -> None:
    assert left(bench.desk("ada"))
    assert not left(bench.desk("ada"))
    assert left(bench.desk("bob"))


def test_an_annotator_with_decisions_is_not_new(bench: Bench) -> None:
    desk = bench.desk("ada")
    desk.review.advance()
    desk.review.none_match([])
    left(desk)
    for record in bench.workspace.sessions.iterdir():
        record.unlink()
    assert not left(bench.desk("ada"))


def test_a_team_can_do_without(bench: Bench) -> None:
    bench.settings = Settings(desk=DeskSettings(practice=False))
    assert not left(bench.desk("ada"))


async def test_only_a_desk_that_is_told_so_greets(bench: Bench) -> None:
    app = bench.app()
    assert app.desk.facts.newcomer
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.screen is app.review


@pytest.mark.parametrize(("key", "leads_to"), [("enter", PracticeScreen), ("escape", None), ("q", None)])
async def test_the_few_keys_that_matter_then_practice_or_work(
    bench: Bench, key: str, leads_to: type[PracticeScreen] | None
) -> None:
    app = _app(bench.desk(), "")
    assert isinstance(app, DeskApp)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, WelcomeDialog)
        text = screen_text(app)
        for words in ("Welcome", "none of them is", "Practise on three queries", "Esc to work"):
            assert words in text
        await pilot.press(key)
        await settled(pilot)
        assert app.is_running
        assert app.screen is app.review if leads_to is None else isinstance(app.screen, leads_to)


@pytest.mark.parametrize(("key", "page"), [("?", HelpScreen), ("g", GuidelinesScreen)])
async def test_the_keys_that_show_something_work_in_it(bench: Bench, key: str, page: type[PageDialog]) -> None:
    app = _app(bench.desk(), "")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "? keys" in screen_text(app)
        await pilot.press(key)
        await settled(pilot)
        assert isinstance(app.screen, page)
        await pilot.press(key)
        await settled(pilot)
        assert isinstance(app.screen, WelcomeDialog)


async def test_the_other_button_is_a_key_away(bench: Bench) -> None:
    app = _app(bench.desk(), "")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("right", "enter")
        await settled(pilot)
        assert app.screen is app.review


def test_the_plain_desk_welcomes_in_one_line(bench: Bench) -> None:
    said = []
    for _ in range(2):
        out = io.StringIO()
        run_plain_desk(bench.desk(), io.StringIO("q\n"), out)
        said.append("New here?" in out.getvalue())
    assert said == [True, False]
