"""Past work, flags and comments: searched, opened, revised, and the place in the list restored."""

import re

import pytest
from desk_bench import Bench, screen_text, settled
from samples import match, no_match, q
from textual.pilot import Pilot
from textual.widgets import Input

from labels.model import ActionDetails, Stream, Verb
from tui.app import DeskApp
from tui.common.lists import PagedList
from tui.review.past_work import PastScreen

SIZES = [(80, 24), (120, 36)]


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Each key once the one before has been dealt with."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def shown(app: DeskApp) -> str | None:
    item = app.desk.review.item
    return item and item.query.id


def listed(app: DeskApp) -> list[str]:
    return [row.query.id for row in app.screen.query_one(PagedList).rows]


@pytest.mark.parametrize("size", SIZES)
async def test_a_past_query_is_found_revised_and_left(bench: Bench, size: tuple[int, int]) -> None:
    app = bench.app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await press(pilot, "a", "n", "2")
        assert shown(app) == "q1"
        await press(pilot, "o")
        assert listed(app) == ["q8", "q3"]
        await press(pilot, *"wd")
        assert listed(app) == ["q3"]
        text = screen_text(app)
        assert "✓ WD My Passport" in text
        assert "match: WD My Passport" in text
        await press(pilot, "enter")
        assert app.screen is app.review
        assert shown(app) == "q3"
        assert "Looked up: decide again" in screen_text(app)
        assert "Esc back" in screen_text(app)
        await press(pilot, "x", "3", "a")
        assert shown(app) == "q1"
        assert bench.decided()["q3-c1"] == ("no_match", "explicit")
        assert bench.decided()["q3-c3"] == ("match", "explicit")
        await press(pilot, "o")
        assert app.screen.query_one(Input).value == "wd"
        await press(pilot, "enter", "h")
        text = screen_text(app)
        assert text.count("ada  triage") == 3
        assert "match: WD My Passport 1TB Portable External Hard Drive, Black" in " ".join(text.split())


async def test_escape_leaves_the_list_and_a_query_that_was_looked_up(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "a", "o", "escape")
        assert app.screen is app.review
        assert shown(app) == "q8"
        await press(pilot, "o", "enter", "escape")
        assert shown(app) == "q8"
        await press(pilot, "o", "enter", "enter")
        assert shown(app) == "q8"
        await press(pilot, "escape")
        assert shown(app) == "q8"
    assert len(bench.decided()) == 10


async def test_an_empty_list_has_a_note(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "o", "enter", "down")
        assert "No decisions yet." in screen_text(app)
        await press(pilot, "tab")
        assert "No flags or comments yet" in screen_text(app)
        await press(pilot, *"zz")
        assert "No entry has all of these words." in screen_text(app)
        assert isinstance(app.screen, PastScreen)


async def test_pages_are_loaded_on_scrolling(bench: Bench) -> None:
    with bench.store() as store:
        for number in range(75):
            store.record("ada", Verb.SKIP, q(str(number)))
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "o")
        assert len(listed(app)) == 30
        await press(pilot, *["pagedown"] * 3)
        assert len(listed(app)) == 60
        await press(pilot, *["pagedown"] * 8)
        assert listed(app) == [str(number) for number in reversed(range(75))]
        assert "75 queries, latest first." in screen_text(app)
        await press(pilot, "pageup", "up")
        assert app.screen.query_one(PagedList).highlighted < 74


