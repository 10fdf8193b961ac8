"""Background refits while labelling; the query on the screen never changes."""

import io
import time

import pytest
from desk_bench import Bench, screen_text, settled
from desk_matcher import FakeMatcher, rescored

from core.queue.refit_result import RefitResult
from labels.model import Stream
from tui.app import DeskApp
from tui.errors import WorkerRefusalError
from tui.models.retrain import RetrainDialog
from tui.plain.desk import LineWriter, PlainDesk, run_plain


def shown(app: DeskApp) -> str:
    item = app.desk.review.item
    assert item is not None
    return item.query.id


def order(app: DeskApp) -> list[str]:
    item = app.desk.review.item
    assert item is not None
    return [option.product.id for option in item.options]


async def test_the_next_query_goes_by_the_refit_and_the_one_on_the_screen_stays(bench: Bench) -> None:
    app = bench.app(engine=FakeMatcher("q5", "q1"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        # The refit is there, and the query that was on the screen before it is as it was.
        assert "matcher: 312 labelled pairs" in screen_text(app)
        assert shown(app) == "q3"
        before = order(app)
        await pilot.press("3", "x")
        await settled(pilot)
        assert order(app) == before
        assert "◆ medium" in screen_text(app)
        await pilot.press("n")
        await settled(pilot)
        assert shown(app) == "q5"
        assert order(app)[:3] == ["q5-c2", "q5-c3", "q5-c6"]
        text = screen_text(app)
        assert "97% ▲ high" in text
        assert "41% ◆ medium" in text
        assert "<1% ▽ low" in text
        assert "As likely a match as not: q5 has 51%." in text
        await pilot.press("n", "n")
        await settled(pilot)
        assert shown(app) not in {"q3", "q5", "q1"}


async def test_never_the_same_query_twice(bench: Bench) -> None:
    app = bench.app(engine=FakeMatcher("q5", "q3", "q1", "q5"))
    seen = []
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        while app.desk.review.item is not None:
            seen.append(shown(app))
            await pilot.press("n")
            await settled(pilot)
    assert len(seen) == len(set(seen)) == 7


async def test_decisions_record_the_probability_that_was_shown(bench: Bench) -> None:
    app = bench.app(engine=FakeMatcher("q5"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
        await pilot.press("1", "a")
        await settled(pilot)
    with bench.store() as store:
        rows = store.connection.execute(
            "SELECT candidate_id, rank, probability, model FROM events"
            " WHERE candidate_id IN ('q3-c1', 'q5-c2', 'q5-c4') ORDER BY candidate_id"
        ).fetchall()
    model = "sentence-transformers/all-MiniLM-L6-v2"
    assert rows == [("q3-c1", 1, None, model), ("q5-c2", 1, 0.97, model), ("q5-c4", 9, 0.005, model)]


async def test_one_refit_at_a_time_and_one_more_for_all_that_came_meanwhile(bench: Bench) -> None:
    engine = FakeMatcher("q5")
    engine.let_go.clear()
    app = bench.app(engine=engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.2)
        for _ in range(5):
            await pilot.press("n")
            await pilot.pause(0.05)
        # The desk did not wait.
        assert len(bench.decided()) == 50
        assert engine.refits == 1
        engine.let_go.set()
        await settled(pilot)
        await settled(pilot)
    assert (engine.refits, engine.most_at_once) == (2, 1)


async def test_without_an_answer_the_desk_goes_on_in_the_order_it_has(bench: Bench) -> None:
    engine = FakeMatcher("q5")
    engine.dead = True
    app = bench.app(engine=engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
        assert shown(app) == "q8"
        assert "cosine bands, labels of one class" in screen_text(app)
        assert not app._notifications
        await pilot.press("w")
        await settled(pilot)
        text = screen_text(app)
        assert "The matcher process ended unexpectedly." in text
        assert "Similarity  0.830" in text


async def test_a_fixable_failure_is_reported_once(bench: Bench) -> None:
    engine = FakeMatcher("q5")
    engine.refusal = WorkerRefusalError("vocabulary.toml: brands.0.spellings: this key is missing.", "Mend it.")
    app = bench.app(engine=engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
        assert [note.message for note in app._notifications] == [
            "vocabulary.toml: brands.0.spellings: this key is missing.\nMend it."
        ]
        engine.refusal = None
        await pilot.press("n")
        await settled(pilot)
        assert "matcher: 312 labelled pairs" in screen_text(app)


def test_the_plain_desk_reports_it_too(bench: Bench) -> None:
    engine, out = FakeMatcher("q5"), io.StringIO()
    engine.refusal = WorkerRefusalError("vocabulary.toml cannot be read.", "Mend it.")
    desk = bench.desk(engine=engine)
    plain = PlainDesk(desk, LineWriter(out))
    plain.learn()
    for _ in range(50):
        plain.run_line("?")
        if "cannot be read" in out.getvalue():
            break
        time.sleep(0.05)
    plain.run_line("?")
    assert out.getvalue().count("vocabulary.toml cannot be read. Mend it.") == 1


async def test_leaving_does_not_wait_for_a_refit(bench: Bench) -> None:
    engine = FakeMatcher("q5")
    engine.let_go.clear()
    app = bench.app(engine=engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.1)
        await pilot.press("q")
    assert engine.closed


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_why_shows_contributions_for_and_against(bench: Bench, size: tuple[int, int]) -> None:
    app = bench.app(engine=FakeMatcher("q8"))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
        await pilot.press("w")
        await settled(pilot)
        text = screen_text(app)
        for part in (
            "Probability 97%", "▲ high  90% or more", "matcher: 312 labelled pairs", "Similarity  0.810",
            "+3.2 ████████  model number Archer C7 stands in both", "−1.6 ░░░░      price 2.4 times higher",
            "baseline −2.0, other features +1.4, total +1.0 (log-odds)", "For a match",
            "Against", "16 GB against 8 GB", "no other candidate is as similar", "Esc back",
        ):  # fmt: skip
            assert part in text, part


async def test_what_is_to_be_gained_stands_beside_the_counts(bench: Bench) -> None:
    app = bench.app(engine=FakeMatcher("q8"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.open(RetrainDialog(app.desk))
        await settled(pilot)
        text = " ".join(screen_text(app).replace("│", " ").split())
        assert "6 queries left" in text
        assert "2 wrongly" in text


@pytest.mark.parametrize("plain", [False, True])
async def test_validation_shows_nothing_of_the_matcher(bench: Bench, plain: bool) -> None:
    engine = FakeMatcher("q7")
    if plain:
        desk, out = bench.desk(stream=Stream.VALIDATION, engine=engine), io.StringIO()
        run_plain(desk, io.StringIO("w 1\np\nq\n"), out)
        text = out.getvalue()
    else:
        app = bench.app(stream=Stream.VALIDATION, engine=engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            text = screen_text(app)
            await pilot.press("w")
            await settled(pilot)
            text += screen_text(app)
    assert "hidden" in text
    for hidden in ("matcher", "51%", "97%", "Archer C7 stands", "▲", "high", "312"):
        assert hidden not in text, hidden


def test_the_plain_desk_learns_too(bench: Bench) -> None:
    desk, out = bench.desk(engine=FakeMatcher("q5", "q1")), io.StringIO()
    desk.apply_refit(RefitResult.from_json(rescored("q5")))
    run_plain(desk, io.StringIO("w 1\nq\n"), out)
    said = out.getvalue()
    assert "The bands are based on: matcher: 312 labelled pairs." in said
    assert "1. probability 97% high, similarity 0.72, Logitech" in said
    assert "For, 3.2: model number Archer C7 stands in both" in said
    assert "Against, 1.6: price 2.4 times higher" in said
