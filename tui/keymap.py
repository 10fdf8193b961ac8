"""The key map: the default keys of `tui.key_bindings` with the overrides of `[keys]` in samesku.toml applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Protocol, runtime_checkable

from textual.app import App
from textual.keys import Keys, format_key

from core.text.safe import safe
from tui.key_bindings import REVIEW, SCREENS, Act
from tui.textual_compat import character_to_key

#: Textual's key names, without its placeholders such as `<any>`.
_KEY_NAMES = {key.value for key in Keys if key.value[:1] != "<"}
#: Textual's modifiers, as in `ctrl+t`.
_MODIFIERS = {"ctrl", "alt", "shift", "super", "meta", "hyper"}

_DISPLAY_NAMES = {
    "up": "↑", "down": "↓", "left": "←", "right": "→", "escape": "Esc", "enter": "Enter", "space": "Space",
    "tab": "Tab", "pagedown": "PgDn", "pageup": "PgUp", "home": "Home", "end": "End", "insert": "Ins",
    "delete": "Del", "backspace": "Backspace",
}  # fmt: skip

_SYNTAX = "Keys are written like a, A, é, space, f2, ctrl+t or pagedown, with commas between several"

#: Actions that can be remapped: all but the menu, which Textual itself binds.
_REMAPPABLE: dict[str, Act] = {act.id: act for act in REVIEW if act.action}
_DEFAULT_KEYS = {act.id: act.keys.split(",") for act in REVIEW}


@dataclass(frozen=True)
class Keymap:
    """Which keys do what.

    Attributes:
        overrides: the keys of each remapped action of the review screen, as Textual names them.
        problems: settings that could not be applied; one sentence each.
        linked: the keys of each action of another screen that follows a remapped one.
    """

    overrides: dict[str, tuple[str, ...]]
    problems: tuple[str, ...] = ()
    linked: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> "Keymap":
        """The keymap for `[keys]`; an action whose setting cannot be applied keeps its default keys.

        Args:
            settings: keys by the action's id, separated by commas.
        """
        overrides: dict[str, tuple[str, ...]] = {}
        problems: list[str] = []
        for name, text in settings.items():
            if name not in _REMAPPABLE:
                problems.append(f"keys.{safe(name)}: there is no such action{_suggestion(name)}")
                continue
            keys = [canonical(part.strip()) for part in text.split(",")]
            if None in keys:
                problems.append(f"keys.{name}: {safe(text)!r} is not a key; {_keeps_default(name)}. {_SYNTAX}.")
            else:
                overrides[name] = tuple(dict.fromkeys(key for key in (*keys, _REMAPPABLE[name].always) if key))
        while overrides and (conflict := _conflict(overrides)):
            name, reason = conflict
            del overrides[name]
            problems.append(f"keys.{name}: {reason}; {_keeps_default(name)}.")
        return cls(overrides, tuple(problems), linked_keys(overrides))

    def act(self, act: Act) -> Act:
        """An action with the keys that it has in this keymap."""
        if act.id in self.overrides:
            keys = self.overrides[act.id]
            return replace(act, keys=",".join(keys), shown=" ".join(map(shown, keys)))
        keys = self.linked.get(act.id, ())
        return replace(act, keys=",".join(keys), shown=_shown_with(act, keys)) if keys else act

    def fill(self, sentence: str) -> str:
        """A sentence with `{accept}` and the like replaced by the keys of these actions."""
        return sentence.format_map({act.id: self.act(act).shown.split()[0] for act in REVIEW})

    @property
    def textual(self) -> dict[str, str]:
        """For `App.set_keymap`."""
        return {name: ",".join(keys) for name, keys in (self.overrides | self.linked).items()}


def _conflict(overrides: Mapping[str, tuple[str, ...]]) -> tuple[str, str] | None:
    """A remapped action whose key another action has, and the reason as a clause; None where there is none."""
    order = list(overrides)
    keys = {**_DEFAULT_KEYS, **overrides}
    for first, second in combinations(keys, 2):
        common = [key for key in keys[first] if key in keys[second]]
        if common:
            # Of two remapped actions, the one that was set last loses its override.
            loser = max((first, second), key=lambda name: order.index(name) if name in overrides else -1)
            other = second if loser == first else first
            return loser, f"{shown(common[0])} is the key of {other}"
    for screen in SCREENS:
        fixed = {key: act for act in screen if act.id not in keys for key in _split_keys(act, overrides)[0]}
        for name in (act.id for act in screen if act.id in overrides):
            if taken := next((key for key in overrides[name] if key in fixed), None):
                return name, f"{shown(taken)} is the key of {fixed[taken].label or fixed[taken].id} on another screen"
    return None


def _keeps_default(name: str) -> str:
    return f"{name} stays on {_REMAPPABLE[name].shown}"


def _suggestion(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - rarely needed

    near = get_close_matches(name, _REMAPPABLE, 1)
    return f"; did you mean {near[0]}?" if near else "."


def _shown_with(act: Act, keys: tuple[str, ...]) -> str:
    """`act.shown` with the keys that the action has lost replaced by its new ones."""
    own = act.keys.split(",")
    before = act.shown.split()
    remaining = [each for each in before if each not in {shown(key) for key in own if key not in keys}]
    added = [shown(key) for key in keys if key not in own] if remaining != before else []
    return " ".join([*added, *remaining]) or act.shown


# -- keys of other screens that follow the review screen -------------------------------------------------------

#: Actions of the review screen whose letters other screens share.
_SHARED = {"down", "up", "scroll_down", "scroll_up", "undo", "redo"}
#: Actions whose letter also closes the screen that it opened, or lists the keys of another screen.
_SHARED_ON_LEAVE = {"quit", "help", "guidelines", "history", "trail"}
#: The action of the review screen that a letter follows; keys that are never remapped are left out.
_LEADERS = {
    key: act
    for act in REVIEW
    if act.id in _SHARED | _SHARED_ON_LEAVE
    for key in act.keys.split(",")
    if key != act.always
}


def linked_keys(overrides: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The keys of each action of another screen that change because actions of the review screen were remapped.

    A letter that means something else on a screen keeps that meaning there; arrows and Escape never change.

    Args:
        overrides: the keys of each remapped action of the review screen, as Textual names them.
    """
    split = {act.id: _split_keys(act, overrides) for screen in SCREENS for act in screen}
    linked: dict[str, tuple[str, ...]] = {}
    for act in (act for screen in SCREENS for act in screen):
        own, inherited = split[act.id]
        if act.id in overrides or not inherited:
            continue
        taken = {
            key
            for screen in SCREENS
            if act in screen
            for other in screen
            if other.id != act.id
            for key in overrides.get(other.id, split[other.id][0])
        }
        keys = (*(key for key in inherited if key not in taken), *own)
        if keys:
            linked[act.id] = keys
    return linked


