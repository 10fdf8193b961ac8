"""Overview of all streams for one annotator: progress, own answers, and permission."""

from dataclasses import replace

from core.errors import CoreError
from core.permissions import require_stream
from core.queue.item import StreamState
from core.queue.source import QueueSource
from labels.activity import paces
from labels.model import Stream
from labels.store import LabelStore


def stream_states(source: QueueSource, store: LabelStore, annotator: str) -> list[StreamState]:
    """All streams, as one annotator may use them.

    Raises:
        SameskuError: a file of the workspace cannot be read.
    """
    done = paces(store, annotator)
    states = []
    for stream in Stream:
        progress = replace(source.progress(store, stream, done[stream].answered), hourly=done[stream].hourly)
        drawn = stream is not Stream.AUDIT or store.audit_version() > 0
        states.append(StreamState(stream, progress, _refusal(source, annotator, stream), drawn))
    return states


def _refusal(source: QueueSource, annotator: str, stream: Stream) -> str:
    try:
        require_stream(source.settings, annotator, stream)
    except CoreError as error:
        return f"{error.message} {error.hint}"
    return ""