@pytest.mark.parametrize("size", SIZES)
async def test_flags_and_comments_of_everybody_are_worked_through(bench: Bench, size: tuple[int, int]) -> None:
    with bench.store() as store:
        store.record("bob", Verb.FLAG, q("q1"))
        store.record("bob", Verb.COMMENT, q("q2"), details=ActionDetails(text="[red]another[/red] size"))
        store.record(
            "eve", Verb.COMMENT, q("q7"), details=ActionDetails(text="surely the same", stream=Stream.VALIDATION)
        )
    app = bench.app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await press(pilot, "o", "tab")
        # Nobody is named a lead here, so everybody is one.
        assert listed(app) == ["q7", "q2", "q1"]
        text = screen_text(app)
        for part in ("✎ bob [red]another[/red] size", "⚑ bob flagged", "eve surely the same"):
            assert part in text, part
        await press(pilot, "down", "down", "enter")
        assert shown(app) == "q1"
        await press(pilot, "f", "escape", "o")
        assert listed(app) == ["q7", "q2"]
        assert shown(app) == "q3"


async def test_a_query_of_another_annotator_is_marked_and_refused(bench: Bench) -> None:
    with bench.store() as store:
        store.record("ada", Verb.NONE, q("q1"), no_match("q1-c1"), ActionDetails(closes=True))
    jo = bench.desk("jo")
    jo.review.look_up(q("q1"))
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        before = shown(app)
        await press(pilot, "o")
        assert "on jo's screen" in screen_text(app)
        await press(pilot, "enter")
        assert isinstance(app.screen, PastScreen)
        assert any("jo has this query on the screen, until" in n.message for n in app._notifications)
        assert shown(app) == before
        jo.review.close()
        await press(pilot, "enter")
        assert (app.screen, shown(app)) == (app.review, "q1")
    assert jo.leases.held_by_others("jo").keys() == {q("q1"), q(before or "")}


async def test_a_validation_query_is_edited_blind(bench: Bench) -> None:
    with bench.store() as store:
        store.record(
            "ada",
            Verb.ACCEPT,
            q("q7"),
            match("q7-c1"),
            ActionDetails(stream=Stream.VALIDATION, blind=True, closes=True),
        )
        store.record(
            "eve",
            Verb.ACCEPT,
            q("q7"),
            match("q7-c2"),
            ActionDetails(stream=Stream.VALIDATION, blind=True, closes=True),
        )
        store.record(
            "eve", Verb.COMMENT, q("q7"), details=ActionDetails(text="it is the second", stream=Stream.VALIDATION)
        )
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await press(pilot, "o")
        assert "it is the second" not in screen_text(app)
        await press(pilot, "enter")
        text = screen_text(app)
        assert "VALIDATION" in text
        assert "BLIND" in text
        for hidden in ("medium", "it is the second", "ev"):
            assert hidden not in text.replace("Device", "").replace("Level", ""), hidden
        await press(pilot, "n")
        assert shown(app) == "q3"
    with bench.store() as store:
        rows = store.connection.execute(
            "SELECT DISTINCT stream, blind FROM events WHERE annotator = 'ada' AND seq > 3"
        ).fetchall()
    assert rows == [("validation", 1)]


async def test_an_empty_stream_names_the_holders_and_enter_refreshes(bench: Bench) -> None:
    bob, eve = bench.desk("bob"), bench.desk("eve")
    bob.review.advance()
    eve.review.advance()
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, *["n"] * 5)
        text = screen_text(app)
        assert "2 queries are on the screen of bob (1) and eve (1)." in text
        await press(pilot, "enter")
        assert shown(app) is None
        bob.close()
        await press(pilot, "enter")
        assert shown(app) == "q3"
        eve.close()


async def test_from_the_menu(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "f", "ctrl+p", *"Flagged", "enter")
        assert isinstance(app.screen, PastScreen)
        assert listed(app) == ["q3"]


async def test_rows_keep_to_a_line_beside_a_scroll_bar(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 14)) as pilot:
        await settled(pilot)
        for _ in range(6):
            await pilot.press("n")
            await settled(pilot)
        await pilot.press("o")
        await settled(pilot)
        await settled(pilot)
        rows = [line for line in screen_text(app).splitlines() if line.startswith(" ✗ ")]
        assert rows
        assert all(re.search(r"\d\d:\d\d\b", row) for row in rows), rows
