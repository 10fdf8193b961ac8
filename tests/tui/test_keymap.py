"""Remapped keys, and the guarantees that no action becomes unreachable."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from desk_bench import Bench, screen_text, settled
from hypothesis import example, given
from hypothesis import strategies as st
from textual.screen import Screen
from typer.testing import CliRunner

import tui
from core.cli.app import make_app
from core.settings import Settings, load_settings
from tui import key_bindings
from tui.command_line import doctor
from tui.common.doctor import DoctorScreen
from tui.common.key_bar import KeyBar
from tui.common.lists import PagedList
from tui.common.settings import SettingsScreen
from tui.key_bindings import EVALUATION, MODELS, REVIEW, SCREENS, TRAIL, Act
from tui.keymap import Keymap, canonical, shown
from tui.layout_hint import LayoutHint
from tui.statistics.streams import StreamsScreen

ACTS = {act.id: act for act in REVIEW if act.action}
#: Digits without shift on a French keyboard.
AZERTY = {f"pick_{place}": f"{place % 10},{key}" for place, key in enumerate("&é\"'(-è_çà", 1)}


def screens(base: type[Screen[Any]] = Screen) -> Iterator[type[Screen[Any]]]:
    """Every screen and dialog of the desk."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        importlib.import_module(module.name)
    for inner in base.__subclasses__():
        if inner.__module__.startswith("tui."):
            yield inner
        yield from screens(inner)


def test_every_key_on_a_key_bar_works_there() -> None:
    """Enter of a text field is the field's own."""
    faults = []
    for screen in screens():
        acts = getattr(screen, "ACTS", ())
        bound = {binding.action for _, binding in screen._merged_bindings or ()}
        for act in (act for act in acts if act.label and act.keys != "enter"):
            handler = getattr(screen, f"action_{act.action.partition('(')[0]}", None)
            if act.action not in bound or handler is None:
                faults.append(f"{screen.__name__}: {act.shown}")
    assert faults == []


@pytest.mark.parametrize(
    ("written", "key", "read"),
    [
        ("a", "a", "a"), ("A", "A", "A"), ("é", "é", "é"), ("?", "question_mark", "?"), ("/", "slash", "/"),
        ("space", "space", "Space"), ("shift+a", "A", "A"), ("ctrl+T", "ctrl+t", "ctrl+t"), ("f2", "f2", "F2"),
        ("pagedown", "pagedown", "PgDn"), ("semicolon", "semicolon", ";"), ("+", "plus", "+"), ("down", "down", "↓"),
        ("ctrl+pageup", "ctrl+pageup", "ctrl+PgUp"), ("ф", "ф", "ф"),
    ],
)  # fmt: skip
def test_keys_are_read_as_written(written: str, key: str, read: str) -> None:
    assert canonical(written) == key
    assert shown(key) == read


@pytest.mark.parametrize("written", ["", "spcae", "ctrl+", "strg+a", "<any>", "a b", "f99", "ctrl+ctl+x"])
def test_unknown_keys_are_none(written: str) -> None:
    assert canonical(written) is None


def test_actions_show_their_keys() -> None:
    for act in ACTS.values():
        assert set(act.shown.split()) <= {shown(key) for key in act.keys.split(",")}, act


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"acept": "space"}, "keys.acept: there is no such action; did you mean accept?"),
        ({"accept": "spcae"}, "keys.accept: 'spcae' is not a key; accept stays on a."),
        ({"accept": ""}, "keys.accept: '' is not a key; accept stays on a."),
        ({"accept": "x"}, "keys.accept: x is the key of reject; accept stays on a."),
        ({"accept": "space", "reject": "space"}, "keys.reject: Space is the key of accept"),
        ({"accept": "ctrl+p"}, "keys.accept: ctrl+p is the key of palette"),
        ({"accept": "ctrl+q"}, "keys.accept: ctrl+q is the key of quit"),
        ({"palette": "m"}, "keys.palette: there is no such action"),
    ],
)
def test_invalid_settings_are_reported_in_a_sentence(wanted: dict[str, str], said: str) -> None:
    keymap = Keymap.of(wanted)
    assert len(keymap.problems) == 1
    assert keymap.problems[0].startswith(said)


def test_hostile_names_are_inert() -> None:
    assert "\x1b" not in Keymap.of({"a\x1b]52;c;eA==\x07": "b"}).problems[0]


def test_two_actions_may_swap_keys() -> None:
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
def test_no_settings_lock_anyone_out(wanted: dict[str, str]) -> None:
    keymap = Keymap.of(wanted)
    assert len(keymap.overrides) + len(keymap.problems) == len(wanted)
    keys = {act.id: set(keymap.act(act).keys.split(",")) for act in REVIEW}
    assert all(keys.values())
    for first, second in combinations(keys, 2):
        assert not keys[first] & keys[second], (first, second)
    assert "ctrl+q" in keymap.act(ACTS["quit"]).keys


async def test_remapped_keys_work_and_are_shown(bench: Bench) -> None:
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
        assert "e skips it, n rejects" in screen_text(app)
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