def _split_keys(act: Act, overrides: Mapping[str, tuple[str, ...]]) -> tuple[list[str], list[str]]:
    """The keys that an action keeps, and those that replace the ones it loses to an override."""
    own, inherited = [], []
    for key in act.keys.split(","):
        leader = _LEADERS.get(key)
        shared = leader is not None and leader.id in (_SHARED_ON_LEAVE if act.action in {"leave", "keys"} else _SHARED)
        if leader is not None and shared and leader.id in overrides:
            inherited += [other for other in overrides[leader.id] if other != leader.always]
        else:
            own.append(key)
    return own, inherited


# -- names of keys -----------------------------------------------------------------------------------------


def canonical(key: str) -> str | None:
    """A key as Textual names it when it is pressed; None for an unknown key."""
    held, plus, base = key.rpartition("+") if len(key) > 1 else ("", "", key)
    modifiers = held.casefold().split("+") if plus else []
    if not base or not set(modifiers) <= _MODIFIERS:
        return None
    if len(base) == 1:
        if modifiers == ["shift"]:
            return base.upper()
        base = character_to_key(base.casefold() if modifiers else base)
    elif base not in _KEY_NAMES and not _is_text(base):
        return None
    return "+".join([*modifiers, base])


def shown(key: str) -> str:
    """A key as the screen writes it, such as `PgDn`."""
    held, plus, base = key.rpartition("+")
    name = _DISPLAY_NAMES.get(base) or (base.upper() if base in _KEY_NAMES else format_key(base))
    return held + plus + name


def _is_text(key: str) -> bool:
    """Whether the key types a character."""
    return key == "space" or (key not in _KEY_NAMES and len(format_key(key)) == 1)


# -- the keymap of the running app -------------------------------------------------------------------------


@runtime_checkable
class HasKeymap(Protocol):
    """An app with a keymap."""

    keymap: Keymap


def keymap_of(app: App[Any]) -> Keymap:
    """The keymap of the running desk; the default keys for an app without one."""
    return app.keymap if isinstance(app, HasKeymap) else Keymap({})


def with_keys(facts: dict[str, Any], keymap: Keymap) -> dict[str, Any]:
    """The doctor's facts with the number of remapped keys added, and the keymap's problems."""
    count = len(keymap.overrides)
    extended = {**facts, "keys": f"{count} remapped" if count else "none remapped"}
    problems = [str(facts["problem"])] if "problem" in facts else []
    if problems := [*problems, *keymap.problems]:
        extended["problem"] = " ".join(problems)
    return extended
