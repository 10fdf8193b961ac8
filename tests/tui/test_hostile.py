"""Titles that try to act: shown whole, and inert."""

from pathlib import Path

import pytest
from desk_bench import Bench, query_products, screen_text, settled, write_workspace
from hostile import ACTING, BOOK, GROUPS, HOSTILE, SPACES, squeezed

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.settings import Settings
from core.text.safe import safe
from tui.review.comparison import Comparison


@pytest.fixture
def hostile_bench(tmp_path: Path) -> Bench:
    """One query whose title, and whose ten candidates' titles and attributes, are hostile."""
    return Bench(write_workspace(tmp_path / "home"), Settings(), [])


def replant(bench: Bench, titles: list[str]) -> None:
    """Give the ten candidates of the first query hostile titles."""
    with CatalogStore(bench.workspace.catalog) as catalog:
        products = [
            Product("amazon", f"q3-c{place}", title, brand=title, model=title, extra={title or "x": title})
            for place, title in enumerate(titles, 1)
        ]
        catalog.replace("amazon", "catalog", products)
        queries = [
            Product("walmart", p.id, titles[0] + " query" if p.id == "q3" else p.title) for p in query_products()
        ]
        catalog.replace("walmart", "query", queries)


def test_there_are_enough_of_them_and_all_are_different() -> None:
    assert 60 <= len(HOSTILE) == len(set(HOSTILE)) <= 80
    assert min(map(len, GROUPS.values())) >= 5


@pytest.mark.parametrize("start", range(0, len(HOSTILE), 10))
async def test_titles_are_inert_and_complete(hostile_bench: Bench, start: int) -> None:
    titles = HOSTILE[start : start + 10]
    replant(hostile_bench, titles)
    app = hostile_bench.app()
    async with app.run_test(size=(80, 40)) as pilot:
        await settled(pilot)
        for place, title in enumerate(titles, 1):
            await pilot.press(str(place % 10))
            await settled(pilot)
            text, shown = screen_text(app), squeezed(safe(title))
            # In the comparison's title, and in the list, where what is longer than a line ends with a sign.
            times = squeezed(text).count(shown)
            assert times >= 2 or (times == 1 and "…" in text), title
            assert not ACTING.search(text.replace("\n", "")), title
            assert app.is_running
        assert squeezed(safe(titles[0])) + "query" in squeezed(screen_text(app))
        await pilot.press("w")
        await settled(pilot)
        assert squeezed(safe(titles[-1])) in squeezed(screen_text(app).replace("│", ""))
        await pilot.press("escape")


async def test_a_click_on_a_title_does_nothing_but_highlight(hostile_bench: Bench) -> None:
    replant(hostile_bench, list(GROUPS["markup"][:9]))
    app = hostile_bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.click("#candidates", offset=(12, 3))
        await pilot.click("#query", offset=(5, 0))
        await pilot.click("#comparison", offset=(20, 0))
        await settled(pilot)
        assert app.is_running
        assert app.review.candidates.highlighted == 3
    assert hostile_bench.decided() == {}


async def test_search_results_and_comments_are_inert(hostile_bench: Bench) -> None:
    replant(hostile_bench, list(GROUPS["markup"][:9]))
    app = hostile_bench.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("slash")
        await pilot.press(*"tag")
        await settled(pilot)
        assert "[/b] wrong tag" in screen_text(app)
        await pilot.press("escape", "c")
        await pilot.press(*"[/] [@click=app.quit]x")
        await pilot.press("enter")
        await settled(pilot)
        assert "[/] [@click=app.quit]x" in screen_text(app)
        await pilot.press("c")
        await settled(pilot)
        assert "[/] [@click=app.quit]x" in screen_text(app)


async def test_a_title_as_long_as_a_book_is_complete_in_the_comparison(hostile_bench: Bench) -> None:
    replant(hostile_bench, [BOOK])
    app = hostile_bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "…" in screen_text(app).splitlines()[2]
        comparison = app.screen.query_one(Comparison)
        seen = ""
        while comparison.below:
            seen += comparison.render().plain + "\n"
            comparison.scroll_lines(comparison.size.height)
        # The last page reaches back over some of the lines before.
        lines = dict.fromkeys((seen + comparison.render().plain).split("\n"))
        assert len(lines) < len(seen.split("\n"))
        assert (seen + comparison.render().plain).count("�word") >= BOOK.count("\u202eword")
        assert not ACTING.search(seen.replace("\n", ""))


async def test_a_blank_title_says_so(hostile_bench: Bench) -> None:
    replant(hostile_bench, [SPACES, "\u200b\u3164"])
    app = hostile_bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert screen_text(app).count("(no title)") >= 3
