"""One comes back to where one was, and is told how the last sitting ended."""

import io
import os
from typing import cast

import pytest
from desk_bench import Bench, settled
from textual.app import App

from core.permissions import open_streams
from core.queue.last_session import DeskSession, SessionEnd
from core.settings import PeopleSettings, Settings
from labels.errors import SameskuError
from labels.model import ProductRef, Stream
from tui.app import DeskApp
from tui.run import run_plain_desk
from tui.services.desk import Desk, open_desk
from tui.theme import theme_for


def reopened(bench: Bench, annotator: str = "ada", stream: Stream | None = None) -> Desk:
    """The desk as `samesku review` opens it, without a stream unless one is named."""
    desk = open_desk(bench.workspace, bench.settings, annotator, stream)
    bench.opened.append(desk)
    return desk


async def sit(
    bench: Bench, *keys: str, ending: SessionEnd | None = SessionEnd.LEFT, stream: Stream | None = None
) -> None:
    """Open the desk, type, and end: as told, or without a word as by SIGKILL."""
    app = DeskApp(reopened(bench, stream=stream))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        if ending is not None:
            app.exit()
    if ending is None:
        kill(cast("Desk", app.desk))
    else:
        app.desk.sitting.end(ending)
        app.desk.close()


def kill(desk: Desk) -> None:
    """What the kernel does to the lock of a process that is killed; its claims stay."""
    sitting: DeskSession = desk.sitting.sitting
    assert sitting._file is not None
    os.close(sitting._file)
    sitting._file = None
    desk._closed = True


def news(app: App[None]) -> list[str]:
    return [notice.message for notice in app._notifications if "session" in notice.message]


async def test_one_comes_back_to_query_candidate_blindness_and_theme(bench: Bench) -> None:
    app = DeskApp(reopened(bench))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("n", "b", "j", "j", "j")
        await settled(pilot)
        left = app.review.highlighted
        assert app.desk.review.item is not None
        query = app.desk.review.item.query.ref
        app.theme = "nord"
        app.exit()
    app.desk.close()
    again = DeskApp(reopened(bench))
    async with again.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert again.desk.review.item is not None
        assert again.desk.review.item.query.ref == query
        assert again.desk.review.item.blind
        assert again.review.highlighted == left
        assert again.theme == "nord"
        assert news(again) == []


