"""Searching the whole catalogue."""

from dataclasses import replace

from desk_bench import Bench, candidate_products, screen_text, settled
from textual.widgets import OptionList

from core.catalog.store import CatalogStore
from tui.review.search import SearchDialog


async def test_enter_accepts_the_highlighted_product(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("slash")
        await pilot.press(*"nikon digital")
        await settled(pilot)
        assert app.screen.query_one(OptionList).option_count == 2
        await pilot.press("down", "enter")
        await settled(pilot)
        assert app.screen is app.review
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q8"
        await pilot.press("z")
        await settled(pilot)
        await pilot.press("Z")
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.options[-1].product.id == "x3"
        assert "not in top" in screen_text(app)
    decided = bench.decided()
    assert decided.pop("x3") == ("match", "explicit")
    assert set(decided.values()) == {("no_match", "implied")}
    assert len(decided) == 10


async def test_a_listed_candidate_found_by_search_keeps_its_rank(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("slash")
        await pilot.press(*"passport international")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
    with bench.store() as store:
        rows = store.connection.execute("SELECT candidate_id, rank FROM events WHERE decision = 'match'").fetchall()
    assert rows == [("q3-c6", 6)]


async def test_ids_and_gtins_are_found_as_one_types(bench: Bench) -> None:
    with CatalogStore(bench.workspace.catalog) as catalog:
        products = [replace(p, upc="0036000291452" if p.id == "x3" else "") for p in candidate_products()]
        catalog.replace("amazon", "catalog", products)
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for words in ("0360002", "0 36000 29145 2", "x3", "X3"):
            await pilot.press("slash")
            await pilot.press(*words)
            await settled(pilot)
            assert "Nikon D5600 Digital SLR Camera" in screen_text(app), words
            assert "1 found" in screen_text(app), words
            await pilot.press("escape")
            await settled(pilot)


async def test_only_the_searched_catalogue_is_offered(bench: Bench) -> None:
    desk = bench.desk()
    assert {product.source for product in desk.search("passport")} == {"amazon"}


async def test_an_answer_to_an_older_text_is_not_accepted(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("slash")
        await pilot.press(*"nikon")
        await settled(pilot)
        dialog = app.screen
        assert isinstance(dialog, SearchDialog)
        dialog.query_one("Input").value = "canon"  # type: ignore[attr-defined]
        dialog.action_accept_found()
        assert app.screen is dialog
        await settled(pilot)
    assert bench.decided() == {}


async def test_escape_leaves_and_accepts_nothing(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("slash", "n", "i", "k", "escape")
        await settled(pilot)
        assert app.screen is app.review
    assert bench.decided() == {}


async def test_any_text_can_be_searched_for(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("slash")
        await pilot.press(*'[/]" -(zzz')
        await settled(pilot)
        assert "No product has all of these words." in screen_text(app)


async def test_results_are_visible_on_a_very_low_screen_and_redrawn_on_a_wider_one(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(40, 10)) as pilot:
        await settled(pilot)
        await pilot.press("slash")
        await pilot.press(*"nikon")
        await settled(pilot)
        low = screen_text(app)
        assert "Nikon D3400 Digital" in low
        assert "2 found" in low
        assert "Esc back" in low
        assert "646.95" not in low
        await pilot.resize_terminal(120, 36)
        await settled(pilot)
        await settled(pilot)
        assert "amazon x3  Nikon  D5600  646.95" in screen_text(app)
        assert "TP-LINK" not in low
