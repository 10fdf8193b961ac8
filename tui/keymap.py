"""The keys in force: those of `tui.actions`, but for what `[keys]` in samesku.toml says."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Protocol, runtime_checkable

from textual.app import App
from textual.keys import Keys, _character_to_key, format_key

from core.text.safe import safe
from tui.actions import REVIEW, SCREENS, Act

#: Acts whose letters other screens share.
_MOVING = {"down", "up", "scroll_down", "scroll_up", "undo", "redo"}
#: And those whose letter also leaves the screen that it opened, or lists the keys of another.
_LEAVING = {"quit", "help", "guidelines", "history", "trail"}


def following(moved: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The keys of each act of another screen that has others because acts of the review screen were moved.

    A letter that means something else on a screen keeps that meaning there; arrows and Escape always stay.

    Args:
        moved: the keys of each act of the review screen that was moved, as Textual writes them.
    """
    new = {act.id: _keys(act, moved) for screen in SCREENS for act in screen}
    found: dict[str, tuple[str, ...]] = {}
    for act in (act for screen in SCREENS for act in screen):
        if act.id in moved or not new[act.id][1]:
            continue
        stay, come = new[act.id]
        elsewhere = {
            key
            for screen in SCREENS
            if act in screen
            for other in screen
            if other.id != act.id
            for key in moved.get(other.id, new[other.id][0])
        }
        keys = (*(key for key in come if key not in elsewhere), *stay)
        if keys:
            found[act.id] = keys
    return found


def _keys(act: Act, moved: Mapping[str, tuple[str, ...]]) -> tuple[list[str], list[str]]:
    """The keys of an act that stay, and those that come for the ones that do not."""
    stay, come = [], []
    for key in act.keys.split(","):
        leader = _LEADERS.get(key)
        follows = leader is not None and leader.id in (_LEAVING if act.action in {"leave", "keys"} else _MOVING)
        if leader is not None and follows and leader.id in moved:
            come += [other for other in moved[leader.id] if other != leader.always]
        else:
            stay.append(key)
    return stay, come


#: By letter: what never moves is nobody's letter.
_LEADERS = {
    key: act for act in REVIEW if act.id in _MOVING | _LEAVING for key in act.keys.split(",") if key != act.always
}


_NAMES = {key.value for key in Keys if key.value[:1] != "<"}
#: As Textual reads them in front of a plus sign.
_HELD = {"ctrl", "alt", "shift", "super", "meta", "hyper"}

_SHOWN = {
    "up": "↑", "down": "↓", "left": "←", "right": "→", "escape": "Esc", "enter": "Enter", "space": "Space",
    "tab": "Tab", "pagedown": "PgDn", "pageup": "PgUp", "home": "Home", "end": "End", "insert": "Ins",
    "delete": "Del", "backspace": "Backspace",
}  # fmt: skip

_LIKE_THIS = "Keys are written like a, A, é, space, f2, ctrl+t or pagedown, with commas between several"


@dataclass(frozen=True)
class Keymap:
    """Which keys do what.

    Attributes:
        moved: the keys of each act that has others than its own, as Textual writes them.
        problems: what of the settings could not be followed; one sentence each.
        follow: the keys of each act of another screen that goes with them.
    """

    moved: dict[str, tuple[str, ...]]
    problems: tuple[str, ...] = ()
    follow: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, wanted: Mapping[str, str]) -> "Keymap":
        """The keymap that settings ask for; what cannot be followed leaves an act on its own keys."""
        moved: dict[str, tuple[str, ...]] = {}
        problems: list[str] = []
        for name, text in wanted.items():
            if name not in _ACTS:
                problems.append(f"keys.{safe(name)}: there is no such act{_meant(name)}")
                continue
            keys = [canonical(part.strip()) for part in text.split(",")]
            if None in keys:
                problems.append(f"keys.{name}: {safe(text)!r} names no key; {_stays(name)}. {_LIKE_THIS}.")
            else:
                moved[name] = tuple(dict.fromkeys(key for key in (*keys, _ACTS[name].always) if key))
        while moved and (clash := _clash(moved)):
            name, why = clash
            del moved[name]
            problems.append(f"keys.{name}: {why}; {_stays(name)}.")
        return cls(moved, tuple(problems), following(moved))

    def act(self, act: Act) -> Act:
        """An act with the keys that it has now."""
        if act.id in self.moved:
            keys = self.moved[act.id]
            return replace(act, keys=",".join(keys), shown=" ".join(map(shown, keys)))
        keys = self.follow.get(act.id, ())
        return replace(act, keys=",".join(keys), shown=_instead(act, keys)) if keys else act

    def fill(self, sentence: str) -> str:
        """A sentence of the desk's own with keys in the place of `{accept}` and the like."""
        return sentence.format_map({act.id: self.act(act).shown.split()[0] for act in REVIEW})

    @property
    def textual(self) -> dict[str, str]:
        """For `App.set_keymap`."""
        return {name: ",".join(keys) for name, keys in (self.moved | self.follow).items()}