async def test_a_theme_that_the_terminal_cannot_show_waits_for_one_that_can(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.delenv("COLORTERM")
    desk = reopened(bench)
    desk.sitting.note(None, "nord")
    desk.close()
    app = DeskApp(reopened(bench))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.theme != "nord"
        app.exit()
    app.desk.close()
    assert reopened(bench).sitting.theme == "nord"


async def test_a_query_that_somebody_else_has_by_now_is_not_taken_from_them(bench: Bench) -> None:
    await sit(bench)
    other = bench.desk("bob").review.advance()
    mine = reopened(bench)
    mine.sitting.resume()
    assert other is not None
    assert mine.review.item is not None
    assert mine.review.item.query.ref != other.query.ref


async def test_a_query_that_was_answered_meanwhile_does_not_come_back(bench: Bench) -> None:
    await sit(bench)
    bob = bench.desk("bob")
    answered = bob.review.advance()
    assert answered is not None
    bob.review.none_match(answered.options)
    bob.close()
    mine = reopened(bench)
    mine.sitting.resume()
    assert mine.review.item is not None
    assert mine.review.item.query.ref != answered.query.ref


async def test_a_theme_that_does_not_exist_is_not_followed(bench: Bench) -> None:
    desk = reopened(bench)
    desk.sitting.note(None, "[/]nope")
    desk.close()
    app = DeskApp(reopened(bench))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert app.theme == theme_for(bench.settings.desk.theme, app.terminal)


async def test_the_stream_is_remembered_and_one_that_is_named_wins(bench: Bench) -> None:
    await sit(bench, stream=Stream.VALIDATION)
    assert reopened(bench).review.stream is Stream.VALIDATION
    assert reopened(bench, stream=Stream.TRIAGE).review.stream is Stream.TRIAGE


async def test_a_stream_that_was_switched_to_is_remembered_after_a_kill(bench: Bench) -> None:
    app = DeskApp(reopened(bench))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.switch_stream(Stream.VALIDATION)
        await settled(pilot)
    kill(cast("Desk", app.desk))
    assert reopened(bench).review.stream is Stream.VALIDATION


async def test_a_stream_that_is_closed_by_now_gives_way_to_the_first_open_one(bench: Bench) -> None:
    await sit(bench, stream=Stream.VALIDATION)
    bench.settings = Settings(people=PeopleSettings(streams={"ada": (Stream.AUDIT, Stream.TRIAGE)}))
    desk = reopened(bench)
    assert desk.review.stream is Stream.TRIAGE
    news = "The validation stream is not open to ada. Open to you: audit, triage. This is the triage stream."
    assert desk.take_notice().startswith(news)
    bench.settings = Settings(people=PeopleSettings(streams={"ada": ()}))
    with pytest.raises(SameskuError, match="not open to ada"):
        reopened(bench)


def test_adjudication_is_open_to_leads_alone() -> None:
    settings = Settings(people=PeopleSettings(leads=("lea",), streams={"bob": (Stream.ADJUDICATION, Stream.AUDIT)}))
    assert Stream.ADJUDICATION in open_streams(settings, "lea")
    assert open_streams(settings, "bob") == (Stream.AUDIT,)
    assert open_streams(settings, "eve") == (Stream.TRIAGE, Stream.VALIDATION, Stream.AUDIT)
    assert open_streams(Settings(), "eve") == tuple(Stream)


# -- how the last one ended ----------------------------------------------------------------------------------


async def told(bench: Bench) -> list[str]:
    app = DeskApp(reopened(bench))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        found = news(app)
    app.desk.close()
    return found


async def test_a_killed_sitting_is_told_once_with_what_was_saved(bench: Bench) -> None:
    await sit(bench, "a", "n", "f", ending=None)
    (words,) = await told(bench)
    assert words.startswith("Your last session was not closed properly, after ")
    assert "All 2 decisions are saved; the last was: none of these, for “TP-LINK AC1750 Archer C7" in words
    assert await told(bench) == []


async def test_a_cut_line_and_an_end_by_the_system_are_told(bench: Bench) -> None:
    await sit(bench, "x", ending=SessionEnd.DISCONNECTED)
    (words,) = await told(bench)
    assert words.startswith("Your last session was disconnected at ")
    assert "Its one decision is saved: no match, for “WD My Passport" in words
    await sit(bench, ending=SessionEnd.STOPPED)
    (words,) = await told(bench)
    assert words.startswith("Your last session was terminated by the system at ")
    assert words.endswith("No decisions were made in it.")


async def test_the_query_of_a_killed_sitting_is_still_there(bench: Bench) -> None:
    app = DeskApp(reopened(bench))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("s")
        await settled(pilot)
        assert app.desk.review.item is not None
        query = app.desk.review.item.query.ref
    kill(cast("Desk", app.desk))
    assert list(bench.desk("bob").leases.held_by_others("bob")) == [query]
    again = reopened(bench)
    again.sitting.resume()
    assert again.review.item is not None
    assert again.review.item.query.ref == query


async def test_what_a_killed_sitting_held_besides_goes_back(bench: Bench) -> None:
    await sit(bench, ending=None)
    killed = bench.desk("bob").leases
    killed.take(ProductRef("walmart", "q5"), "ada")
    desk = reopened(bench)
    desk.sitting.resume()
    assert desk.review.item is not None
    assert list(killed.held_by_others("bob")) == [desk.review.item.query.ref]


async def test_two_desks_of_one_person_are_no_alarm(bench: Bench) -> None:
    first = reopened(bench)
    first.sitting.resume()
    assert await told(bench) == []
    first.close()
    assert await told(bench) == []


async def test_the_plain_desk_tells_it_too_and_leaves_a_place(bench: Bench) -> None:
    await sit(bench, "n", ending=None)
    out = io.StringIO()
    desk = reopened(bench)
    run_plain_desk(desk, io.StringIO("b\nq\n"), out, "A word.")
    said = out.getvalue().splitlines()
    assert said[0] == "A word."
    assert said[2].startswith("Your last session was not closed properly")
    assert "“WD My Passport 1TB Portable External Hard Drive, Black”" in said[2]
    place = reopened(bench).sitting.sitting.place
    assert (place.query, place.blind) == (ProductRef("walmart", "q8"), True)


async def test_a_hostile_title_in_the_news_is_inert(bench: Bench) -> None:
    from dataclasses import replace  # noqa: PLC0415

    from desk_bench import query_products  # noqa: PLC0415

    from core.catalog.store import CatalogStore  # noqa: PLC0415

    with CatalogStore(bench.workspace.catalog) as catalog:
        title = "\x1b]52;c;aGk=\x07[/] [@click=app.quit]x \u202e" + "long " * 5000
        catalog.replace("walmart", "query", [replace(product, title=title) for product in query_products()])
    await sit(bench, "n", ending=None)
    (words,) = await told(bench)
    assert "\x1b" not in words
    assert "\u202e" not in words
    assert "[/] [@click=app.quit]x" in words
    assert words.endswith("…”.")


def test_a_sitting_that_was_refused_was_none(bench: Bench) -> None:
    bench.settings = Settings.model_validate({"people": {"leads": ["lea"], "streams": {"ada": ["audit"], "eve": []}}})
    for annotator, stream in (("ada", Stream.TRIAGE), ("ada", Stream.ADJUDICATION), ("eve", None)):
        with pytest.raises(SameskuError):
            open_desk(bench.workspace, bench.settings, annotator, stream)
    assert not list(bench.workspace.sessions.glob("*"))
    bench.settings = Settings()
    desk = reopened(bench)
    assert desk.sitting.resume_notice == ""
    assert desk.facts.newcomer
