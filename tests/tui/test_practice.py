"""Practice: the desk's keys on invented queries, with feedback, and nothing in the ledger."""

import pytest
from desk_bench import Bench, screen_text, settled
from textual.content import Content
from textual.pilot import Pilot

from labels.model import Decision
from tui.app import DeskApp
from tui.common.guidelines import GuidelinesScreen
from tui.common.help import HelpScreen
from tui.keymap import Keymap
from tui.practice.exercises import EXERCISES, Exercise
from tui.practice.screen import PracticeScreen
from tui.practice.session import Practice


def events(bench: Bench) -> int:
    with bench.store() as store:
        return int(store.connection.execute("SELECT count(*) FROM events").fetchone()[0])


async def practising(pilot: Pilot[None], app: DeskApp) -> PracticeScreen:
    await settled(pilot)
    app.open(PracticeScreen(app.desk))
    await settled(pilot)
    assert isinstance(app.screen, PracticeScreen)
    return app.screen


async def press(pilot: Pilot[None], *keys: str) -> str:
    for key in keys:
        await pilot.press(key)
        await settled(pilot)
    return " ".join(screen_text(pilot.app).replace("▌", " ").split())


async def test_right_answers_lead_through_and_back_to_the_desk(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await practising(pilot, app)
        text = await press(pilot)
        assert "PRACTICE 1 of 3 nothing here is saved" in text
        assert "Which candidate is the same product" in text
        for exercise, keys in zip(EXERCISES, (("a",), ("n",), ("A", "3", "a")), strict=True):
            text = await press(pilot, *keys)
            assert f"Right. {Keymap({}).fill(exercise.explanation)}" in text
            text = await press(pilot, "enter")
        assert "That was the practice" in text
        await press(pilot, "enter")
        assert app.screen is app.review
    assert events(bench) == 0


@pytest.mark.parametrize(
    ("before", "keys", "said"),
    [
        ((), ("2", "a"), "Look again. KT-210 is another model"),
        ((), ("n",), "Look again. The first is the same"),
        ((), ("u",), "Models are not trained on that"),
        ((), ("2", "x"), "Right. KT-210 is another model"),
        ((), ("x",), "Look again. The first is the same"),
        ((), tuple("4x3x2x1x"), "Look again. The first is the same"),
        (("a", "enter"), ("a",), "Look again. 65 inch is not 55 inch"),
        (("a", "enter"), tuple("xxxx"), "Right. The first has 65 inch"),
        (("a", "enter", "n", "enter"), ("a",), "Look again. The first and the third"),
        (("a", "enter", "n", "enter"), ("A",), "Right. Is there another one?"),
        (("a", "enter", "n", "enter"), ("2", "A"), "Look again. 48 batteries are not 24"),
        (("a", "enter", "n", "enter"), ("A", "enter"), "That was the practice"),
    ],
)
async def test_feedback_on_each_answer(bench: Bench, before: tuple[str, ...], keys: tuple[str, ...], said: str) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await practising(pilot, app)
        assert said in await press(pilot, *before, *keys)
    assert events(bench) == 0


async def test_an_answer_is_undone_and_redone(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await practising(pilot, app)
        assert "nothing to undo" in await press(pilot, "z")
        assert "Look again" in await press(pilot, "2", "a")
        text = await press(pilot, "z")
        assert "Look again" not in text
        assert "Which candidate is the same product" in text
        assert "Look again" in await press(pilot, "Z")
        assert "PRACTICE 1 of 3" in await press(pilot, "enter", "z", "z")


async def test_going_on_needs_an_answer_and_a_skipped_query_returns(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await practising(pilot, app)
        assert "Not answered yet" in await press(pilot, "enter")
        await press(pilot, "s")
        assert screen.session.item == EXERCISES[1].item
        await press(pilot, "n", "enter", "A", "3", "a", "enter")
        assert screen.session.item == EXERCISES[0].item


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_it_can_be_left_at_any_time(bench: Bench, key: str) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await practising(pilot, app)
        await press(pilot, "A", key)
        assert app.screen is app.review
        assert app.is_running
    assert events(bench) == 0


async def test_keys_and_guidelines_open_over_it(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await practising(pilot, app)
        for key, opened in (("question_mark", HelpScreen), ("g", GuidelinesScreen)):
            await press(pilot, key)
            assert isinstance(app.screen, opened)
            await press(pilot, "escape")
            assert app.screen is screen


async def test_a_key_typed_ahead_decides_on_nothing_unseen(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await practising(pilot, app)
        screen.action_skip()
        screen.action_none_match()
        await settled(pilot)
        assert screen.session.item == EXERCISES[1].item


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.item.query.brand)
def test_an_exercise_has_feedback_for_every_candidate_that_fits_the_smallest_screen(exercise: Exercise) -> None:
    ids = [option.product.id for option in exercise.item.options]
    assert exercise.matches | exercise.differences.keys() == set(ids)
    assert not exercise.matches & exercise.differences.keys()
    unsure = Practice([exercise])
    unsure.unsure(exercise.item.options[0])
    for text in (exercise.task, f"Right. {exercise.explanation}", f"Look again. {exercise.hint}", unsure.feedback.text):
        assert text.endswith((".", "?"))
        assert len(Content(Keymap({}).fill(text)).wrap(77)) <= 3, text


def test_the_practice_does_not_change_the_exercises() -> None:
    practice = Practice()
    assert practice.item is not None
    practice.accept(practice.item.options[0], practice.item.options)
    assert practice.item.options[0].decision is Decision.MATCH
    practice.advance()
    assert EXERCISES[0].item.options[0].decision is None
    assert Practice().item == EXERCISES[0].item
    while practice.item is not None:
        practice.advance()
    assert practice.undo()
    assert practice.item == EXERCISES[2].item
