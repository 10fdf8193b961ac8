"""The menu."""

import pytest
from desk_bench import Bench, screen_text, settled
from textual.command import Command, CommandList, CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input

from labels.model import Stream
from tui.common.full_page import FullPage
from tui.common.help import HelpScreen
from tui.jobs.screen import JobsScreen
from tui.menu import commands
from tui.models.retrain import RetrainDialog
from tui.statistics.screen import StatisticsScreen
from tui.transfer.backup import BackupDialog
from tui.transfer.export import ExportDialog
from tui.transfer.import_ import ImportDialog


async def choose(pilot: Pilot[None], name: str) -> None:
    """Open the menu and take the command of that name."""
    await pilot.press("ctrl+p")
    await pilot.press(*name)
    await settled(pilot)
    await pilot.press("enter")
    await settled(pilot)


async def test_every_command_has_a_help_line(bench: Bench) -> None:
    entries = commands(bench.app())
    names = [command.name for command in entries]
    assert len(names) == len(set(names))
    wanted = {"Retrain", "Evaluate", "Index", "Jobs", "Export", "Blind", "Undo", "Redo", "Light or dark", "Quit"}
    assert wanted <= set(names)
    assert {f"Stream: {stream.value}" for stream in Stream} <= set(names)
    assert all(command.help.endswith(".") for command in entries)


async def test_the_menu_offers_nothing_of_textuals_own(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(120, 60)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await settled(pilot)
        text = screen_text(app)
        assert "Retrain" in text
        for stock in ("Screenshot", "Maximize", "Show help for the focused widget"):
            assert stock not in text


async def test_a_command_takes_one_line_of_the_smallest_screen(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await settled(pilot)
        lines = screen_text(app).splitlines()
        for command in commands(app)[:16]:
            assert any(command.name in line and command.help in line for line in lines), command.name


async def test_every_command_is_the_first_that_its_name_finds(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await settled(pilot)
        palette = app.screen
        assert isinstance(palette, CommandPalette)
        for command in commands(app):
            palette.query_one(Input).value = command.name
            await settled(pilot)
            found = palette.query_one(CommandList).get_option_at_index(0)
            assert isinstance(found, Command)
            assert found.hit.text == command.name


async def test_a_command_is_found_by_a_word_of_its_sentence(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await choose(pilot, "ledger")
        assert isinstance(app.screen, ExportDialog)


@pytest.mark.parametrize(
    "name", ["Jobs", "Streams", "Statistics", "Models", "Evaluation", "Monitor", "Trail", "Past work"]
)
async def test_every_page_lists_all_its_keys(bench: Bench, name: str) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 48)) as pilot:
        await settled(pilot)
        await choose(pilot, name)
        page = app.screen
        assert isinstance(page, FullPage)
        await pilot.press("f1")
        await settled(pilot)
        text = screen_text(app)
        for act in page.ACTS:
            assert act.help in text, act
        await pilot.press("escape")
        await settled(pilot)
        assert app.screen is page
        await pilot.press("escape")
        await settled(pilot)
        assert app.screen is app.review


@pytest.mark.parametrize(
    ("name", "screen"),
    [
        ("Retrain", RetrainDialog),
        ("Jobs", JobsScreen),
        ("Keys", HelpScreen),
        ("Statistics", StatisticsScreen),
        ("Export", ExportDialog),
        ("Import", ImportDialog),
        ("Backup", BackupDialog),
    ],
)
async def test_screens_open_from_the_menu_and_escape_leaves_them(bench: Bench, name: str, screen: type[object]) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await choose(pilot, name)
        assert isinstance(app.screen, screen)
        await pilot.press("escape")
        await settled(pilot)
        assert app.screen is app.review


async def test_a_stream_is_switched_from_the_jobs_screen(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await choose(pilot, "Jobs")
        await choose(pilot, "Stream: validation")
        assert app.screen is app.review
        assert app.desk.review.stream is Stream.VALIDATION
        assert "VALIDATION" in screen_text(app)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q7"


async def test_undo_from_the_menu(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await settled(pilot)
        await choose(pilot, "Undo")
        assert bench.decided() == {}
        await choose(pilot, "Redo")
        assert bench.decided()["q3-c1"] == ("match", "explicit")


async def test_light_and_dark(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.current_theme.dark
        await choose(pilot, "Light or dark")
        assert not app.current_theme.dark


async def test_evaluate_starts_a_job_and_shows_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    app = bench.app()
    started: list[tuple[object, list[str]]] = []
    monkeypatch.setattr(app.desk.jobs, "start", lambda home, arguments: started.append((home, arguments)) or "j1")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await choose(pilot, "Evaluate")
        assert isinstance(app.screen, JobsScreen)
    assert started == [(bench.workspace.home, ["evaluate"])]


async def test_the_menu_closes_with_escape(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        assert isinstance(app.screen, CommandPalette)
        await pilot.press("escape")
        await settled(pilot)
        assert app.screen is app.review
