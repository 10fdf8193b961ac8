"""The judge on the desk: streamed reasoning, marked verdicts, unavailable in blind mode, never blocking."""

import re
from dataclasses import replace
from unittest.mock import Mock

import pytest
from desk_bench import Bench, comes, screen_text, settled, shows
from desk_judge import FakeJudge, verdict
from injections import INJECTIONS
from textual.pilot import Pilot

from core.judge.verdict import NO_VERDICT, Answer
from labels.model import Stream
from tui.app import DeskApp
from tui.errors import WorkerError, WorkerRefusalError
from tui.review.screen import ReviewScreen
from tui.review.verdict import VerdictDialog


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for somebody to have read."""
    monkeypatch.setattr("tui.review.judge_scores._DELAY_S", 0.001)
    monkeypatch.setattr("tui.review.verdict._PAINT_INTERVAL_S", 0.001)


def with_judge(bench: Bench, judge: FakeJudge, stream: Stream = Stream.TRIAGE) -> DeskApp:
    """The desk with this judge beside it."""
    app = bench.app(stream=stream)
    app.desk.judge = judge  # type: ignore[misc]
    return app


async def until(pilot: Pilot[None], text: str) -> str:
    """Wait until the screen shows something. Returns all of it."""
    await shows(pilot, text)
    return screen_text(pilot.app)


async def test_without_a_judge_the_key_says_how_to_configure_one(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("v")
        assert "`samesku judge train --cross-encoder` makes one." in await until(pilot, "There is no judge yet")


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_its_reasoning_is_streamed_and_its_verdict_marked(bench: Bench, size: tuple[int, int]) -> None:
    judge = FakeJudge()
    judge.let_go.clear()
    app = with_judge(bench, judge)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("2", "v")
        shown = await until(pilot, "The listings sell the same drive")
        assert "no match" not in shown
        judge.let_go.set()
        shown = await until(pilot, "✗ no match")
        assert "12% that it is the same product" in shown
        assert "qwen2-tiny, reasoned, prompt 1, 3.2 s" in shown
        inside = (line.split("│")[1].strip() for line in shown.splitlines() if line.count("│") > 1)
        assert "it adds nothing certain to the matcher" in " ".join(inside)
        await pilot.press("escape")
        await settled(pilot)
        rows = [line for line in screen_text(app).splitlines() if "J✗" in line]
        assert len(rows) == 1
        assert rows[0].startswith("▌")
    assert judge.asked == ["q3-c2"]
    assert bench.decided() == {}


async def test_escape_ends_it_and_nothing_is_marked(bench: Bench) -> None:
    judge = FakeJudge()
    judge.let_go.clear()
    app = with_judge(bench, judge)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("v")
        await until(pilot, "The listings sell")
        await pilot.press("escape")
        await settled(pilot)
        assert judge.stopped == 1
        assert isinstance(app.screen, ReviewScreen)
        assert "J✗" not in screen_text(app)


async def test_cached_verdicts_are_marked_without_asking(bench: Bench) -> None:
    judge = FakeJudge()
    judge.before = {"q3-c1": verdict(Answer.MATCH, 0.9), "q3-c4": verdict(), "q3-c5": verdict(None, None)}
    app = with_judge(bench, judge)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        shown = await until(pilot, "J✓")
        assert (shown.count("J✓"), shown.count("J✗")) == (1, 1)
        # It stays while one works on the query, and goes with it.
        await pilot.press("2", "x")
        await settled(pilot)
        assert screen_text(app).count("J✓") == 1
        await pilot.press("n")
        await settled(pilot)
        assert "J✓" not in screen_text(app)
    assert judge.closed


async def test_it_is_not_available_in_blind_mode(bench: Bench) -> None:
    judge = FakeJudge()
    judge.before = {"q7-c1": verdict(Answer.MATCH, 0.9), "q3-c1": verdict(Answer.MATCH, 0.9)}
    app = with_judge(bench, judge, Stream.VALIDATION)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("v")
        shown = await until(pilot, "The judge is not available in blind mode.")
        assert "J✓" not in shown
        assert not isinstance(app.screen, VerdictDialog)
    assert judge.asked == []


async def test_hiding_scores_hides_its_marks(bench: Bench) -> None:
    judge = FakeJudge()
    judge.before = {"q3-c1": verdict(Answer.MATCH, 0.9)}
    app = with_judge(bench, judge)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await until(pilot, "J✓")
        await pilot.press("b")
        await settled(pilot)
        await pilot.pause()
        assert "J✓" not in screen_text(app)


async def test_its_trouble_is_a_sentence(bench: Bench) -> None:
    judge = FakeJudge()
    judge.pieces = []
    judge.answer = WorkerError("The judge takes too long.", "The desk goes on without it.")
    app = with_judge(bench, judge)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("v")
        assert "The desk goes on without it." in await until(pilot, "The judge takes too long.")


async def test_a_judge_without_verdicts_is_reported_once(bench: Bench) -> None:
    judge = FakeJudge()
    judge.known_verdicts = refuse = Mock(side_effect=WorkerRefusalError("tiny is gone.", "Start the server."))  # type: ignore[method-assign]
    app = with_judge(bench, judge)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await until(pilot, "tiny is gone. Start the server.")
        await pilot.press("n")
        await settled(pilot)
        await comes(pilot, lambda: refuse.call_count > 1)
        await settled(pilot)
        assert refuse.call_count == 2
        assert "tiny is gone" not in screen_text(app)


async def test_a_missing_verdict_is_reported(bench: Bench) -> None:
    judge = FakeJudge()
    judge.answer = verdict(None, None)
    app = with_judge(bench, judge)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("v")
        await until(pilot, "No verdict: it did not end in one.")
        await pilot.press("escape")
        await settled(pilot)
        assert "J✗" not in screen_text(app)


async def test_the_reason_for_a_rejected_verdict_is_shown_once(bench: Bench) -> None:
    judge = FakeJudge()
    why = "it says MATCH, and gives NO MATCH the higher probability."
    judge.answer = replace(verdict(None, None), reasoning=f"Same drive.\n**Verdict:** MATCH\n\n{NO_VERDICT} {why}")
    app = with_judge(bench, judge)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("v")
        shown = await until(pilot, "No verdict: it says MATCH")
        assert shown.count("No verdict:") == 1
        assert "**Verdict:** MATCH" in shown


async def test_its_text_is_inert(bench: Bench) -> None:
    judge = FakeJudge()
    judge.pieces = ["\x1b]52;c;ZXZpbA==\x07 [@click=app.quit]x[/] [/b] [red]", "\x1b[2J", "\n".join(INJECTIONS[:8])]
    judge.let_go.clear()
    app = with_judge(bench, judge)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("v")
        shown = await until(pilot, "[@click=app.quit]x[/] [/b] [red]")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
        judge.let_go.set()