async def test_lists_follow_the_keys_of_the_candidates(bench: Bench) -> None:
    bench.settings = Settings(keys={"down": "e", "up": "i", "quit": "Q"})
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await app.push_screen(StreamsScreen(app.desk))
        await settled(pilot)
        rows = app.screen.query_one(PagedList)
        for key, place in (("e", 1), ("j", 1), ("down", 2), ("i", 1), ("up", 0)):
            await pilot.press(key)
            await settled(pilot)
            assert rows.highlighted == place
        assert "e ↓ move" in screen_text(app).splitlines()[-1]
        await pilot.press("q")
        await settled(pilot)
        assert isinstance(app.screen, StreamsScreen)
        await pilot.press("Q")
        await settled(pilot)
        assert app.screen is app.review


def test_a_letter_with_a_meaning_of_its_own_on_a_screen_keeps_it_there() -> None:
    keymap = Keymap.of({"down": "e", "up": "p", "trail": "l", "history": "F"})
    assert keymap.linked["stream_down"] == ("e", "down")
    # `e` evaluates there, and `p` puts an encoder in use.
    assert keymap.linked["figures_down"] == ("down", "J", "pagedown")
    assert keymap.linked["model_up"] == ("up",)
    assert keymap.linked["leave_history"] == ("F",)
    assert {act.id: keymap.act(act).shown for act in TRAIL}["leave_trail"] == "l q"
    assert {act.id: keymap.act(act).shown for act in EVALUATION}["figures_down"] == "↓"
    assert {act.id: keymap.act(act).shown for act in MODELS}["model_filter"] == "f"


async def test_the_settings_show_the_keys_in_force(bench: Bench) -> None:
    bench.workspace.settings.write_text('[keys]\naccept = "space"\nacept = "[/]"\n')
    bench.settings = load_settings(bench.workspace.settings)
    app = bench.app()
    async with app.run_test(size=(120, 300)) as pilot:
        await settled(pilot)
        await app.push_screen(SettingsScreen(app.desk))
        await settled(pilot)
        text = screen_text(app)
        assert re.search(r'accept +"space"  from the file', text)
        assert "In force: Space. The same product: accept" in text
        assert "✗ keys.acept: there is no such action; did you mean accept?" in text


async def test_the_doctor_screen_reports_key_problems(bench: Bench) -> None:
    bench.settings = Settings(keys={"reject": "a", "down": "e,j"})
    app = bench.app()
    async with app.run_test(size=(120, 50)) as pilot:
        await settled(pilot)
        await app.push_screen(DoctorScreen(app.desk.verbs))
        await settled(pilot)
        text = screen_text(app)
        assert "✗ keys.reject: a is the key of accept; reject stays on x." in text
        assert re.search(r"✓ keys +1 remapped", text)


@pytest.mark.parametrize(("keys", "code"), [('accept = "space"', 0), ('accept = "spcae"', 1)])
def test_samesku_doctor_checks_the_keys(bench: Bench, keys: str, code: int) -> None:
    bench.workspace.settings.write_text(f"[keys]\n{keys}\n")
    arguments = ["--home", str(bench.workspace.home), "doctor"]
    done = CliRunner().invoke(make_app([doctor]), arguments)
    assert done.exit_code == code
    assert ("'spcae' is not a key" in done.output) is bool(code)
    assert ("keys: 1 remapped" in done.output) is not bool(code)


def test_every_action_belongs_to_a_screen() -> None:
    known = {act.id for screen in (*SCREENS, REVIEW) for act in screen}
    for name, acts in vars(key_bindings).items():
        if isinstance(acts, tuple) and acts and isinstance(acts[0], Act):
            assert {act.id for act in acts} <= known, name


@given(st.dictionaries(st.sampled_from([*ACTS]), KEYS.map(",".join), max_size=6))
@example({"help": "escape", "back": "X"})
def test_no_remapped_key_conflicts_on_another_screen(wanted: dict[str, str]) -> None:
    keymap = Keymap.of(wanted)
    for screen in SCREENS:
        owners: dict[str, str] = {}
        for act in (keymap.act(act) for act in screen):
            for key in act.keys.split(","):
                assert owners.setdefault(key, act.id) == act.id, (key, screen)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("фф", "“ф” is not a key here: switch the keyboard to Latin letters."),
        ("éç", '“ç” is not a key here: digits need shift, or pick_9 = "9,ç" under [keys].'),
        ("mm", "“m” is not a key here; ? lists the keys."),
        ("ф", ""),
        ("фjф", ""),
    ],
)
async def test_the_second_key_of_another_layout_shows_a_hint(bench: Bench, keys: str, said: str) -> None:
    app = bench.app()
    async with app.run_test(size=(100, 24)) as pilot:
        await settled(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        assert app.review.query_one(KeyBar).notice == said


def test_ctrl_with_a_letter_of_another_alphabet_shows_a_hint() -> None:
    hint = LayoutHint()
    assert hint.on_key("ctrl+з", None, "?", bound=False) == ""
    assert "Latin letters" in hint.on_key("ctrl+й", None, "?", bound=False)
    for key in ("ctrl+w", "f9", "tab", "shift+up"):
        assert hint.on_key(key, None, "?", bound=False) == ""


async def test_problems_are_reported_at_startup(bench: Bench) -> None:
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
