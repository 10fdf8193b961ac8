"""The streams screen."""

import io

import pytest
from desk_bench import Bench, screen_text, settled
from samples import match, no_match, q
from textual.pilot import Pilot

from core.queue.session_stats import SessionStats
from core.settings import Settings
from labels.model import ActionDetails, Stream, Verb
from tui.plain.desk import run_plain
from tui.statistics.streams import StreamsScreen


async def choose(pilot: Pilot[None], name: str) -> None:
    await pilot.press("ctrl+p", *name)
    await settled(pilot)
    await pilot.press("enter")
    await settled(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_each_stream_shows_its_purpose_and_progress(bench: Bench, size: tuple[int, int]) -> None:
    with bench.store() as store:
        for place, query in enumerate(("q1", "q2", "q4", "q5", "q6")):
            store.record(
                "ada", Verb.NONE, q(query), no_match(f"{query}-c1"), ActionDetails(closes=True, look_ms=9_000 + place)
            )
        store.record("bob", Verb.ACCEPT, q("q1"), match("q1-c1"))
    app = bench.app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await choose(pilot, "Streams")
        lines = [" ".join(line.split()) for line in screen_text(app).splitlines()]
        text = "\n".join(lines)
        for part in (
            "TRIAGE Queries for training, the most informative first.", "5 of 7, 2 left",
            "5 yours; 400 an hour, 18 s to go you are here",
            "VALIDATION Random sample, labelled blind, to evaluate the models.", "0 of 1, 1 left",
            "AUDIT Random sample of predictions, verified blind.",
            "No sample is drawn; the matcher is certain about 5 queries",
            "ADJUDICATION Disagreements and contradictions to resolve.",
        ):  # fmt: skip
            assert part in text, part
        assert "…" not in text
        app.desk.review.stats[Stream.TRIAGE] = SessionStats(5, 180.0)
        await pilot.press("j", "k", "escape")
        await choose(pilot, "Streams")
        assert "5 yours in this session, 5 in all; 100 an hour, 1 min to go" in " ".join(screen_text(app).split())


async def test_enter_goes_to_a_stream_which_says_what_it_is_for(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await choose(pilot, "Streams")
        await pilot.press("down", "enter")
        await settled(pilot)
        assert app.screen is app.review
        assert app.desk.review.stream is Stream.VALIDATION
        assert "Validation: Random sample, labelled blind" in screen_text(app)


async def test_a_closed_stream_says_why(bench: Bench) -> None:
    bench.settings = Settings.model_validate({"people": {"leads": ["lea"], "streams": {"ada": ["triage"]}}})
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await choose(pilot, "Streams")
        assert "The validation stream is not open to ada. Open to you: triage." in screen_text(app)
        await pilot.press("down", "enter")
        await settled(pilot)
        assert isinstance(app.screen, StreamsScreen)
        assert app.desk.review.stream is Stream.TRIAGE
        await pilot.press("escape")
        assert app.screen is app.review


def test_the_plain_desk_lists_streams_and_switches(bench: Bench) -> None:
    desk, out = bench.desk(), io.StringIO()
    run_plain(desk, io.StringIO("n\nS\nS validation\nS nowhere\nq\n"), out)
    said = out.getvalue()
    assert "triage: Queries for training, the most informative first. 1 of 7 done, 6 left; 1 yours" in said
    assert "You are here." in said
    assert "validation, blind: 0 of 1 done" in said
    assert desk.review.stream is Stream.VALIDATION
