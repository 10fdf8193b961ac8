"""Keys of other screens that go with those of the review screen: lists move by whatever moves the candidates."""

from collections.abc import Mapping

from tui.actions import REVIEW, Act
from tui.page_actions import SCREENS

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
