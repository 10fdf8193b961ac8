"""The commands of the plain desk, with the screen's keys and remappings."""

import io
from contextlib import suppress

import pytest
from desk_bench import Bench
from hypothesis import given
from hypothesis import strategies as st
from test_keymap import AZERTY
from test_plain import talk

from core.settings import Settings
from tui.errors import DeskError
from tui.key_bindings import REVIEW
from tui.keymap import Keymap
from tui.plain.desk import LineWriter, PlainDesk
from tui.plain.keys import COMMANDS, PlainKeys

#: What a line needs no command for: Enter alone goes on and back, a number goes to a candidate, the terminal itself
#: suspends; the menu's screens are verbs of the command line.
OF_THE_SCREEN = {"down", "up", "scroll_down", "scroll_up", "back", "palette", "redraw", "suspend"}


def keys(**moved: str) -> PlainKeys:
    """The letters, some of them moved."""
    return PlainKeys(Keymap.of(moved))


def test_every_action_of_the_review_screen_has_a_command() -> None:
    missing = {act.id for act in REVIEW} - {command.name for command in COMMANDS} - OF_THE_SCREEN
    assert {name for name in missing if not name.startswith("pick_")} == set()


def test_the_letters_are_those_of_the_screen() -> None:
    for act in REVIEW:
        if act.id in {command.name for command in COMMANDS} and act.id != "next":
            assert keys().key_for(act.id) == act.shown.split()[0]


def test_every_command_is_implemented(bench: Bench) -> None:
    plain = PlainDesk(bench.desk(), LineWriter(io.StringIO()))
    assert set(plain.commands) == {command.name for command in COMMANDS} - {"quit"}


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("a 3", ("accept", "3")), ("a3", ("accept", "3")), ("A 3", ("accept_stay", "3")), ("a /1", ("accept", "/1")),
        ("o/1", ("past", "/1")), ("/nikon lens", ("search", "nikon lens")), ("/ nikon", ("search", "nikon")),
        ("c  look again ", ("comment", "look again")), ("comment look", ("comment", "look")), ("none", ("none", "")),
        ("", ("next", "")), ("  ", ("next", "")), ("3", ("details", "3")), ("10", ("details", "10")),
        ("S audit", ("streams", "audit")), ("?", ("help", "")),
    ],
)  # fmt: skip
def test_a_line_is_a_letter_or_a_name_and_what_follows(line: str, read: tuple[str, str]) -> None:
    assert keys().read(line) == read


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nikon", "“nikon” is not a key here; ? lists the keys."),
        ("no", "“no” is not a key here; ? lists the keys."),
        ("n 3", "n takes no argument; nothing was done."),
        ("skip it", "s takes no argument; nothing was done."),
        ("cold plate missing", "“cold” is not a key here; ? lists the keys."),
        ("m", "“m” is not a key here; ? lists the keys."),
        ("ф 3", "“ф” is not a key here: switch the keyboard to Latin letters."),
        ("é", '“é” is not a key here: digits need shift, or pick_2 = "2,é" under [keys].'),
        ("a\x1b[2J", "“a␛[2J” is not a key here; ? lists the keys."),
    ],
)
def test_invalid_commands_decide_nothing_and_are_reported(line: str, said: str) -> None:
    with pytest.raises(DeskError) as refused:
        keys().read(line)
    assert refused.value.message == said


def test_remapped_keys_apply_to_lines() -> None:
    moved = keys(accept="ф", reject="a", undo="U,f2", search="space", skip="d", **AZERTY)
    assert moved.read("ф 3") == ("accept", "3")
    assert moved.read("a 3") == ("reject", "3")
    assert moved.read("U") == ("undo", "")
    assert moved.read("é") == ("details", "2")
    # What cannot begin a line is asked for by its name, and so is what had to give its letter away.
    assert moved.key_for("search") == "search"
    assert moved.read("d") == ("skip", "")
    assert moved.read("details 3") == ("details", "3")
    assert "ф 3: the same product" in moved.help()[0]


@given(st.text(max_size=30))
def test_any_line_is_a_command_or_a_sentence(line: str) -> None:
    with suppress(DeskError):
        name, _ = keys().read(line)
        assert name in {command.name for command in COMMANDS}


def test_remapped_keys_appear_in_the_texts(bench: Bench) -> None:
    bench.settings = Settings(keys={"accept": "g", "guidelines": "G", "help": "f1", "nothing": "x"})
    said = talk(bench, "help", "g 2", "G", "q")
    assert "Each line is a letter, with a number where needed; help lists the commands." in said
    assert "keys.nothing: there is no such action" in said
    assert "g 3: the same product" in said
    assert bench.decided()["q3-c2"] == ("match", "explicit")
