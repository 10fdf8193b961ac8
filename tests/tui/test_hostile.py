"""Titles that try to act: shown whole, and inert."""

import re
from pathlib import Path

import pytest
from desk_bench import Bench, query_products, screen_text, settled, write_workspace

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.settings import Settings
from core.text.safe import safe

HOSTILE = [
    "[Large] shirt",
    "[/] closes nothing",
    "[/b] wrong tag",
    "[b]bold[/b]",
    "[red on blue]paint",
    "[@click=app.quit]press me[/]",
    "[@click='screen.accept']a[/]",
    "[link=https://example.org]link[/link]",
    "[$error]variable",
    "\\[escaped] [[double]]",
    "[" * 30,
    "]" * 30,
    "\x1b[31mred\x1b[0m",
    "\x1b]52;c;ZXZpbA==\x07clipboard",
    "\x1b]0;title\x1b\\window",
    "\x9b2Jcleared",
    "\u202egnp.exe reversed",
    "\u2066isolated\u2069 \u200fmark",
    "line\nbreak\tand tab",
    "para\u2029graph",
    "z\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301algo",
    "nul\x00byte and del\x7f",
    "電視 55吋 📺 wide",
    "👨‍👩‍👧 family",
    "%s {0} {name} $HOME `ls`",
    "'; DROP TABLE events; --",
]

#: What no title may put on the screen.
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def squeezed(text: str) -> str:
    """Without what wrapping and padding change."""
    return re.sub(r"\s+", "", text)


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


@pytest.mark.parametrize("start", range(0, len(HOSTILE), 9))
async def test_titles_are_inert_and_complete(hostile_bench: Bench, start: int) -> None:
    titles = HOSTILE[start : start + 9]
    replant(hostile_bench, titles)
    app = hostile_bench.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        for place, title in enumerate(titles):
            await pilot.press(str(place + 1))
            await settled(pilot)
            text = screen_text(app)
            # In the list, and in the comparison's title.
            assert squeezed(text).count(squeezed(safe(title))) >= 2, title
            assert not ACTING.search(text.replace("\n", "")), title
            assert app.is_running
        assert squeezed(safe(titles[0])) + "query" in squeezed(screen_text(app))
        await pilot.press("w")
        await settled(pilot)
        assert squeezed(safe(titles[-1])) in squeezed(screen_text(app).replace("│", ""))
        await pilot.press("escape")


async def test_no_control_byte_is_written_to_the_terminal(hostile_bench: Bench) -> None:
    replant(hostile_bench, HOSTILE[12:21])
    app = hostile_bench.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        for y, strip in enumerate(app.screen._compositor.render_strips()):
            for segment in strip:
                assert not ACTING.search(segment.text), (y, segment.text)
                assert "\n" not in segment.text


async def test_a_click_on_a_title_does_nothing_but_highlight(hostile_bench: Bench) -> None:
    replant(hostile_bench, HOSTILE[3:12])
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
    replant(hostile_bench, HOSTILE[:9])
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


async def test_a_very_long_title_is_complete_in_the_comparison(hostile_bench: Bench) -> None:
    words = [f"word{n}" for n in range(120)]
    replant(hostile_bench, [" ".join(words)])
    app = hostile_bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "…" in screen_text(app).splitlines()[2]
        seen = screen_text(app)
        for _ in range(12):
            await pilot.press("J")
            await settled(pilot)
            seen += screen_text(app)
        assert all(re.search(rf"\b{word}\b", seen) for word in words)
