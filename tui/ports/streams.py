"""All streams, as whoever sits here has them."""

from typing import Protocol

from core.queue.item import StreamState


class Streams(Protocol):
    """The streams of the workspace."""

    def read(self) -> tuple[StreamState, ...]:
        """How far each is now, in their usual order. Any thread; takes its time."""
