"""The ledger entries of each decision key."""

import pytest
from desk_bench import Bench, screen_text, settled
from textual.widgets import Input

from labels.errors import LabelsError
from labels.model import Verb
from tui.app import DeskApp
from tui.review.screen import ReviewScreen

ALL = {f"q3-c{place}" for place in range(1, 11)}


def verbs(bench: Bench) -> list[str]:
    with bench.store() as store:
        return [row[0] for row in store.connection.execute("SELECT verb FROM actions ORDER BY seq")]


async def test_accept_rejects_the_visible_others_and_goes_on(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("2", "a")
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q8"
        assert app.review.candidates.highlighted == 0
    decided = bench.decided()
    assert decided.pop("q3-c2") == ("match", "explicit")
    assert decided == dict.fromkeys(ALL - {"q3-c2"}, ("no_match", "implied"))


async def test_accept_and_stay_then_accept_another(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("A")
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q3"
        await pilot.press("3", "a")
        await settled(pilot)
        assert app.desk.review.item.query.id == "q8"
    decided = bench.decided()
    assert {key for key, value in decided.items() if value == ("match", "explicit")} == {"q3-c1", "q3-c3"}
    assert {value for key, value in decided.items() if key not in {"q3-c1", "q3-c3"}} == {("no_match", "implied")}


async def test_enter_goes_on_from_an_answered_query_only(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q3"
        await pilot.press("A", "enter")
        await settled(pilot)
        assert app.desk.review.item.query.id == "q8"
    assert verbs(bench) == [Verb.ACCEPT]


async def test_reject_moves_to_the_next_undecided(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("2", "x")
        assert app.review.candidates.highlighted == 2
        await pilot.press("1", "x")
        assert app.review.candidates.highlighted == 2
        await pilot.press("0", "x")
        assert app.review.candidates.highlighted == 2
    assert bench.decided() == dict.fromkeys(["q3-c2", "q3-c1", "q3-c10"], ("no_match", "explicit"))


async def test_rejecting_the_last_one_goes_on(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press(*"xxxxxxxxxx")
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q8"
    assert bench.decided() == dict.fromkeys(ALL, ("no_match", "explicit"))


async def test_none_rejects_all_that_was_seen(bench: Bench) -> None:
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
    assert bench.decided() == dict.fromkeys(ALL, ("no_match", "explicit"))


async def test_unsure_is_an_abstention_on_one_candidate(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("4", "u")
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q8"
    assert bench.decided() == {"q3-c4": ("unsure", "explicit")}


async def test_skip_decides_nothing_and_comes_back_last(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("s")
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q8"
        for _ in range(6):
            await pilot.press("n")
            await settled(pilot)
        assert app.desk.review.item.query.id == "q3"
    assert not ALL & bench.decided().keys()


async def test_flag_goes_on_and_off(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("f")
        assert app.desk.review.item is not None
        assert app.desk.review.item.flagged
        await pilot.press("f")
        assert not app.desk.review.item.flagged
    assert verbs(bench) == [Verb.FLAG, Verb.FLAG]


async def test_letters_typed_into_a_comment_decide_nothing(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await pilot.press(*"axnusz1q")
        assert app.focused is not None
        assert isinstance(app.focused, Input)
        await pilot.press("enter")
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.comments == (("ada", "axnusz1q"),)
    assert verbs(bench) == [Verb.COMMENT]
    assert bench.decided() == {}


async def test_an_abandoned_comment_is_not_written(bench: Bench) -> None:
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("c", "h", "i", "escape")
        await settled(pilot)
    assert verbs(bench) == []


async def test_the_decision_records_what_was_shown(bench: Bench) -> None:
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("2", "a")
        await settled(pilot)
    with bench.store() as store:
        row = store.connection.execute(
            "SELECT rank, similarity, model, stream, side, blind, look_ms >= 0 FROM events WHERE candidate_id = 'q3-c2'"
        ).fetchone()
    assert row == (2, 0.79, "sentence-transformers/all-MiniLM-L6-v2", "triage", "train", 0, 1)


@pytest.mark.parametrize("key", ["a", "A", "x", "n", "u", "s", "f"])
async def test_what_cannot_be_written_changes_nothing_on_the_screen(
    bench: Bench, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)

        def refuse(*_: object, **__: object) -> str:
            raise LabelsError("The disk is full.", "Free some [/] space.")

        monkeypatch.setattr(bench.opened[0].store, "record", refuse)
        await pilot.press(key)
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q3"
        assert app.review.candidates.highlighted == 0
        assert [(n.message, n.severity) for n in app._notifications] == [
            ("The disk is full.\nFree some [/] space.", "error")
        ]
    assert bench.decided() == {}


async def test_a_key_typed_ahead_does_not_decide_on_an_unseen_query(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.review.action_none_match()
        app.review.action_none_match()
        await settled(pilot)
        assert app.desk.review.item is not None
        assert app.desk.review.item.query.id == "q8"
    assert verbs(bench) == [Verb.NONE]


async def test_a_query_is_reserved_and_released_afterwards(bench: Bench) -> None:
    app = bench.app("ada")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert bench.desk("bob").review.advance().query.id == "q8"  # type: ignore[union-attr]
        await pilot.press("q")
    app.desk.close()
    assert bench.desk("eve").review.advance().query.id == "q3"  # type: ignore[union-attr]


async def test_an_expired_lease_does_not_overwrite_another_annotator(bench: Bench) -> None:
    desk = bench.desk("ada")
    now = [0.0]
    app = DeskApp(desk)
    app.review = ReviewScreen(desk, clock=lambda: now[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        now[0] += desk.facts.lease_s + 1
        desk.leases.release_all("ada")  # as when the lease has run out
        assert bench.desk("bob").review.advance().query.id == "q3"  # type: ignore[union-attr]
        await pilot.press("a")
        await settled(pilot)
        assert desk.review.item is not None
        assert desk.review.item.query.id == "q8"
    assert bench.decided() == {}


async def test_others_are_named_by_their_initials_and_in_the_comparison(bench: Bench) -> None:
    other = bench.desk("grace.hopper")
    other.review.advance()
    assert other.review.item is not None
    other.review.accept(other.review.item.options[0], [], stay=True)
    other.review.close()
    app = bench.app("ada")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.desk.review.show(other.review.item.query.ref)  # type: ignore[attr-defined]
        app.review.draw()
        await settled(pilot)
        text = screen_text(app)
        assert "gh✓" in text
        assert "grace.hopper" in text
