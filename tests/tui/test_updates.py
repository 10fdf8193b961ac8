"""Imports beside the desk, and what the desk says when a stream is done."""

import io
import os
from pathlib import Path

import pytest
from desk_bench import Bench, candidate_products, query_products, screen_text, settled
from samples import match, no_match, q

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from labels.model import ActionDetails, Stream, Verb
from tui.plain.desk import run_plain
from tui.services import desk as desk_module

LONG_AGO = "2026-01-01T00:00:00.000+00:00"


def prune_query(bench: Bench, gone: str) -> None:
    with CatalogStore(bench.workspace.catalog) as catalog:
        catalog.replace("walmart", "query", [p for p in query_products() if p.id != gone], prune=True)


def talk(bench: Bench, *lines: str, stream: Stream = Stream.TRIAGE) -> str:
    out = io.StringIO()
    run_plain(bench.desk(stream=stream), io.StringIO("\n".join(lines) + "\n"), out)
    return out.getvalue()


def test_what_is_out_of_date_is_said_when_the_desk_opens(bench: Bench) -> None:
    assert bench.desk().take_notice() == ""
    prune_query(bench, "q3")
    desk = bench.desk()
    assert "1 product left the catalogue since the last index run" in desk.take_notice()
    assert desk.take_notice() == ""


def settle(path: Path) -> None:
    """The file was written to long enough ago."""
    os.utime(path, ns=(1, 1))


async def test_an_import_beside_the_desk_is_noticed_between_two_queries(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        here = app.desk.review.item
        assert here is not None
        gone = next(p.id for p in query_products() if p.id != here.query.id and p.id != "qv")
        prune_query(bench, gone)
        settle(bench.workspace.catalog)
        settle(bench.workspace.derived)
        await pilot.press("n")
        await settled(pilot)
        assert any("left the catalogue" in notice.message for notice in app._notifications)
        assert app.desk.review.progress().total == 6


async def test_a_query_whose_match_is_another_article_comes_first_with_the_reason(bench: Bench) -> None:
    with bench.store() as store:
        store._now = lambda: LONG_AGO
        store.record("ada", Verb.ACCEPT, q("q6"), match("q6-c1"), ActionDetails(closes=True))
    products = [Product("amazon", p.id, "Garden hose") if p.id == "q6-c1" else p for p in candidate_products()]
    with CatalogStore(bench.workspace.catalog) as catalog:
        catalog.replace("amazon", "catalog", products)
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q6"
        assert "amazon q6-c1 is another product since this was answered" in screen_text(app)


async def test_after_validation_the_desk_says_what_is_next(bench: Bench) -> None:
    app = bench.app(stream=Stream.VALIDATION)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
        text = screen_text(app)
        assert "The validation stream is finished" in text
        assert "Evaluate: measure the models on these labels." in text
        assert "Stream: continue with triage (7 open queries)." in text


def test_the_plain_desk_says_it_too(bench: Bench) -> None:
    said = talk(bench, "n", "q", stream=Stream.VALIDATION)
    assert "S triage goes on with the triage stream (7 open queries).\n`samesku evaluate` measures the models" in said


def test_labels_of_one_class_are_said_to_be_so(bench: Bench) -> None:
    assert bench.desk().single_class_notice == ""
    with bench.store() as store:
        store.record("ada", Verb.NONE, q("q6"), no_match("q6-c1", "q6-c2"), ActionDetails(closes=True))
    desk = bench.desk()
    assert desk.single_class_notice.startswith(
        "2 labels are of one class, no match: the matcher needs at least one match"
    )
    assert "one class so far" in talk(bench, "q")


def test_a_draw_of_the_screen_does_not_count_all_labels(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench.store() as store:
        store.record(
            "ada", Verb.NONE, q("q6"), no_match(*(f"q6-c{n}" for n in range(1, 9))), ActionDetails(closes=True)
        )
    desk = bench.desk()
    counted: list[object] = []
    count = desk_module.training_classes
    monkeypatch.setattr(desk_module, "training_classes", lambda *given: counted.append(given) or count(*given))
    assert [desk.has_single_class for _ in range(5)] == [True] * 5
    assert len(counted) == 1
    with bench.store() as store:
        store.record("ada", Verb.REJECT, q("q5"), no_match("q5-c1"))
    assert desk.has_single_class
    assert len(counted) == 1
    assert desk.single_class_notice.startswith("9 labels are of one class")
    assert len(counted) == 2
