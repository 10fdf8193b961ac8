"""Keys that a person moves, and what keeps them from being locked out."""

from itertools import combinations

import pytest
from desk_bench import Bench, screen_text, settled
from hypothesis import given
from hypothesis import strategies as st

from core.settings import Settings
from tui.actions import REVIEW
from tui.keymap import Keymap, canonical, shown

ACTS = {act.id: act for act in REVIEW if act.action}
#: Digits without shift on a French keyboard.
AZERTY = {f"pick_{place}": f"{place % 10},{key}" for place, key in enumerate("&é\"'(-è_çà", 1)}


@pytest.mark.parametrize(
    ("written", "key", "read"),
    [
        ("a", "a", "a"), ("A", "A", "A"), ("é", "é", "é"), ("?", "question_mark", "?"), ("/", "slash", "/"),
        ("space", "space", "Space"), ("shift+a", "A", "A"), ("ctrl+T", "ctrl+t", "ctrl+t"), ("f2", "f2", "F2"),
        ("pagedown", "pagedown", "PgDn"), ("semicolon", "semicolon", ";"), ("+", "plus", "+"), ("down", "down", "↓"),
        ("ctrl+pageup", "ctrl+pageup", "ctrl+PgUp"), ("ф", "ф", "ф"),
    ],
)  # fmt: skip
def test_a_key_is_read_as_people_write_it(written: str, key: str, read: str) -> None:
    assert canonical(written) == key
    assert shown(key) == read


@pytest.mark.parametrize("written", ["", "spcae", "ctrl+", "strg+a", "<any>", "a b", "f99", "ctrl+ctl+x"])
def test_what_is_no_key_is_none(written: str) -> None:
    assert canonical(written) is None


def test_the_acts_show_the_keys_that_they_have() -> None:
    for act in ACTS.values():
        assert set(act.shown.split()) <= {shown(key) for key in act.keys.split(",")}, act


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"acept": "space"}, "keys.acept: there is no such act; did you mean accept?"),
        ({"accept": "spcae"}, "keys.accept: 'spcae' names no key; accept stays on a."),
        ({"accept": ""}, "keys.accept: '' names no key; accept stays on a."),
        ({"accept": "x"}, "keys.accept: x is the key of reject; accept stays on a."),
        ({"accept": "space", "reject": "space"}, "keys.reject: Space is the key of accept"),
        ({"accept": "ctrl+p"}, "keys.accept: ctrl+p is the key of palette"),
        ({"accept": "ctrl+q"}, "keys.accept: ctrl+q is the key of quit"),
        ({"palette": "m"}, "keys.palette: there is no such act"),
    ],
)
def test_what_cannot_be_followed_is_said_in_a_sentence(wanted: dict[str, str], said: str) -> None:
    keymap = Keymap.of(wanted)
    assert len(keymap.problems) == 1
    assert keymap.problems[0].startswith(said)


def test_names_that_are_hostile_are_inert() -> None:
    assert "\x1b" not in Keymap.of({"a\x1b]52;c;eA==\x07": "b"}).problems[0]


def test_two_acts_may_change_places() -> None:
    keymap = Keymap.of({"accept": "x", "reject": "a"})
    assert not keymap.problems
    assert (keymap.act(ACTS["accept"]).shown, keymap.act(ACTS["reject"]).shown) == ("x", "a")


def test_arrows_and_ctrl_q_are_never_taken_away() -> None:
    keymap = Keymap.of({"down": "e", "up": "i", "none": "N", "quit": "Q"})
    assert not keymap.problems
    shown_now = {name: keymap.act(ACTS[name]).shown for name in ("down", "up", "quit")}
    assert shown_now == {"down": "e ↓", "up": "i ↑", "quit": "Q ctrl+q"}


KEYS = st.lists(
    st.sampled_from([*"aAxXnusjkzZ&é", "space", "ctrl+q", "escape", "ctrl+t", "down", "no key", ""]), max_size=3
)


@given(st.dictionaries(st.sampled_from([*ACTS, "nothing"]), KEYS.map(",".join), max_size=8))
def test_whatever_is_asked_for_nobody_is_locked_out(wanted: dict[str, str]) -> None:
    keymap = Keymap.of(wanted)
    assert len(keymap.moved) + len(keymap.problems) == len(wanted)
    keys = {act.id: set(keymap.act(act).keys.split(",")) for act in REVIEW}
    assert all(keys.values())
    for first, second in combinations(keys, 2):
        assert not keys[first] & keys[second], (first, second)
    assert "ctrl+q" in keymap.act(ACTS["quit"]).keys


async def test_moved_keys_do_it_and_stand_in_bar_help_and_words(bench: Bench) -> None:
    bench.settings = Settings(keys={"accept": "space", "undo": "U", "skip": "e,f2"})
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        first = app.desk.review.item
        await pilot.press("a")
        await settled(pilot)
        assert bench.decided() == {}
        bar = screen_text(app).splitlines()[-1]
        assert bar.startswith(" Space match  x no match")
        assert "e F2 skip" in bar
        await pilot.press("enter")
        await settled(pilot)
        assert "e puts it off, n rejects" in screen_text(app)
        await pilot.press("space")
        await settled(pilot)
        assert bench.decided()["q3-c1"] == ("match", "explicit")
        await pilot.press("U")
        await settled(pilot)
        assert bench.decided() == {}
        assert app.desk.review.item == first
        await pilot.press("question_mark")
        await settled(pilot)
        assert "Space      The same product" in screen_text(app)


async def test_candidates_are_picked_without_shift_on_a_french_keyboard(bench: Bench) -> None:
    bench.settings = Settings(keys=AZERTY)
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for key, place in (("é", 1), ("à", 9), ("ampersand", 0), ("3", 2), ("minus", 5)):
            await pilot.press(key)
            await settled(pilot)
            assert app.review.candidates.highlighted == place
        assert not app.keymap.problems


async def test_problems_are_told_when_the_desk_opens(bench: Bench) -> None:
    bench.settings = Settings(keys={"acept": "space", "reject": "a", "none": "[/]", "skip": "u", "unsure": "nope"})
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        told = [note.message for note in app._notifications]
        assert len(told) == 3
        assert "did you mean accept" in told[0]
        await pilot.press("n")
        await settled(pilot)
        assert bench.decided()["q3-c1"] == ("no_match", "explicit")
