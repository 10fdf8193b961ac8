"""The statistics screen: figures, permissions, and the empty state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from desk_bench import Bench, screen_text, settled
from desk_verbs import AGREEMENT, HOSTILE, PEOPLE, STATISTICS, STATS, CannedVerbs, answered
from textual.pilot import Pilot

from core.settings import Settings
from core.text.safe import safe
from labels.model import ActionDetails, Decision, Judgement, ProductRef, Verb
from tui.app import DeskApp
from tui.common.key_bar import KeyBar
from tui.common.text import NAMES, Column, in_columns
from tui.errors import VerbError
from tui.statistics.screen import StatisticsScreen
from tui.statistics.text import agreement_text, days, people_rows


@asynccontextmanager
async def statistics(
    bench: Bench, answers: dict[str, Any] = STATISTICS, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[DeskApp, Pilot[None], CannedVerbs]]:
    """The screen, with its first page counted."""
    app = bench.app()
    verbs = CannedVerbs(answers)
    app.desk.verbs = verbs  # type: ignore[misc]
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        app.open(StatisticsScreen(app.desk))
        await settled(pilot)
        await answered(pilot)
        yield app, pilot, verbs


async def test_each_page_is_computed_when_first_shown(bench: Bench) -> None:
    async with statistics(bench) as (app, pilot, verbs):
        assert verbs.asked == [("labels", "stats")]
        assert "answered                  901" in screen_text(app)
        await pilot.press("2")
        await answered(pilot)
        assert "36%" not in screen_text(app)
        assert "33% of them with a match" in screen_text(app)
        await pilot.press("tab")
        await answered(pilot)
        assert "Krippendorff" in screen_text(app)
        await pilot.press("tab", "left", "1")
        await answered(pilot)
        assert "Decisions by stream" in screen_text(app)
        assert verbs.asked == [("labels", "stats"), ("labels", "people"), ("labels", "agreement")]
        await pilot.press("escape")
        await settled(pilot)
        assert app.screen is app.review


async def test_the_highlighted_person_has_details(bench: Bench) -> None:
    async with statistics(bench) as (app, pilot, _):
        await pilot.press("2")
        await answered(pilot)
        await pilot.press("pagedown")
        await settled(pilot)
        assert "hour 3  81%  80% to 97%, of 96 decisions" in screen_text(app)
        await pilot.press("pageup")
        await pilot.press("j", "j")
        await settled(pilot)
        text = screen_text(app)
        assert safe(HOSTILE) in text
        assert "\x1b" not in text
        assert "no adjudicated pairs yet" in text
        assert "by hour of the session" not in text
        await pilot.press("k", "k", "k", "j", "j", "j", "j")
        await settled(pilot)
        assert screen_text(app).count("María-José de la Cruz y") == 2
        assert app.is_running


async def test_implied_decisions_are_included_on_request(bench: Bench) -> None:
    async with statistics(bench) as (app, pilot, verbs):
        await pilot.press("i")
        assert "agreement (3)" in app.screen.query_one(KeyBar).notice
        await pilot.press("3")
        await answered(pilot)
        assert "189 pairs decided by accepting another candidate: left out" in screen_text(app)
        verbs.answers["labels agreement"] = {**AGREEMENT, "implied": True}
        await pilot.press("i")
        await answered(pilot)
        assert verbs.asked[-1] == ("labels", "agreement", "--implied")
        assert "candidate: included" in screen_text(app)
        await pilot.press("i")
        await answered(pilot)
        assert verbs.asked[-1] == ("labels", "agreement")


async def test_a_failure_is_shown(bench: Bench) -> None:
    trouble = VerbError("labels.db is [damaged].", "Restore a backup.")
    async with statistics(bench, {"labels stats": trouble}) as (app, _, _verbs):
        assert "labels.db is [damaged]." in screen_text(app)
        assert "Restore a backup." in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (300, 80)])
async def test_no_figure_is_cut(bench: Bench, size: tuple[int, int]) -> None:
    async with statistics(bench, size=size) as (app, pilot, _):
        assert "no match     9,700    1,395  11,095" in screen_text(app)
        await pilot.press("3")
        await answered(pilot)
        text = screen_text(app)
        assert "0.95 0.89–0.98   0.81 0.73–0.89    0.81 0.73–0.89" in text
        assert "0.50 0.44–0.53  −0.04 −0.12–0.04  −0.04 −0.12–0.04" in text
        await pilot.press("2")
        await answered(pilot)
        assert "queries  match  unsure  undone   look  an hour" in screen_text(app)


async def test_a_new_workspace_says_what_would_fill_the_pages(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.open(StatisticsScreen(app.desk))
        await settled(pilot)
        await answered(pilot)
        assert "Nothing was answered at a desk yet." in screen_text(app)
        await pilot.press("2")
        await answered(pilot)
        assert "with the first decisions at a desk" in screen_text(app)
        await pilot.press("3")
        await answered(pilot)
        assert "labels.overlap = 0.05" in screen_text(app)


def _shape(value: object) -> object:
    """Names and kinds: what a screen relies on."""
    if isinstance(value, dict):
        return {name: _shape(inner) for name, inner in value.items() if not name.startswith("20")}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) or value is None else type(value).__name__


def test_the_commands_answer_in_the_shape_that_the_pages_read(bench: Bench) -> None:
    with bench.store() as store:
        for who in ("ada", "bob"):
            said = [Judgement(ProductRef("amazon", "q1-c1"), Decision.MATCH)]
            store.record(who, Verb.ACCEPT, ProductRef("walmart", "q1"), said, ActionDetails(closes=True, look_ms=900))
    desk = bench.desk()
    stats = desk.verbs.ask("labels", "stats").answer()
    assert _shape(stats) == _shape(STATS)
    people = desk.verbs.ask("labels", "people").answer()
    ada = people["people"][0]
    assert _shape({**ada, "by_hour": []}) == _shape({**PEOPLE["people"][0], "by_hour": []})
    assert _shape(ada["by_hour"]) == _shape(PEOPLE["people"][0]["by_hour"])
    agreement = desk.verbs.ask("labels", "agreement").answer()
    assert agreement.keys() == AGREEMENT.keys()
    assert _shape(agreement["overall"]) == _shape(AGREEMENT["overall"])
    assert _shape(agreement["couples"]) == _shape(AGREEMENT["couples"])


def test_others_figures_are_for_leads(bench: Bench) -> None:
    bench.settings = Settings.model_validate({"people": {"leads": ["lea"]}})
    bench.workspace.settings.write_text('[people]\nleads = ["lea"]\n', encoding="utf-8")
    with bench.store() as store:
        for who in ("ada", "bob"):
            store.record(who, Verb.SKIP, ProductRef("walmart", "q1"))
            store.record(
                who,
                Verb.ACCEPT,
                ProductRef("walmart", "q1"),
                [Judgement(ProductRef("amazon", "q1-c1"), Decision.MATCH)],
            )
    desk = bench.desk("bob")
    assert [each["name"] for each in desk.verbs.ask("labels", "people").answer()["people"]] == ["bob"]
    assert desk.verbs.ask("labels", "stats").answer()["annotators"] == {"bob": 1}


def test_columns_line_up_whatever_the_script() -> None:
    lines = in_columns((NAMES, Column("n")), [["日本語", "1"], ["é", "1,234"], ["x" * 9, "22"]])
    assert [line.plain for line in lines] == [
        "               n",
        "日本語         1",
        "é          1,234",
        "xxxxxxxxx     22",
    ]
    assert {line.cell_length for line in lines} == {16}


def test_names_share_the_room() -> None:
    lines = agreement_text(AGREEMENT, 77).plain.splitlines()
    (couple,) = (line for line in lines if "Mar" in line)
    assert couple.startswith("mallo… and María… ")
    assert all(line.count("…") <= 5 for line in lines)
    assert people_rows(PEOPLE["people"])[4].plain.startswith("María-José de la Cruz y…")


def test_bars_go_with_their_days() -> None:
    lines = days({"by_day": {"2025-11-10": 10, "2025-11-11": 20, "not a day": 1}}, 60).plain.splitlines()
    assert lines[1].count("━") * 2 == lines[2].count("━")
    assert lines[1].startswith("Mon 10 Nov  10")
    assert lines[3].startswith("–")
    assert lines[3].count("━") == 2
    assert HOSTILE not in "".join(lines)
