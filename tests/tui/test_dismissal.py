"""Requests to close that wait in line: the second closes nothing."""

import pytest
from desk_bench import Bench, settled
from textual.command import Hit
from textual.screen import Screen

from tui.common.dialogs import ConfirmDialog
from tui.common.dismissal import DeskPalette
from tui.common.full_page import FullPage


@pytest.mark.parametrize(
    "make",
    [
        lambda: ConfirmDialog("Sure?", yes="yes", no="no"),
        FullPage[None],
        DeskPalette,
    ],
)
async def test_a_screen_closes_itself_alone(bench: Bench, make: type[Screen[None]]) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        below, *_ = app.screen_stack
        middle, top = FullPage[None](), make()
        await app.push_screen(middle)
        await app.push_screen(top)
        await pilot.pause()
        top.dismiss(None)
        top.dismiss(None)
        await pilot.pause()
        assert app.screen_stack == [below, middle]


async def test_escape_and_a_choice_at_once_leave_the_desk_open(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        palette = app.screen
        assert isinstance(palette, DeskPalette)
        chosen: list[str] = []
        palette._selected_command = Hit(1.0, "a command", lambda: chosen.append("run"))
        palette._list_visible = False
        palette._action_escape()
        palette._select_or_command()
        await settled(pilot)
        assert chosen == ["run"]
        assert len(app.screen_stack) == 1
        assert app.is_running
