"""The models screen: comparison by query, promotion and rollback."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from comparisons import BASE, TUNED, as_json, change, comparison, two_encoders, write_card, write_history
from desk_bench import Bench, screen_text, settled
from textual.pilot import Pilot

from core.evaluation.comparison import comparison_path, save_comparison
from core.settings import Settings
from core.text.safe import safe
from tui.app import DeskApp
from tui.common.dialogs import ConfirmDialog
from tui.menu import commands
from tui.models.screen import ModelsScreen

ANOTHER = "lora-20260202-120000-cd34"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The jobs that were asked for."""
    jobs: list[list[str]] = []

    def start(_: object, home: Path, arguments: list[str]) -> str:
        jobs.append(arguments)
        return "j1"

    monkeypatch.setattr("core.jobs.board.Jobs.start", start)
    return jobs


@asynccontextmanager
async def models_screen(
    bench: Bench, *keys: str, width: int = 120, annotator: str = "ada"
) -> AsyncIterator[tuple[DeskApp, Pilot[None]]]:
    """The desk with its encoders on the screen."""
    app = bench.app(annotator)
    async with app.run_test(size=(width, 36)) as pilot:
        await settled(pilot)
        next(command for command in commands(app) if command.name == "Models").run()
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


async def test_the_facts_of_the_champion_are_shown(bench: Bench) -> None:
    two_encoders(bench.workspace)
    async with models_screen(bench) as (app, _):
        assert isinstance(app.screen, ModelsScreen)
        has(
            app, f"● {TUNED}  champion", BASE, "576 matches", "5 queries of validation set v2",
            "mrr@10 0.8350 → 0.9280",
            "epochs 4, learning rate 0.0005", "hit@1 0.40 (0.34–0.45)  MRR@10 0.57 (0.51–0.62)",
            "ranked by it and by a matcher",
        )  # fmt: skip


async def test_queries_are_listed_by_outcome(bench: Bench) -> None:
    two_encoders(bench.workspace)
    async with models_screen(bench) as (app, pilot):
        has(
            app, f"{BASE} → {TUNED}", "dense            2     1     2   0.45 → 0.57  +0.08 to +0.16",
            "hybrid           3     0     2", "▼ Worse: the match moved down  1", "1 → 3",
            "Logitech M310 Wireless Mouse",
            "▲ Better: the match moved up  2", "4 → 1", ">10 → 2", "Samsung UN55J6300 55-Inch TV",
        )  # fmt: skip
        await pilot.press("f")
        await settled(pilot)
        has(app, "▼ Worse")
        assert "▲ Better" not in screen_text(app)
        await pilot.press("f")
        await settled(pilot)
        assert "▼ Worse" not in screen_text(app)
        has(app, "▲ Better: the match moved up  2")
        await pilot.press("r")
        await settled(pilot)
        has(app, "▲ Better: the match moved up  3", "hybrid: dense and lexical ranks fused")


async def test_on_a_narrow_screen_one_side_is_seen_at_a_time(bench: Bench) -> None:
    two_encoders(bench.workspace)
    async with models_screen(bench, width=80) as (app, pilot):
        has(app, "▌Encoders", "576 matches")
        assert "▼ Worse" not in screen_text(app)
        await pilot.press("tab")
        await settled(pilot)
        has(app, "▌Query by query", "▼ Worse")
        assert "576 matches" not in screen_text(app)


async def test_another_encoder_is_compared_with_the_champion(bench: Bench) -> None:
    two_encoders(bench.workspace)
    write_card(bench.workspace, ANOTHER, "2026-02-02T12:00:00+00:00")
    save_comparison(bench.workspace, comparison(TUNED, ANOTHER))
    async with models_screen(bench, "j") as (app, _):
        has(app, f"{TUNED} → {ANOTHER}", "▼ Worse: the match moved down  1")


async def test_without_another_encoder_the_screen_says_how_one_is_made(bench: Bench) -> None:
    async with models_screen(bench, "c") as (app, pilot):
        has(
            app,
            "There is nothing to compare yet",
            "Retrain (ctrl+p) makes another encoder",
            "untuned, not evaluated yet",
        )
        has(app, "There is no other encoder to compare with.")
        await pilot.press("p")
        has(app, "This encoder is the champion already.")
        await pilot.press("b")
        has(app, "There is no earlier champion to roll back to.")


async def test_pair_metrics_stand_below_the_rankings(bench: Bench) -> None:
    two_encoders(bench.workspace)
    measured = {"auc_roc": change(0.737, 0.764), "cluster_purity": change(0.5, 0.9)}
    save_comparison(bench.workspace, replace(comparison(), pairs=measured))
    async with models_screen(bench) as (app, _):
        has(app, "AUC-ROC", "0.74 → 0.76", "Cluster purity", "0.50 → 0.90")


async def test_a_missing_comparison_can_be_started_as_a_job(bench: Bench, started: list[list[str]]) -> None:
    write_card(bench.workspace)
    async with models_screen(bench, "c") as (app, pilot):
        await settled(pilot)
        assert started == []
        has(app, "untuned")
        await pilot.press("j")
        await settled(pilot)
        has(app, f"{BASE} → {TUNED}", "have not been compared yet", "about a minute", "c compares them.")
        await pilot.press("c")
        await settled(pilot)
        assert isinstance(app.screen, ModelsScreen)
    assert started == [["models", "compare", BASE, TUNED]]


async def test_the_cost_of_comparing_is_that_of_the_last_one(bench: Bench) -> None:
    two_encoders(bench.workspace)
    write_card(bench.workspace, ANOTHER, "2026-02-02T12:00:00+00:00")
    async with models_screen(bench, "j") as (app, _):
        has(app, "It takes about 48 s, as")


