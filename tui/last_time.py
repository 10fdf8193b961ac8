"""How the last sitting ended, in words, where its annotator did not leave it."""

from datetime import datetime

from core.sitting.record import Ending, Record
from core.text.safe import safe
from labels.since import Latest
from labels.wording import counted
from tui.words import VERB_WORDS, shortened

_LONGEST_TITLE = 60


def how_it_ended(last: Record, latest: Latest | None, title: str) -> str:
    """What became of it, and of what was decided in it.

    Args:
        last: the sitting.
        latest: what was decided since it began.
        title: of the query that was decided on last.
    """
    if last.ending is Ending.CUT:
        ended = f"The line to your last sitting was cut at {_moment(last.ended_at)}."
    elif last.ending is Ending.STOPPED:
        ended = f"Your last sitting was ended by the system at {_moment(last.ended_at)}."
    else:
        ended = f"Your last sitting ended without leaving, after {_moment(latest.at if latest else last.begun_at)}."
    return f"{ended} {_saved(latest, title)}"


def _saved(latest: Latest | None, title: str) -> str:
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
