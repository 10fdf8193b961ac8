"""The notice of how the last session ended."""

from datetime import datetime

from core.queue.last_session import SessionEnd, SessionRecord
from core.text.safe import safe, shorten
from labels.history import LatestDecision
from labels.wording import counted
from tui.common.words import VERB_WORDS

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