@runtime_checkable
class Mapped(Protocol):
    """An app with keys that may have been moved."""

    keymap: Keymap


def keymap_of(app: App[Any]) -> Keymap:
    """The keymap of the running desk; a bare app of a test has none."""
    return app.keymap if isinstance(app, Mapped) else Keymap({})


def canonical(key: str) -> str | None:
    """A key as Textual names it when it is pressed; None where it is no key."""
    held, plus, base = key.rpartition("+") if len(key) > 1 else ("", "", key)
    modifiers = held.casefold().split("+") if plus else []
    if not base or not set(modifiers) <= _HELD:
        return None
    if len(base) == 1:
        if modifiers == ["shift"]:
            return base.upper()
        base = _character_to_key(base.casefold() if modifiers else base)
    elif base not in _NAMES and not _is_text(base):
        return None
    return "+".join([*modifiers, base])


def shown(key: str) -> str:
    """A key as people write it."""
    held, plus, base = key.rpartition("+")
    name = _SHOWN.get(base) or (base.upper() if base in _NAMES else format_key(base))
    return held + plus + name


#: All but the menu's, which Textual itself binds, and which is to be had wherever one is.
_ACTS: dict[str, Act] = {act.id: act for act in REVIEW if act.action}
_TAKEN = {act.id: act.keys.split(",") for act in REVIEW}


def _clash(moved: Mapping[str, tuple[str, ...]]) -> tuple[str, str] | None:
    """An act that cannot be moved where it was, and why: another act has that key."""
    order = list(moved)
    keys = {**_TAKEN, **moved}
    for first, second in combinations(keys, 2):
        common = [key for key in keys[first] if key in keys[second]]
        if common:
            # Of two that were moved, the one that was written last gives way.
            loser = max((first, second), key=lambda name: order.index(name) if name in moved else -1)
            other = second if loser == first else first
            return loser, f"{shown(common[0])} is the key of {other}"
    return None


def _instead(act: Act, keys: tuple[str, ...]) -> str:
    """What is shown of an act, with its new keys in the place of those that it has lost."""
    own = act.keys.split(",")
    told = act.shown.split()
    kept = [each for each in told if each not in {shown(key) for key in own if key not in keys}]
    come = [shown(key) for key in keys if key not in own] if kept != told else []
    return " ".join([*come, *kept]) or act.shown


def _is_text(key: str) -> bool:
    """Whether a text field takes it as a character."""
    return key == "space" or (key not in _NAMES and len(format_key(key)) == 1)


def _stays(name: str) -> str:
    act = _ACTS[name]
    return f"{name} stays on {act.shown}"


def _meant(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only after a slip

    near = get_close_matches(name, _ACTS, 1)
    return f"; did you mean {near[0]}?" if near else "."


def with_keys(facts: dict[str, Any], keymap: Keymap) -> dict[str, Any]:
    """What the doctor found, and whether all that `[keys]` asks for could be followed."""
    told = {**facts, "keys": f"{len(keymap.moved)} moved" if keymap.moved else "none moved"}
    problems = [str(facts["problem"])] if "problem" in facts else []
    if problems := [*problems, *keymap.problems]:
        told["problem"] = " ".join(problems)
    return told
