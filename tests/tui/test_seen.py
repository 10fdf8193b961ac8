"""Only what was on the screen counts as seen."""

import pytest
from desk_bench import Bench, screen_text, settled


async def test_all_ten_are_on_the_smallest_supported_screen(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        lines = screen_text(app).splitlines()
        rows = [line for line in lines if line[1:2].isdigit() and line[2:3] == " "]
        assert [row[1] for row in rows[:10]] == list("1234567890")
        for field in ("title", "brand", "model", "price", "category", "condition"):
            assert any(f" {field} " in line for line in lines), field
        assert len(app.review.candidates.seen) == 10


@pytest.mark.parametrize("size", [(80, 14), (120, 9)])
async def test_on_a_low_terminal_only_the_visible_ones_are_rejected(bench: Bench, size: tuple[int, int]) -> None:
    app = bench.app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        visible = {option.product.id for option in app.review.candidates.seen}
        rows = [line for line in screen_text(app).splitlines() if line[1:2].isdigit() and line[2:3] == " "]
        assert 0 < len(visible) < 10
        assert visible == {f"q3-c{row[1]}" for row in rows if row[1] != "0"}
        await pilot.press("a")
        await settled(pilot)
    decided = bench.decided()
    assert decided.pop("q3-c1") == ("match", "explicit")
    assert decided == dict.fromkeys(visible - {"q3-c1"}, ("no_match", "implied"))


async def test_what_one_scrolled_to_was_seen(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 14)) as pilot:
        await settled(pilot)
        for _ in range(9):
            await pilot.press("j")
        await settled(pilot)
        assert len(app.review.candidates.seen) == 10
        await pilot.press("n")
        await settled(pilot)
    assert len(bench.decided()) == 10


async def test_a_jump_does_not_see_what_lies_between(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 14)) as pilot:
        await settled(pilot)
        before = len(app.review.candidates.seen)
        await pilot.press("0")
        await settled(pilot)
        places = [option.rank for option in app.review.candidates.seen]
        assert places == [*range(1, before + 1), *range(11 - before, 11)]


async def test_the_next_query_starts_unseen(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.review.action_accept()
        assert app.review.candidates.seen == []
        await settled(pilot)
        assert len(app.review.candidates.seen) == 10


async def test_a_larger_terminal_shows_more(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 14)) as pilot:
        await settled(pilot)
        assert len(app.review.candidates.seen) < 10
        await pilot.resize_terminal(120, 36)
        await settled(pilot)
        assert len(app.review.candidates.seen) == 10


@pytest.mark.parametrize("size", [(200, 50), (300, 80)])
async def test_a_wide_screen_shows_titles_whole_and_within_the_reach_of_an_eye(
    bench: Bench, size: tuple[int, int]
) -> None:
    app = bench.app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        rows = app.review.candidates
        assert rows.row_height == 2
        assert rows.size.width <= 110
        listed = "\n".join(line[: rows.size.width] for line in screen_text(app).splitlines()[5:25])
        assert "…" not in listed
