"""What somebody who sits down here for the first time is shown, once."""

from collections.abc import Iterable
from datetime import datetime

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from core.queue.last_session import SessionEnd, SessionRecord
from core.text.safe import safe
from labels.history import LatestDecision
from labels.wording import counted
from tui.actions import BUTTONS, WELCOME, bindings
from tui.common.dialogs import Dialog
from tui.common.words import VERB_WORDS, shortened
from tui.keymap import keymap_of
from tui.theme import KEY, MUTED

_WORK = "On top stands a listing; below it are up to ten that may be the same product. Say which of them is."
_KEYS = (
    ("{accept}", "this one is the same product"),
    ("{none}", "none of these is"),
    ("{down} {up}", "another candidate; or press its number"),
    ("{unsure}", "the listings do not tell"),
    ("{undo}", "take the last answer back, as often as you like"),
    ("{guidelines}", "what your team calls the same product"),
    ("{help}", "all keys"),
)
_SAFE = "Whatever you say is saved at once, and can be taken back."


class WelcomeDialog(Dialog[bool]):
    """The few keys that matter; True means practice."""

    BINDINGS = bindings((*WELCOME, *BUTTONS))
    HEADLINE = "Welcome"
    ACTS = WELCOME
    AUTO_FOCUS = "#practise"

    def body(self) -> Iterable[Widget]:
        """What there is to do, the keys, and two ways on."""
        yield Static(_WORK, classes="dialog-text", markup=False)
        lines = [Content.assemble((keymap_of(self.app).fill(keys).ljust(7), KEY), words) for keys, words in _KEYS]
        yield Static(Content("\n").join(lines), classes="dialog-text", markup=False)
        yield Static(Content.styled(_SAFE, MUTED), classes="dialog-text", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Practise on three queries", id="practise", variant="primary", compact=True)
            yield Button("Start working", id="work", compact=True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "practise")

    def action_begin(self) -> None:
        """What Enter does, by a click on the key bar."""
        focused = self.focused
        if isinstance(focused, Button):
            focused.press()


_LONGEST_TITLE = 60


def how_it_ended(last: SessionRecord, latest: LatestDecision | None, title: str) -> str:
    """What became of it, and of what was decided in it.

    Args:
        last: the sitting.
        latest: what was decided since it began.
        title: of the query that was decided on last.
    """
    if last.ending is SessionEnd.DISCONNECTED:
        ended = f"The line to your last sitting was cut at {_moment(last.ended_at)}."
    elif last.ending is SessionEnd.STOPPED:
        ended = f"Your last sitting was ended by the system at {_moment(last.ended_at)}."
    else:
        ended = f"Your last sitting ended without leaving, after {_moment(latest.at if latest else last.begun_at)}."
    return f"{ended} {_saved(latest, title)}"


def _saved(latest: LatestDecision | None, title: str) -> str:
    if latest is None:
        return "Nothing had been decided in it."
    saved = (
        "Its one decision is saved"
        if latest.count == 1
        else f"All {counted(latest.count, 'decision')} are saved; the last was"
    )
    return f"{saved}: {VERB_WORDS[latest.verb]}, for “{shortened(safe(title), _LONGEST_TITLE)}”."


def _moment(at: str) -> str:
    """A time of today by the clock, another with its date."""
    then = datetime.fromisoformat(at).astimezone()
    return f"{then:%H:%M}" if then.date() == datetime.now().astimezone().date() else f"{then:%H:%M on %Y-%m-%d}"
