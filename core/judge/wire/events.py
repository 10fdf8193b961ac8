"""Server-sent events, cut out of bytes as they come."""

from collections.abc import Iterator

#: The event that ends a stream.
DONE = b"[DONE]"


class Events:
    """Cuts bytes into the data of events. Comments (mlx_lm.server's keepalives) and other fields are passed over.

    An event of several lines, which no server of this kind sends, comes as several.
    """

    def __init__(self) -> None:
        self._begun = bytearray()

    def of(self, chunk: bytes) -> Iterator[bytes]:
        """The events that are whole with this chunk."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            whole = (bytes(self._begun) + line).strip()
            self._begun.clear()
            if whole.startswith(b"data:"):
                yield whole.removeprefix(b"data:").strip()
        self._begun += rest
