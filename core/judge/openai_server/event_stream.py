"""Server-sent events of an answer, with a limit on its bytes."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing

import httpx
from httpx_sse import EventSource

#: The event that ends a stream.
DONE = b"[DONE]"


class TooManyBytesError(Exception):
    """A stream is longer than it may be."""


async def events_of(chunks: AsyncIterable[bytes], most: int) -> AsyncGenerator[bytes, None]:
    """The data of each event, as it becomes whole. Comments, such as keepalives, and events without data are skipped.

    Args:
        chunks: the body as it came, nothing unpacked.
        most: how many bytes may be read.

    Raises:
        TooManyBytesError: there are more.
    """
    # A response of our own around the bytes: of the server's, httpx-sse would unpack what it declares as compressed.
    response = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=_Limited(chunks, most))
    async with aclosing(EventSource(response).aiter_sse()) as found:
        async for event in found:
            if event.data:
                yield event.data.encode()


class _Limited(httpx.AsyncByteStream):
    def __init__(self, chunks: AsyncIterable[bytes], most: int) -> None:
        self._chunks = chunks
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._chunks:
            read += len(chunk)
            if read > self._most:
                raise TooManyBytesError
            yield chunk
