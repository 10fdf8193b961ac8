"""The welcome dialog for newcomers, and the notice of how the last session ended."""

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
from tui.common.dialogs import Dialog
from tui.common.words import VERB_WORDS, shorten
from tui.key_bindings import BUTTONS, WELCOME, bindings
from tui.keymap import keymap_of
from tui.theme import KEY, MUTED

_TASK = "At the top is a listing; below it are up to ten candidates. Decide which of them are the same product."
_KEYS = (
    ("{accept}", "the highlighted candidate is the same product"),
    ("{none}", "none of them is"),
    ("{down} {up}", "move to another candidate; or press its number"),
    ("{unsure}", "the listings do not say enough to decide"),
    ("{undo}", "undo the last answer, as often as you like"),
    ("{guidelines}", "what your team counts as the same product"),
    ("{help}", "all keys"),
)
_SAVED_NOTE = "Every answer is saved at once and can be undone."


class WelcomeDialog(Dialog[bool]):
    """Explains the task and the most important keys; returns True for practice."""

    BINDINGS = bindings((*WELCOME, *BUTTONS))
    HEADLINE = "Welcome"
    ACTS = WELCOME
    AUTO_FOCUS = "#practise"

    def body(self) -> Iterable[Widget]:
        """The task, the keys, and two buttons."""
        yield Static(_TASK, classes="dialog-text", markup=False)
        lines = [Content.assemble((keymap_of(self.app).fill(keys).ljust(7), KEY), words) for keys, words in _KEYS]
        yield Static(Content("\n").join(lines), classes="dialog-text", markup=False)
        yield Static(Content.styled(_SAVED_NOTE, MUTED), classes="dialog-text", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Practise on three queries", id="practise", variant="primary", compact=True)
            yield Button("Start working", id="work", compact=True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "practise")

    def action_begin(self) -> None:
        """Press the focused button, on a click in the key bar."""
        focused = self.focused
        if isinstance(focused, Button):
            focused.press()


_MAX_TITLE = 60


def last_session_notice(last: SessionRecord, latest: LatestDecision | None, title: str) -> str:
    """A notice of how the last session ended and that its decisions are saved.

    Args:
        last: the last session.
        latest: the latest decision since it began, and their number.
        title: of the query of the latest decision.
    """
    if last.ending is SessionEnd.DISCONNECTED:
        ended = f"Your last session was disconnected at {_clock_time(last.ended_at)}."
    elif last.ending is SessionEnd.STOPPED:
        ended = f"Your last session was terminated by the system at {_clock_time(last.ended_at)}."
    else:
        ended = (
            f"Your last session was not closed properly, after {_clock_time(latest.at if latest else last.begun_at)}."
        )
    return f"{ended} {_saved_text(latest, title)}"


def _saved_text(latest: LatestDecision | None, title: str) -> str:
    if latest is None:
        return "No decisions were made in it."
    saved = (
        "Its one decision is saved"
        if latest.count == 1
        else f"All {counted(latest.count, 'decision')} are saved; the last was"
    )
    return f"{saved}: {VERB_WORDS[latest.verb]}, for “{shorten(safe(title), _MAX_TITLE)}”."


def _clock_time(at: str) -> str:
    """Local time; with the date if it is not today."""
    then = datetime.fromisoformat(at).astimezone()
    return f"{then:%H:%M}" if then.date() == datetime.now().astimezone().date() else f"{then:%H:%M on %Y-%m-%d}"
