"""The monitor screen."""

from dataclasses import replace
from pathlib import Path

import pytest
from desk_bench import Bench, choose, screen_text, settled
from desk_jobs import RUNNING, write_events, write_job
from monitor_histories import LATEST, REFERENCE, SHIFTS, TOYS, monitored
from running_jobs import end

from core.monitoring.history import VALIDATION, Findings, History
from tui.app import DeskApp
from tui.monitoring.screen import MonitorScreen


async def monitor_text(bench: Bench, *keys: str, size: tuple[int, int] = (120, 36)) -> str:
    """The screen after some keys."""
    app = bench.app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        choose(app, "Monitor")
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        return screen_text(app)


async def test_distributions_and_findings_are_side_by_side(bench: Bench) -> None:
    monitored(bench.workspace)
    text = await monitor_text(bench)
    for words in (
        "2026-01-02", "the reference", "Highest similarity  550 queries", "low  unmatched",
        "0.2–0.3  16%", "0.9–1.0  26%", "3 distributions have moved since 2026-01-01",
        "walmart Toys & Games", "149  2.41", "mix of categories", "79/80", "Audited precision", "0.98 (0.90–1.00)",
    ):  # fmt: skip
        assert words in text, words
    (day,) = [line for line in text.splitlines() if "2026-01-02   35%" in line]
    assert "█▒░" in day
    # Shares of the day and of the reference.
    assert "42%" in text
    assert "35%" in text


async def test_without_a_judge_or_an_audit_names_have_their_room(bench: Bench) -> None:
    group = replace(TOYS, category="Radio-controlled toys", answers=0)
    alone = replace(LATEST, groups=[group])
    History(alone, {}, [alone], None).save(bench.workspace.monitoring)
    text = await monitor_text(bench)
    assert "Radio-controlled toys      150   27%        63%        0" in text
    assert "judge ≠" not in text


async def test_a_small_terminal_has_one_side_at_a_time(bench: Bench) -> None:
    monitored(bench.workspace)
    assert "have moved" not in await monitor_text(bench, size=(80, 24))
    assert "3 distributions have moved" in await monitor_text(bench, "tab", size=(80, 24))


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        (Findings("2026-01-01", []), "Nothing has moved since 2026-01-01"),
        (Findings("2026-01-02", []), "The present state is the reference"),
        (None, "The present state is the reference"),
        (Findings(VALIDATION, SHIFTS[:1]), "1 distribution has moved against the validation set"),
    ],
)
async def test_what_the_last_run_found_is_said(bench: Bench, findings: Findings | None, words: str) -> None:
    History(REFERENCE, {}, [REFERENCE, LATEST], findings).save(bench.workspace.monitoring)
    assert words in await monitor_text(bench)


async def test_hostile_names_are_inert(bench: Bench) -> None:
    group = replace(REFERENCE.groups[1], category="[/red]\x1b]52;c;aGk=\x07")
    latest = replace(LATEST, groups=[group])
    shift = replace(SHIFTS[0], category=group.category)
    History(latest, {}, [latest], Findings("2026-01-01", [shift])).save(bench.workspace.monitoring)
    text = await monitor_text(bench)
    assert "[/red]" in text
    assert "\x1b" not in text


async def test_a_damaged_history_is_said_and_left_alone(bench: Bench) -> None:
    bench.workspace.monitoring.write_text("{")
    assert "monitoring.json" in await monitor_text(bench)
    assert bench.workspace.monitoring.read_text() == "{"


async def test_before_the_first_run_m_starts_a_job_and_shows_its_result_here(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = bench.workspace.jobs
    started: list[list[str]] = []

    def start(_: object, home: Path, arguments: list[str]) -> str:
        started.append(arguments)
        stage = {"kind": "stage", "stage": "count listings and candidates", "total": 4}
        progress = {**stage, "kind": "progress", "done": 1, "rate": 1.0, "left_s": 3.0}
        write_job(jobs, RUNNING, "monitor", [stage, progress], running=True)
        return RUNNING

    monkeypatch.setattr("core.jobs.board.Jobs.start", start)
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        choose(app, "Monitor")
        await settled(pilot)
        assert "Nothing was measured yet" in screen_text(app)
        await pilot.press("m")
        await settled(pilot)
        assert started == [["monitor"]]
        assert isinstance(app.screen, MonitorScreen)
        assert "● Monitor  count listings and candidates 25%" in screen_text(app)
        monitored(bench.workspace)
        write_events(jobs, RUNNING, [{"kind": "done"}])
        end(jobs / RUNNING)
        app.screen._follow_job()
        await settled(pilot)
        text = screen_text(app)
        assert "● Monitor" not in text
        assert "3 distributions have moved" in text


async def test_a_job_that_vanishes_is_followed_no_longer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.board.Jobs.start", lambda *_: "nowhere")
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        choose(app, "Monitor")
        await settled(pilot)
        await pilot.press("m")
        await settled(pilot)
        assert "started" not in screen_text(app)
        assert not app._notifications


async def test_measure_drift_of_the_menu_starts_a_job(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(DeskApp, "start_job", lambda _, *arguments: started.append(arguments))
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        choose(app, "Measure drift")
        assert started == [("monitor",)]


async def test_the_names_stand_over_their_sides_and_the_other_one_is_muted(bench: Bench) -> None:
    monitored(bench.workspace)
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        choose(app, "Monitor")
        await settled(pilot)
        title, _, heading = screen_text(app).splitlines()[:3]
        assert title.index("Drift") == heading.index("▲ 3 distributions")
        colours = title_colours(app)
        assert colours["Distributions"] != colours["Drift"]
        await pilot.press("tab")
        await settled(pilot)
        assert "▌Drift" in screen_text(app)
        after = title_colours(app)
        assert (after["Drift"], after["Distributions"]) == (colours["Distributions"], colours["Drift"])


def title_colours(app: DeskApp) -> dict[str, object]:
    """The names in the title, each with its colour."""
    strip = app.screen._compositor.render_strips()[0]
    return {
        segment.text.strip(): segment.style.color
        for segment in strip
        if segment.style is not None and segment.text.strip() in {"Distributions", "Drift"}
    }
