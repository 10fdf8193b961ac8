"""The status line: which parts are dropped as the window narrows."""

import pytest
from desk_bench import Bench, screen_text, settled
from desk_matcher import FakeMatcher

from core.queue.item import Progress
from core.queue.session import ReviewSession
from core.queue.session_stats import SessionStats
from core.retrieval.candidates import MatcherSummary
from labels.model import Stream
from tui.common.status import DeskStatus, status_line
from tui.common.words import calibration_details, calibration_summary
from tui.review.screen import ReviewScreen


@pytest.mark.parametrize(
    ("width", "there", "gone"),
    [
        (160, ["100/h, 4 min to go", "matcher: 312 labelled pairs", "MiniLM", "ada"], []),
        (100, ["100/h, 4 min to go", "matcher: 312 labelled pairs", "ada"], ["MiniLM"]),
        (80, ["matcher: 312 labelled pairs", "ada"], ["/h,"]),
    ],
)
async def test_the_pace_is_shown_if_there_is_room(bench: Bench, width: int, there: list[str], gone: list[str]) -> None:
    app = bench.app(engine=FakeMatcher("q5"))
    async with app.run_test(size=(width, 24)) as pilot:
        await settled(pilot)
        session = app.desk.review
        assert isinstance(session, ReviewSession)
        assert "/h," not in screen_text(app)
        session.stats[Stream.TRIAGE] = SessionStats(5, 180.0)
        screen = app.screen
        assert isinstance(screen, ReviewScreen)
        screen.draw()
        await settled(pilot)
        line = screen_text(app).splitlines()[0]
        for part in there:
            assert part in line, line
        for part in gone:
            assert part not in line, line


@pytest.mark.parametrize(
    ("standing", "line", "why"),
    [
        (None, "cosine bands (uncalibrated)", "cosine bands (uncalibrated)"),
        (MatcherSummary(0.5, 0.95, 0.05, 0, 0), "prior bands (uncalibrated)", "prior bands (uncalibrated)"),
        (
            MatcherSummary(0.5, 0.9, 0.1, 12, 3),
            "matcher: 12 labelled pairs, rough",
            "calibrated on 12 labelled pairs (3 matches): rough",
        ),
        (MatcherSummary(0.5, 0.9, 0.1, 312, 90), "matcher: 312 labelled pairs", "matcher: 312 labelled pairs"),
    ],
)
def test_the_basis_of_the_bands_is_shown(standing: MatcherSummary | None, line: str, why: str) -> None:
    assert (calibration_summary(standing), calibration_details(standing)) == (line, why)


async def test_the_own_count_is_that_of_the_session_and_says_so(bench: Bench) -> None:
    first = bench.desk()
    first.review.advance()
    first.review.none_match([])
    first.close()
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "1 of 7  6 left  0 this session" in screen_text(app).splitlines()[0]
        await pilot.press("n")
        await settled(pilot)
        assert "2 of 7  5 left  1 this session" in screen_text(app).splitlines()[0]


def test_the_calibration_is_worth_more_than_the_count_of_the_session() -> None:
    progress = Progress(1_204, 2_554, 112)
    status = DeskStatus(
        Stream.TRIAGE, progress, "ada", "MiniLM", MatcherSummary(0.5, 0.9, 0.1, 1_312, 300), blind=False
    )
    lines = [status_line(status, (), width).plain for width in (100, 80, 60)]
    assert ["112 this session" in line for line in lines] == [True, False, True]
    assert ["matcher: 1,312 labelled pairs" in line for line in lines] == [True, True, False]
