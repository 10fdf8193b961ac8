"""Blind mode: no scores on the screen."""

import re

import pytest
from desk_bench import Bench, screen_text, settled

from labels.model import Stream

#: A cosine as the desk writes it; prices of the fixture never look like that.
SIMILARITY = re.compile(r"(?<![\d.,])0\.\d\d(?!\d)")


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_validation_shows_no_score_band_rank_or_model(bench: Bench, size: tuple[int, int]) -> None:
    app = bench.app(stream=Stream.VALIDATION)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        text = screen_text(app)
        assert "VALIDATION" in text
        assert "BLIND" in text
        for hidden in ("▲", "◆", "▽", "high", "medium", "low ", "MiniLM", "similarity"):
            assert hidden not in text, hidden
        assert not SIMILARITY.search(text)
        await pilot.press("w")
        await settled(pilot)
        assert not SIMILARITY.search(screen_text(app))
        await pilot.press("escape", "b")
        await settled(pilot)
        assert "always shown blind" in screen_text(app)
        assert not SIMILARITY.search(screen_text(app).splitlines()[4])


async def test_the_same_screen_shows_them_when_not_blind(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert len(SIMILARITY.findall(screen_text(app))) >= 10
        assert "◆ medium" in screen_text(app)
        await pilot.press("b")
        await settled(pilot)
        assert "BLIND" in screen_text(app)
        assert not SIMILARITY.search(screen_text(app))
        await pilot.press("a")
        await settled(pilot)
    with bench.store() as store:
        assert store.connection.execute("SELECT DISTINCT blind FROM events").fetchall() == [(1,)]


async def test_validation_is_recorded_on_its_side(bench: Bench) -> None:
    app = bench.app(stream=Stream.VALIDATION)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await settled(pilot)
    with bench.store() as store:
        rows = store.connection.execute("SELECT DISTINCT stream, side, blind FROM events").fetchall()
    assert rows == [("validation", "validation", 1)]


async def test_others_decisions_are_hidden_too(bench: Bench) -> None:
    other = bench.desk("grace", Stream.VALIDATION)
    other.review.advance()
    other.review.accept(other.review.item.options[0], [])  # type: ignore[union-attr]
    app = bench.app("ada", Stream.VALIDATION)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        from labels.model import ProductRef  # noqa: PLC0415

        app.desk.review.show(ProductRef("walmart", "q7"))  # type: ignore[attr-defined]
        app.review.draw()
        await settled(pilot)
        assert "gr" not in screen_text(app).replace("Original", "")
