"""Who may open which stream, and who leads."""

from core.errors import CoreError
from core.settings import Settings
from labels.model import Stream


def is_lead(settings: Settings, annotator: str) -> bool:
    """Whether somebody may see other people's figures and settle their disagreements; all may where none is named."""
    return not settings.people.leads or annotator in settings.people.leads


def require_stream(settings: Settings, annotator: str, stream: Stream) -> None:
    """Refuse a stream that is not for this annotator.

    Raises:
        CoreError: it is for others.
    """
    allowed = settings.people.streams.get(annotator, tuple(Stream))
    if stream not in allowed:
        names = ", ".join(allowed) or "none"
        raise CoreError(f"The {stream.value} stream is not open to {annotator}.", f"Open to you: {names}.")
    if stream is Stream.ADJUDICATION and not is_lead(settings, annotator):
        raise CoreError(
            "Disagreements are settled by the leads.", f"They are {', '.join(settings.people.leads)}; see samesku.toml."
        )
