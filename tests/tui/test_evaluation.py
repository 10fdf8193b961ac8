"""The evaluation screen."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from comparisons import TUNED, evaluation, evaluations
from desk_bench import Bench, screen_text, settled
from textual.pilot import Pilot

from core.evaluation.report import save_evaluation
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.text.safe import safe
from labels.model import ActionDetails, Decision, Judgement, ProductRef, ShownScores, Stream, Verb
from tui.app import DeskApp
from tui.evaluation.screen import EvaluationScreen
from tui.menu import commands


@asynccontextmanager
async def evaluation_screen(bench: Bench, *keys: str, width: int = 120) -> AsyncIterator[tuple[DeskApp, Pilot[None]]]:
    """The desk with its evaluations on the screen."""
    app = bench.app()
    async with app.run_test(size=(width, 40)) as pilot:
        await settled(pilot)
        next(command for command in commands(app) if command.name == "Evaluation").run()
        await settled(pilot)
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        yield app, pilot


def has(app: DeskApp, *words: str) -> None:
    text = screen_text(app)
    for word in words:
        assert word in text, f"{word!r} is not on\n{text}"


async def test_the_latest_evaluation_is_shown_with_its_intervals(bench: Bench) -> None:
    evaluations(bench.workspace)
    async with evaluation_screen(bench) as (app, _):
        assert isinstance(app.screen, EvaluationScreen)
        has(
            app, "3 January", TUNED, "validation set v2", "186 queries with a known match", "2,047 labelled pairs",
            "matcher           0.88 (0.83–0.92)    0.93 (0.88–0.97)", "F1                0.88 (0.84–0.92)",
            "average precision 0.95", "▲ Band high  match from 0.87", "0.99 (0.96–1.00), 158 of 160",
            "▽ Band low  no match below 0.02", "0.993 (0.987–0.996), 1,540 of 1,551",
            "promised        ≥ 0.961", "on folds        0.99 (0.96–1.00), 158 of 160", "Not proven: 158 of 160",
            "A different encoder is now champion",
        )  # fmt: skip


async def test_a_broken_promise_and_an_evaluation_of_an_earlier_version(bench: Bench) -> None:
    value = evaluation()
    high, low = value["bands"]
    earlier = {name: low[name] for name in ("band", "answer", "cut", "promised", "measured")}
    save_evaluation(bench.workspace, value | {"bands": [high | {"kept": False}, earlier]})
    async with evaluation_screen(bench) as (app, _):
        has(app, "The promise was not kept on the validation set.")
        assert screen_text(app).count("promised") == 1


async def test_uncalibrated_bands_and_curve_are_marked(bench: Bench) -> None:
    value = evaluation()
    save_evaluation(
        bench.workspace, value | {"bands": [row | {"band": f"prior:{row['band']}"} for row in value["bands"]]}
    )
    async with evaluation_screen(bench) as (app, _):
        has(
            app,
            "▲ Band high  match by the prior matcher, uncalibrated",
            "Uncalibrated: the matcher has not been fitted",
        )
        assert "calibration error" not in screen_text(app)


async def test_the_calibration_has_its_numbers_beside_it(bench: Bench) -> None:
    evaluations(bench.workspace)
    async with evaluation_screen(bench) as (app, _):
        has(
            app,
            "Expected calibration error 0.006; observed against",
            "0.010      0.008 (0.005–0.013) 1,711",
            "0.46       0.40 (0.26–0.55)       40",
        )
        assert screen_text(app).count("●") >= 5


async def test_earlier_evaluations_are_one_key_away(bench: Bench) -> None:
    evaluations(bench.workspace)
    async with evaluation_screen(bench, "left") as (app, pilot):
        has(app, "F1                0.86 (0.82–0.90)", "▌2 January", " 3 January", "○")
        await pilot.press("left", "left")
        await settled(pilot)
        has(app, "F1                0.84", "There is no earlier evaluation.")
        await pilot.press("right", "right", "right")
        await settled(pilot)
        has(app, "F1                0.88", "This is the latest evaluation.")


async def test_an_evaluation_is_started_by_one_key(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def start(_: object, home: Path, arguments: list[str]) -> str:
        started.append(arguments)
        return "j1"

    monkeypatch.setattr("core.jobs.board.Jobs.start", start)
    async with evaluation_screen(bench) as (app, pilot):
        has(app, "Nothing was evaluated yet. Press e to measure")
        await pilot.press("j", "left", "tab", "e")
        await settled(pilot)
        assert isinstance(app.screen, EvaluationScreen)
    assert started == [["evaluate"]]


async def test_on_a_narrow_screen_nothing_is_lost(bench: Bench) -> None:
    evaluations(bench.workspace)
    async with evaluation_screen(bench, width=80) as (app, pilot):
        has(app, "▌Metrics", "▽ Band low")
        assert "predicted" not in screen_text(app)
        await pilot.press("tab")
        await settled(pilot)
        has(app, "▌Calibration", "predicted  observed (95 %)     pairs", "1,711", "Over time")


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        (0, 0, "189 more correct checks to certify it"), (190, 0, "certified for automatic decisions"),
        (40, 1, "more correct checks to certify it"),
    ],
)  # fmt: skip
async def test_a_band_shows_the_checks_left_to_certify_it(bench: Bench, right: int, wrong: int, words: str) -> None:
    evaluations(bench.workspace)
    candidates = CandidateStore(bench.workspace.derived)
    candidates.score([], MatcherSummary(0.5, 0.9, 0.1, 300))
    candidates.close()
    with bench.store() as store:
        for number in range(right + wrong):
            decision = Decision.MATCH if number < right else Decision.NO_MATCH
            shown = ShownScores(1, 0.9, 0.95, "m")
            store.record(
                "eve", Verb.ACCEPT, ProductRef("walmart", f"a{number}"),
                [Judgement(ProductRef("amazon", "c"), decision, shown=shown)],
                ActionDetails(stream=Stream.AUDIT, closes=True),
            )  # fmt: skip
    async with evaluation_screen(bench) as (app, _):
        has(app, words)


async def test_without_pairs_the_screen_says_how_to_get_some(bench: Bench) -> None:
    value = {name: each for name, each in evaluation().items() if name not in {"f1", "pairs", "reliability", "bands"}}
    save_evaluation(bench.workspace, value)
    async with evaluation_screen(bench) as (app, _):
        has(app, "Pairs were not measured", "No pairs were measured.")


@pytest.mark.parametrize("values", [{"matched": []}, {"judged_on": 3}, {"f1": "[/]"}])
async def test_a_damaged_evaluation_is_one_sentence(bench: Bench, values: dict[str, object]) -> None:
    path = bench.workspace.reports / "evaluation-20260102-120000.json"
    path.parent.mkdir()
    path.write_text(json.dumps(evaluation() | values))
    async with evaluation_screen(bench) as (app, _):
        has(app, f"{path.name} is damaged", "Nothing was evaluated yet")


async def test_names_are_inert_and_figures_that_cannot_be_are_unknown(bench: Bench) -> None:
    hostile = "\x1b]52;c;x\x07[@click=app.quit]m"
    value = evaluation(model=hostile)
    value["matched"] = {"hit@1": 1e300, "queries": 186}
    save_evaluation(bench.workspace, value)
    async with evaluation_screen(bench) as (app, _):
        has(app, safe(hostile), "matcher           –")
        assert not {"\x1b", "\x07"} & set(screen_text(app))