async def test_an_encoder_is_promoted_only_once_confirmed(bench: Bench, started: list[list[str]]) -> None:
    two_encoders(bench.workspace)
    async with models_screen(bench, "j", "p") as (app, pilot):
        assert isinstance(app.screen, ConfirmDialog)
        has(app, f"Promote {BASE} to champion?")
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, ModelsScreen)
        assert started == []
        await pilot.press("p", "y")
        await settled(pilot)
        assert isinstance(app.screen, ModelsScreen)
    assert started == [["models", "promote", BASE]]


async def test_an_encoder_that_was_not_better_is_promoted_by_force(bench: Bench, started: list[list[str]]) -> None:
    write_card(bench.workspace, decision={"outcome": "rejected", "reason": "The champion stays: not better [/b]."})
    write_card(bench.workspace, ANOTHER)
    write_history(bench.workspace, ANOTHER)
    async with models_screen(bench, "j", "p") as (app, pilot):
        has(app, "The champion stays: not better [/b].", f"Promote {TUNED} all the")
        await pilot.press("y")
        await settled(pilot)
    assert started == [["models", "promote", TUNED, "--force"]]


async def test_an_encoder_is_exported_as_a_job(bench: Bench, started: list[list[str]]) -> None:
    two_encoders(bench.workspace)
    bench.settings = Settings.model_validate({"people": {"leads": ["lea"]}})
    async with models_screen(bench, "e") as (app, pilot):
        has(app, f"Export {TUNED}?", "A job writes")
        await pilot.press("y")
        await settled(pilot)
        assert isinstance(app.screen, ModelsScreen)
    assert started == [["models", "export", TUNED]]


async def test_a_merged_encoder_names_its_origin(bench: Bench) -> None:
    write_card(bench.workspace, trained_on={}, origin="merged from the adapter [b]mine[/b]")
    write_history(bench.workspace, TUNED)
    async with models_screen(bench) as (app, _):
        has(app, "merged from the adapter [b]mine[/b]")


async def test_a_rollback_names_its_target(bench: Bench, started: list[list[str]]) -> None:
    write_card(bench.workspace)
    write_card(bench.workspace, ANOTHER)
    write_history(bench.workspace, TUNED, ANOTHER)
    async with models_screen(bench, "b") as (app, pilot):
        has(app, f"Roll back to {TUNED}?")
        await pilot.press("y")
        await settled(pilot)
    assert started == [["models", "rollback"]]


async def test_an_annotator_sees_counts_and_cannot_promote(bench: Bench, started: list[list[str]]) -> None:
    two_encoders(bench.workspace)
    bench.settings = Settings.model_validate({"people": {"leads": ["lea"]}})
    async with models_screen(bench, "j", "p", annotator="mia") as (app, pilot):
        has(
            app,
            "Only leads promote an encoder or roll back.",
            "dense            1     2",
            "Only leads see which queries these are",
        )
        assert "Logitech" not in screen_text(app)
        await pilot.press("b")
        await settled(pilot)
        assert isinstance(app.screen, ModelsScreen)
    assert started == []


@pytest.mark.parametrize("damage", [lambda v: v.pop("queries"), lambda v: v.update(before="[/] another")])
async def test_a_damaged_comparison_is_one_sentence(bench: Bench, damage: Callable[[dict[str, Any]], object]) -> None:
    two_encoders(bench.workspace)
    value = json.loads(json.dumps(as_json(comparison())))
    damage(value)
    path = comparison_path(bench.workspace, BASE, TUNED)
    path.write_text(json.dumps(value))
    async with models_screen(bench) as (app, _):
        has(app, "Move it away", "c compares them.")
        assert "▼ Worse" not in screen_text(app)


async def test_a_damaged_card_hides_no_other(bench: Bench) -> None:
    two_encoders(bench.workspace)
    write_card(bench.workspace, ANOTHER)
    (bench.workspace.models / ANOTHER / "model.json").write_text("{")
    async with models_screen(bench) as (app, _):
        has(app, TUNED, f"The card of {ANOTHER} is damaged.")


async def test_a_damaged_history_is_one_sentence(bench: Bench) -> None:
    two_encoders(bench.workspace)
    (bench.workspace.models / "champion.json").write_text("[")
    async with models_screen(bench, "j", "c", "r", "f", "tab", "j") as (app, _):
        has(app, "to go back to the base encoder.")


async def test_titles_and_names_are_inert(bench: Bench) -> None:
    hostile = "\x1b]52;c;ZXZpbA==\x07[/b] [@click=app.quit]\u202egnp 55 in"
    value = json.loads(json.dumps(as_json(comparison())).replace("Logitech M185 Wireless Mouse", "HOSTILE"))
    value["queries"][2]["title"] = hostile
    write_card(bench.workspace)
    write_history(bench.workspace, TUNED)
    path = comparison_path(bench.workspace, BASE, TUNED)
    path.parent.mkdir()
    path.write_text(json.dumps(value))
    async with models_screen(bench) as (app, pilot):
        has(app, safe(hostile))
        await pilot.click("#moved", offset=(20, 1))
        await settled(pilot)
        assert app.is_running
        assert not {"\x1b", "\x07", "\u202e"} & set(screen_text(app))


async def test_the_screen_is_resized_while_it_is_looked_at(bench: Bench) -> None:
    two_encoders(bench.workspace)
    async with models_screen(bench, width=80) as (app, pilot):
        await pilot.resize_terminal(140, 40)
        await settled(pilot)
        has(app, "▼ Worse: the match moved down  1", "576 matches")
