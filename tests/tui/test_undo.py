"""Undo and redo, without limit and across restarts."""

from desk_bench import Bench, screen_text, settled


def item_id(app: object) -> str:
    item = app.desk.review.item  # type: ignore[attr-defined]
    return "" if item is None else item.query.id


async def test_undo_and_redo_step_through_everything(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for key in ("2", "x", "a"):
            await pilot.press(key)
            await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
        assert len(bench.decided()) == 20
        await pilot.press("z")
        await settled(pilot)
        assert item_id(app) == "q8"
        assert "Undone: none of these" in screen_text(app)
        await pilot.press("z")
        await settled(pilot)
        assert item_id(app) == "q3"
        assert bench.decided() == {"q3-c2": ("no_match", "explicit")}
        await pilot.press("z", "z")
        await settled(pilot)
        assert bench.decided() == {}
        assert "There is nothing to undo." in screen_text(app)
        await pilot.press("Z", "Z", "Z", "Z")
        await settled(pilot)
        assert len(bench.decided()) == 20
        assert "There is nothing to redo." in screen_text(app)


async def test_undo_reaches_an_earlier_session(bench: Bench) -> None:
    first = bench.app()
    async with first.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await settled(pilot)
        await pilot.press("q")
    first.desk.close()
    second = bench.app()
    async with second.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert item_id(second) == "q8"
        await pilot.press("z")
        await settled(pilot)
        assert item_id(second) == "q3"
        assert bench.decided() == {}
        await pilot.press("Z")
        await settled(pilot)
    second.desk.close()
    third = bench.app()
    async with third.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert item_id(third) == "q8"
    assert bench.decided()["q3-c1"] == ("match", "explicit")


async def test_one_does_not_undo_what_others_did(bench: Bench) -> None:
    other = bench.desk("bob")
    other.review.advance()
    other.review.none_match(other.review.item.options)  # type: ignore[union-attr]
    app = bench.app("ada")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("z")
        await settled(pilot)
    assert len(bench.decided("bob")) == 10


async def test_undo_works_when_nothing_is_left(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for _ in range(7):
            await pilot.press("n")
            await settled(pilot)
        assert item_id(app) == ""
        assert "The triage stream is finished" in screen_text(app)
        assert "7 queries are answered, 7 of them by you" in screen_text(app)
        for key in "axnus":
            await pilot.press(key)
        assert item_id(app) == ""
        await pilot.press("z")
        await settled(pilot)
        assert item_id(app) != ""
