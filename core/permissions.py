"""Who may do what: which streams are open to somebody, and what is for leads.

Courtesy, not security: `--as` takes any name, and whoever may write the workspace may write its files.
"""

from core.errors import CoreError
from core.settings import Settings
from labels.model import Stream


def is_lead(settings: Settings, annotator: str) -> bool:
    """Whether somebody may see other people's figures and settle their disagreements; all may where none is named."""
    return not settings.people.leads or annotator in settings.people.leads


def open_streams(settings: Settings, annotator: str) -> tuple[Stream, ...]:
    """The streams that somebody may open, in their usual order."""
    allowed = settings.people.streams.get(annotator, tuple(Stream))
    lead = is_lead(settings, annotator)
    return tuple(stream for stream in Stream if stream in allowed and (lead or stream is not Stream.ADJUDICATION))


def require_stream(settings: Settings, annotator: str, stream: Stream) -> None:
    """Refuse a stream that is not for this annotator.

    Raises:
        CoreError: it is for others.
    """
    allowed = settings.people.streams.get(annotator, tuple(Stream))
    if stream not in allowed:
        names = ", ".join(allowed) or "none"
        raise CoreError(f"The {stream.value} stream is not open to {annotator}.", f"Open to you: {names}.")
    if stream is Stream.ADJUDICATION:
        require_lead(settings, annotator, "Disagreements are settled by the leads.")


def require_lead(settings: Settings, annotator: str, refusal: str) -> None:
    """Refuse what is for leads.

    Raises:
        CoreError: with this sentence, and who the leads are.
    """
    if not is_lead(settings, annotator):
        raise CoreError(refusal, f"They are {', '.join(settings.people.leads)}; see samesku.toml.")
