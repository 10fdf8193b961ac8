"""The next query is prepared while the one on the screen is read."""

from desk_bench import Bench, screen_text, settled

from labels.model import ProductRef
from tui.review import candidates
from tui.review.prefetch import Prefetch


async def test_prepared_rows_are_used_and_correct(bench: Bench) -> None:
    plain = bench.app("bob")
    async with plain.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("s")
        await settled(pilot)
        wanted = screen_text(plain)
    plain.desk.close()
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        ahead = app.review.query_one(Prefetch)
        if ahead._timer is not None:
            ahead._timer.stop()  # it would prepare them once more, amid this
        ahead._prepare()
        prepared = app.review.candidates._prepared[2]
        await pilot.press("s")
        await settled(pilot)
        assert app.review.candidates._rows is prepared
        assert screen_text(app).replace("ada", "bob") == wanted


async def test_rows_prepared_for_another_query_are_discarded(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.review.query_one(Prefetch)._prepare()
        app.desk.review.show(ProductRef("walmart", "q6"))
        app.review.draw()
        await settled(pilot)
        assert "Brother TN450" in screen_text(app)
        assert app.review.candidates._rows is not app.review.candidates._prepared[2]
        columns = app.review.candidates.columns
        option = app.review.candidates.options[1]
        assert app.review.candidates._rows[1, False] == candidates.row_lines(1, option, columns, cursor=False)


async def test_nothing_is_prepared_once_the_desk_has_begun_to_close(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await app.review.candidates.remove()
        app.review.query_one(Prefetch)._prepare()


async def test_a_prepared_query_is_not_claimed(bench: Bench) -> None:
    desk = bench.desk()
    desk.review.advance()
    ahead = desk.review.peek()
    assert ahead is not None
    assert desk.review.item is not None
    assert ahead.query.ref != desk.review.item.query.ref
    assert bench.desk("bob").leases.held_by_others("bob").keys() == {desk.review.item.query.ref}
