"""The history of a query: who decided what, and when."""

import io

import pytest
from desk_bench import Bench, screen_text, settled
from samples import match, no_match, q

from core.settings import Settings
from labels.model import LOOK_COMMENT, ActionDetails, Stream, Verb
from tui.app import DeskApp
from tui.plain.desk import run_plain


def write_past(bench: Bench, query: str) -> None:
    with bench.store() as store:
        store.record("bob", Verb.REJECT, q(query), no_match(f"{query}-c1"))
        store.record("bob", Verb.COMMENT, q(query), details=ActionDetails(text="[red]another[/red] size"))
        store.record("bob", Verb.FLAG, q(query))
        store.undo("bob")


def query_of(app: DeskApp) -> str:
    assert app.desk.review.item is not None
    return app.desk.review.item.query.id


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_it_lists_actions_and_undone_ones(bench: Bench, size: tuple[int, int]) -> None:
    app = bench.app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        write_past(bench, query_of(app))
        await pilot.press("c")
        await pilot.press(*"mine", "enter")
        await settled(pilot)
        await pilot.press("h")
        await settled(pilot)
        text = screen_text(app)
        for part in ("History of this query", "bob  triage", "✗ no match: ", "✎ [red]another[/red] size",
                     "bob  triage  undone", "set or removed the flag", "ada  triage, ", "✎ mine"):  # fmt: skip
            assert part in text, part
        await pilot.press("escape")
        assert "History of" not in screen_text(app)


async def test_independent_labelling_shows_own_actions_only(bench: Bench) -> None:
    app = bench.app(stream=Stream.VALIDATION)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        write_past(bench, query_of(app))
        await pilot.press("h")
        await settled(pilot)
        text = screen_text(app)
    assert "hidden while you label independently" in text
    assert "another" not in text
    assert "No actions yet." in text


def test_the_plain_desk_prints_it(bench: Bench) -> None:
    desk, out = bench.desk(), io.StringIO()
    desk.review.advance()
    assert desk.review.item is not None
    with bench.store() as store:
        store.record("bob", Verb.ACCEPT, q(desk.review.item.query.id), match("elsewhere"))
    run_plain(desk, io.StringIO("h\nq\n"), out)
    assert "bob (triage): match: amazon elsewhere" in out.getvalue()


async def test_a_lead_may_look_at_others_and_this_is_recorded(bench: Bench) -> None:
    app = bench.app(stream=Stream.VALIDATION)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        query = query_of(app)
        write_past(bench, query)
        await pilot.press("h")
        await settled(pilot)
        assert "is recorded, and your later answers are excluded" in screen_text(app)
        await pilot.press("o")
        await settled(pilot)
        text = screen_text(app)
        assert "✎ [red]another[/red] size" in text
        assert "hidden while you label independently" not in text
        await pilot.press("escape", "z")
        await settled(pilot)
    with bench.store() as store:
        assert ("ada", LOOK_COMMENT) in [(each.annotator, each.text) for each in store.comments(q(query))]


@pytest.mark.parametrize("lead", [True, False])
def test_the_plain_desk_shows_others_to_a_lead_on_request(bench: Bench, lead: bool) -> None:
    if not lead:
        bench.settings = Settings.model_validate({"people": {"leads": ["lea"]}})
    desk, out = bench.desk(stream=Stream.VALIDATION), io.StringIO()
    desk.review.advance()
    assert desk.review.item is not None
    query = desk.review.item.query.id
    write_past(bench, query)
    run_plain(desk, io.StringIO("h\nh others\nq\n"), out)
    before, _, after = out.getvalue().partition("Others' decisions are hidden while you label independently.")
    assert "another" not in before
    assert ("bob (triage): wrote: [red]another[/red] size" in after) is lead
    assert ("What others say is for leads to see." in after) is not lead
    with bench.store() as store:
        assert ("ada" in {each.annotator for each in store.comments(q(query))}) is lead
