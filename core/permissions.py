"""Roles of annotators: which streams they may open, and what is reserved for leads.

These rules prevent mistakes and are no access control: `--as` accepts any name, and the files of a workspace are
writable for everyone in its group.
"""

from core.errors import CoreError
from core.settings import Settings
from labels.model import Stream


def is_lead(settings: Settings, annotator: str) -> bool:
    """Whether an annotator may see others' figures and adjudicate; without `people.leads` everyone may."""
    return not settings.people.leads or annotator in settings.people.leads


def open_streams(settings: Settings, annotator: str) -> tuple[Stream, ...]:
    """The streams that an annotator may open, in the order of `Stream`."""
    allowed = settings.people.streams.get(annotator, tuple(Stream))
    lead = is_lead(settings, annotator)
    return tuple(stream for stream in Stream if stream in allowed and (lead or stream is not Stream.ADJUDICATION))


def require_stream(settings: Settings, annotator: str, stream: Stream) -> None:
    """Raise CoreError unless the annotator may open the stream."""
    allowed = settings.people.streams.get(annotator, tuple(Stream))
    if stream not in allowed:
        names = ", ".join(allowed) or "none"
        raise CoreError(f"The {stream.value} stream is not open to {annotator}.", f"Open to you: {names}.")
    if stream is Stream.ADJUDICATION:
        require_lead(settings, annotator, "Disagreements are settled by the leads.")


def require_lead(settings: Settings, annotator: str, refusal: str) -> None:
    """Raise CoreError with the message `refusal` unless the annotator is a lead."""
    if not is_lead(settings, annotator):
        raise CoreError(refusal, f"The leads are {', '.join(settings.people.leads)}; see samesku.toml.")
