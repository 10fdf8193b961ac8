"""The trail: one's actions and the undo position, over all days."""

import pytest
from desk_bench import Bench, screen_text, settled
from samples import q
from textual.pilot import Pilot

from labels.model import Verb
from tui.app import DeskApp
from tui.common.lists import PagedList
from tui.review.trail import TrailScreen


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Each key once the one before has been dealt with."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def lines(app: DeskApp) -> list[str]:
    return [" ".join(line.split()) for line in screen_text(app).splitlines()]


def line_with(app: DeskApp, part: str) -> int:
    """Which line of the screen holds some words."""
    (place,) = [at for at, line in enumerate(lines(app)) if part in line]
    return place


async def test_undo_names_the_action_and_its_query(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "n", "z")
        assert "Undone: none of these for “WD My Passport 1TB Portable Ext…”. Z redoes" in screen_text(app)
        await press(pilot, "Z")
        assert "Redone: none of these for “WD My Passport" in screen_text(app)


async def test_undo_of_a_query_on_another_screen_says_so(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(160, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "n")
        bench.desk("jo").review.look_up(q("q3"))
        await press(pilot, "z")
        assert "Another annotator has it now." in screen_text(app)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q8"
    assert bench.decided() == {}


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_the_undo_position_survives_restarts(bench: Bench, size: tuple[int, int]) -> None:
    first = bench.desk()
    first.review.advance()
    for _ in range(3):
        assert first.review.item is not None
        first.review.none_match(first.review.item.options)
    first.review.undo()
    first.close()
    app = bench.app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await press(pilot, "t")
        assert line_with(app, "Z redoes it") + 1 == line_with(app, "undo position")
        assert line_with(app, "undo position") + 1 == line_with(app, "z undoes it")
        assert "TP-LINK" in lines(app)[line_with(app, "z undoes it")]
        await press(pilot, "z")
        assert "Undone: none of these for “TP-LINK" in screen_text(app)
        assert "WD My" in lines(app)[line_with(app, "z undoes it")]
        await press(pilot, "Z", "Z", "Z")
        assert "There is nothing to redo." in screen_text(app)
        assert "Z redoes it" not in screen_text(app)
        await press(pilot, "z", "t")
        assert app.screen is app.review
        await press(pilot, "x", "t")
        assert "undone for good" in screen_text(app)


async def test_the_trail_goes_back_as_far_as_one_scrolls(bench: Bench) -> None:
    with bench.store() as store:
        for number in range(130):
            store.record("ada", Verb.SKIP, q(str(number)))
        for _ in range(60):
            store.undo("ada")
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "t", *["pagedown"] * 10)
        rows = app.screen.query_one(PagedList).rows
        assert [row.step.action.query.id for row in rows] == [str(number) for number in reversed(range(130))]
        assert [row.at_undo_position for row in rows].index(True) == 60
        assert sum(row.at_undo_position for row in rows) == 1


async def test_enter_opens_the_query_of_an_action(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "n", "n", "t", "down", "enter")
        assert app.screen is app.review
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q3"
        await press(pilot, "escape")
        assert app.desk.review.item.query.id == "q1"


async def test_a_newcomer_has_no_trail(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "t", "enter", "down", "z")
        assert isinstance(app.screen, TrailScreen)
        assert "There is nothing to undo." in screen_text(app)
        await press(pilot, "escape")
        assert app.screen is app.review
