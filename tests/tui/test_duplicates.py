"""One catalogue against itself at the desk."""

from contextlib import closing
from pathlib import Path

import pytest
from desk_bench import Bench, screen_text, settled
from duplicates import LISTINGS, shop, write_shop

from core.retrieval.candidates import Candidate, CandidateStore
from core.settings import Settings
from labels.model import Stream


@pytest.fixture
def shop_bench(tmp_path: Path, bench: Bench) -> Bench:
    """A desk on the shop, where s2 and s5 have those after them as candidates."""
    workspace = write_shop(tmp_path / "shop")
    with closing(CandidateStore(workspace.derived)) as candidates:
        rows = [
            (LISTINGS[place - 1].ref, [
                Candidate(each.ref, rank, top - rank / 50, top - rank / 50, rank, rank)
                for rank, each in enumerate(LISTINGS[place:], 1)
            ])
            for place, top in ((2, 0.85), (5, 0.99))
        ]  # fmt: skip
        candidates.replace(rows, model="sentence-transformers/all-MiniLM-L6-v2", fingerprint="test")
    bench.workspace, bench.settings = workspace, Settings()
    return bench


async def test_a_listing_is_shown_beside_its_possible_duplicates(shop_bench: Bench) -> None:
    app = shop_bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.ref == shop("s2")
        assert "EOS Rebel T7" in screen_text(app)
        await pilot.press("3", "a")
        await settled(pilot)
        assert app.desk.review.item.query.ref == shop("s5")
    assert shop_bench.decided() == {"s5": ("match", "explicit")}


async def test_a_duplicate_found_by_search_may_be_an_earlier_listing(shop_bench: Bench) -> None:
    app = shop_bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.desk.review.look_up(shop("s5"))
        app.review.draw()
        await settled(pilot)
        assert shop("s5") not in {each.ref for each in app.desk.search("canon")}
        await pilot.press("slash")
        await pilot.press(*"t6 dslr")
        await settled(pilot)
        assert "1 found" in screen_text(app)
        await pilot.press("enter")
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.ref == shop("s5")
        assert app.desk.review.item.options[-1].product.ref == shop("s2")
        assert "not in top" in screen_text(app)
    with shop_bench.store() as store:
        (decision,) = store.decisions()
        assert (decision.pair.query, decision.pair.candidate, decision.stream) == (
            shop("s2"),
            shop("s5"),
            Stream.TRIAGE,
        )
