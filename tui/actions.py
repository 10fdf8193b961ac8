"""Every key of the desk, declared once: bindings, key bar and help come from here; a test holds the README to it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a key does.

    Attributes:
        id: names the binding, so that a keymap can move it to other keys.
        keys: Textual's names of the keys, separated by commas.
        shown: the keys as a person writes them.
        action: Textual's action; empty where Textual itself binds the key.
        label: one or two words for the key bar; empty where it does not stand there.
        help: one sentence.
        rank: place in the key bar when there is not room for all; 1 is the last to go.
        always: a key that does it even where a keymap moves it elsewhere.
    """

    id: str
    keys: str
    shown: str
    action: str
    help: str
    label: str = ""
    rank: int = 9
    always: str = ""


DECIDE = (
    Act("accept", "a", "a", "accept", "The same product: accept the candidate and go on.", "match", 1),
    Act("accept_stay", "A", "A", "accept_stay", "Accept it and stay, for a query with several matches."),
    Act("reject", "x", "x", "reject", "Not the same: reject it, and move to the next.", "no match", 1),
    Act("none", "n", "n", "none_match", "None of these: reject what is on the screen and go on.", "none", 1),
    Act("unsure", "u", "u", "unsure", "You cannot tell: go on, and no model learns from it.", "unsure", 2),
    Act("skip", "s", "s", "skip", "Put the query off; it comes back at the end.", "skip", 2),
    Act("undo", "z", "z", "undo", "Take back your last act; no limit, on any later day.", "undo", 2),
    Act("redo", "Z", "Z", "redo", "Bring back what you took back last."),
)

_PICKS = tuple(
    Act(f"pick_{place}", str(place % 10), str(place % 10), f"pick({place - 1})", f"Go to candidate {place}.")
    for place in range(1, 11)
)

MOVE = (
    Act("next", "enter", "Enter", "next", "Go on to the next query, once this one is answered."),
    Act("down", "j,down", "j ↓", "move(1)", "Go to the next candidate.", always="down"),
    Act("up", "k,up", "k ↑", "move(-1)", "Go to the candidate before.", always="up"),
    *_PICKS,
    Act("scroll_down", "J,pagedown", "J PgDn", "scroll_fields(1)", "Scroll the comparison down.", always="pagedown"),
    Act("scroll_up", "K,pageup", "K PgUp", "scroll_fields(-1)", "Scroll the comparison up.", always="pageup"),
)

BACK = Act("back", "escape", "Esc", "back", "From a query you looked up, back to the one you left.")

LOOK = (
    Act("search", "slash", "/", "search", "Search the whole catalogue for a match not listed.", "search", 3),
    Act("why", "w", "w", "why", "Why the machine put the candidate where it is.", "why", 4),
    Act("guidelines", "g", "g", "guidelines", "What your team calls the same product."),
    Act("history", "h", "h", "history", "Who decided what about this query, and when."),
    Act("past", "o", "o", "past", "Past work, to find and decide anew; flags, comments."),
    Act("trail", "t", "t", "trail", "The trail of your acts, and where undo stands."),
    BACK,
    Act("copy", "y", "y", "copy", "Copy the query and the candidate: ids and titles."),
    Act("judge", "v", "v", "judge", "Ask the judge for a second opinion."),
    Act("blind", "b", "b", "blind", "Hide the machine's opinion, or show it again."),
)

NOTE = (
    Act("flag", "f", "f", "flag", "Flag the query for a second look, or unflag it.", "flag", 5),
    Act("comment", "c", "c", "comment", "Write a comment on the query.", "comment", 5),
)

DESK = (
    Act("palette", "ctrl+p", "ctrl+p", "", "Menu: retrain, evaluate, jobs, streams, export …", "menu", 2),
    Act("help", "question_mark", "?", "help", "Show these keys.", "keys", 1),
    Act("redraw", "ctrl+l", "ctrl+l", "app.redraw", "Paint anew, where something else wrote on the screen."),
    Act("suspend", "ctrl+z", "ctrl+z", "app.suspend_process", "To the shell for a while; fg there comes back."),
    Act("quit", "q,ctrl+q", "q ctrl+q", "app.quit", "Leave; everything you decided is saved already.", always="ctrl+q"),
)

#: The review screen's keys by what they are for.
GROUPS: tuple[tuple[str, tuple[Act, ...]], ...] = (
    ("Decide", DECIDE),
    ("Move", MOVE),
    ("Look closer", LOOK),
    ("Note", NOTE),
    ("Desk", DESK),
)

REVIEW = tuple(act for _, acts in GROUPS for act in acts)

#: What is of use while no query is left.
NOTHING_LEFT = (
    *(replace(act, label="look again", rank=1) for act in REVIEW if act.id == "next"),
    *(act for act in REVIEW if act.id in {"undo", "palette", "help"}),
)

#: While a query is on the screen that was looked up.
LOOKED_UP = (replace(BACK, label="back", rank=1), *(act for act in REVIEW if act is not BACK))

_TO_WORK = Act("to_work", "escape,q", "Esc", "leave", "Enough; start working.", "to work", 1)

#: The desk's own keys, as far as they are of use on practice queries.
PRACTICE = (
    *DECIDE,
    *MOVE,
    *(act for act in REVIEW if act.id in {"guidelines", "help"}),
    _TO_WORK,
)

#: Once a practice query is answered.
PRACTISED = (
    *(replace(act, label="go on", rank=1) for act in MOVE if act.id == "next"),
    *(act for act in PRACTICE if act.id in {"undo", "help"}),
    _TO_WORK,
)

WELCOME = (
    Act("begin", "enter", "Enter", "begin", "Do what the highlighted button says.", "choose", 1),
    _TO_WORK,
)


def bindings(acts: Iterable[Act], *, at_once: bool = False) -> list[BindingType]:
    """The acts as Textual wants them; `at_once` for those that decide where the keys typed after them go."""
    return [
        Binding(act.keys, act.action, act.label or act.help, show=False, tooltip=act.help, priority=at_once, id=act.id)
        for act in acts
        if act.action
    ]


def help_groups(current: Callable[[Act], Act]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The desk's keys by group: (keys, sentence); the ten digits are one line.

    Args:
        current: gives an act the keys that it has now.
    """
    picks = [current(act).shown for act in _PICKS]
    groups = []
    for name, acts in GROUPS:
        lines = [(current(act).shown, act.help) for act in acts if act not in _PICKS]
        if acts is MOVE:
            lines.insert(3, (f"{picks[0]} … {picks[8]} {picks[9]}", f"Go to that candidate; {picks[9]} is the tenth."))
        groups.append((name, lines))
    return groups
