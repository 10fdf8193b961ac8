"""Server-sent events of a streamed answer, with a limit on the bytes read."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing

import httpx
from httpx_sse import EventSource

#: Data of the event that ends a stream.
DONE = b"[DONE]"


class TooManyBytesError(Exception):
    """A stream exceeds its limit."""


async def events_of(chunks: AsyncIterable[bytes], max_bytes: int) -> AsyncGenerator[bytes, None]:
    """Yield the data of each event. Comments, such as keepalives, and events without data are skipped.

    Args:
        chunks: the raw body, not decompressed.
        max_bytes: limit on the body.

    Raises:
        TooManyBytesError: the body exceeds the limit.
    """
    # The bytes are wrapped in a response of our own: httpx-sse would decompress the server's according to its headers.
    response = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=_Limited(chunks, max_bytes))
    async with aclosing(EventSource(response).aiter_sse()) as events:
        async for event in events:
            if event.data:
                yield event.data.encode()


class _Limited(httpx.AsyncByteStream):
    def __init__(self, chunks: AsyncIterable[bytes], max_bytes: int) -> None:
        self._chunks = chunks
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._chunks:
            read += len(chunk)
            if read > self._max_bytes:
                raise TooManyBytesError
            yield chunk
