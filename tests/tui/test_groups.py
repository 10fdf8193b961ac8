"""Other listings of a candidate's product, while one decides."""

from desk_bench import Bench, screen_text, settled
from samples import c, q

from core.clustering.product_ids import ProductIds, save_ids
from labels.model import ProductRef, Stream


def record(bench: Bench, run: int = 1, **groups: list[ProductRef]) -> None:
    save_ids(bench.workspace.product_ids, ProductIds(run, {ref: id_ for id_, refs in groups.items() for ref in refs}))


async def test_the_group_of_the_highlighted_candidate_is_named(bench: Bench) -> None:
    record(bench, P1=[q("q1"), c("q1-c1")], P2=[c("q1-c2"), c("x1"), q("q2"), c("gone")])
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        app.desk.review.show(q("q1"))
        app.review.draw()
        await settled(pilot)
        # The query itself is on the screen.
        assert "group" not in screen_text(app)
        await pilot.press("2")
        await settled(pilot)
        text = screen_text(app)
        assert "grouped with amazon x1 +1" in text
        assert "amazon x1  Canon EOS Rebel T6 Body Only" in text
        assert "walmart q2  Samsung" in text
        await pilot.press("s")
        await settled(pilot)
        assert "group" not in screen_text(app)


async def test_new_ids_are_read_and_damaged_ones_show_nothing(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "group" not in screen_text(app)
        app.desk.review.show(q("q1"))
        record(bench, P1=[c("q1-c1"), c("x2")])
        app.review.draw(highlight=0)
        await settled(pilot)
        assert "grouped with amazon x2" in screen_text(app)
        bench.workspace.product_ids.write_text("nothing")
        app.desk.review.show(q("q2"))
        app.review.draw(highlight=0)
        await settled(pilot)
        assert "group" not in screen_text(app)
        assert not app._notifications


async def test_nothing_is_shown_where_one_decides_blind(bench: Bench) -> None:
    record(bench, P1=[c("q7-c1"), c("x1")], P2=[*(c(f"q1-c{n}") for n in range(1, 11)), c("x2")])
    blind = bench.app(stream=Stream.VALIDATION)
    async with blind.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        for key in "1234567890":
            await pilot.press(key)
            await settled(pilot)
            assert "group" not in screen_text(blind)
    app = bench.app("bob")
    async with app.run_test(size=(120, 36)) as pilot:
        app.desk.review.show(q("q1"))
        app.review.draw(highlight=0)
        await settled(pilot)
        # The first id would be cut.
        assert "in a group of 11" in screen_text(app)
        await pilot.press("b")
        await settled(pilot)
        assert "grouped with" not in screen_text(app)
        await pilot.press("b")
        await settled(pilot)
        # The first id would be cut.
        assert "in a group of 11" in screen_text(app)
