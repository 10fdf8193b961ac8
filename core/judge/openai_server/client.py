"""The HTTP client: one chat completion per request, with retries and limits on time and size.

The time limit covers the whole answer, whether the server is silent or sends a byte now and then. The body is read up
to the size of the longest possible answer and never decompressed. Redirects are not followed, so the key reaches one
host only.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from core.errors import ModelError, SettingsError
from core.judge.openai_server.address import Address, authorization, make_redactor
from core.judge.openai_server.failures import (
    ServerError,
    connection_lost,
    http_error,
    invalid_response,
    response_too_long,
    stream_error,
    timed_out,
    unreachable,
)
from core.judge.openai_server.redaction import RedactedStream
from core.judge.openai_server.responses import (
    InvalidResponseError,
    ServerCompletion,
    StreamedCompletion,
    parse_completion,
    parse_object,
)
from core.packages import install_hint

if TYPE_CHECKING:
    import httpx


#: Seconds before the first retry; doubled for each further one.
FIRST_PAUSE_S = 0.5

#: Longest pause, also if the server asks for more: a run without progress for an hour looks dead.
MAX_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How transient failures are retried.

    Attributes:
        retries: maximum number of retries.
        sleep: waits for some seconds.
        jitter: a random number from 0 to 1, so that clients rejected together do not retry together.
        now: the time of day, in seconds since 1970.
    """

    retries: int
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    now: Callable[[], float] = time.time

    def pause(self, attempts: int, retry_after_s: float | None) -> float:
        """Seconds to wait: the server's `Retry-After`, or exponential backoff with ± 50 % jitter."""
        if retry_after_s is not None:
            return min(retry_after_s, MAX_PAUSE_S)
        return min(FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 20) * (0.5 + self.jitter()), MAX_PAUSE_S)

    def parse_retry_after(self, header: str | None) -> float | None:
        """Seconds in a `Retry-After` header, which holds a number or a date; None if it holds neither."""
        if header is None:
            return None
        text = header.strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), 1e9)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.now())
        except (ValueError, TypeError, OverflowError, OSError):
            return None


def open_client(address: Address) -> "httpx.AsyncClient":
    """An HTTP client for a server. Proxies of the environment apply, except to local servers.

    Raises:
        ModelError: httpx is not installed.
        SettingsError: the environment names an invalid proxy.
    """
    try:
        import httpx
        import httpx_sse  # noqa: F401
    except ImportError as error:
        raise ModelError("A judge behind a URL needs httpx and httpx-sse.", install_hint("judge")) from error
    try:
        return httpx.AsyncClient(timeout=None, trust_env=not address.local, follow_redirects=False)  # noqa: S113
    except (ValueError, ImportError, httpx.InvalidURL):
        # Not chained: the library's message repeats the proxy's URL, which may contain a password.
        raise SettingsError(
            "The proxy in the environment cannot be used.", "Look at $HTTPS_PROXY and $ALL_PROXY."
        ) from None


# Longest body of an answer: a fixed part, and a part per token for its text and its ten alternatives.
_BASE_BYTES = 256_000
_BYTES_PER_TOKEN = 2_000

#: Bytes read of an error response.
_MAX_ERROR_BYTES = 20_000

#: Receives the text of a streamed answer in chunks.
OnText = Callable[[str], object]


class ServerClient:
    """Sends requests to one server.

    Args:
        client: from `open_client`.
        address: the server.
        timeout_s: limit on the duration of one answer.
        retry_policy: how transient failures are retried.
    """

    def __init__(
        self, client: "httpx.AsyncClient", address: Address, timeout_s: float, retry_policy: RetryPolicy
    ) -> None:
        self._client = client
        self._address = address
        self._timeout_s = timeout_s
        self._retry_policy = retry_policy

    async def ask(self, request: dict[str, Any], on_text: OnText | None = None) -> tuple[ServerCompletion, float]:
        """Request a completion.

        Args:
            request: the JSON body.
            on_text: receives the text in chunks; without it the answer is not streamed.

        Returns:
            the completion, and the seconds that it took, retries and pauses excluded.

        Raises:
            ServerError: the request failed, also after retries. A stream that fails after its first chunk is not
                retried.
        """
        attempts, streamed = 0, False

        def forward(text: str) -> None:
            nonlocal streamed
            streamed = True
            if on_text:
                on_text(text)

        while True:
            attempts += 1
            start = time.perf_counter()
            try:
                completion = await self._send_translated(request, forward if on_text else None)
            except ServerError as failure:
                if not failure.transient or streamed or attempts > self._retry_policy.retries:
                    raise
                pause = self._retry_policy.pause(attempts, failure.retry_after_s)
            else:
                return completion, time.perf_counter() - start
            await self._retry_policy.sleep(pause)

    async def _send_translated(self, request: dict[str, Any], on_text: OnText | None) -> ServerCompletion:
        """One attempt within the time limit; library errors become ServerErrors."""
        import anyio
        import httpx

        server = self._address.display_name
        try:
            with anyio.fail_after(self._timeout_s):
                return await self._send(request, on_text)
        except TimeoutError:
            raise timed_out(server, self._timeout_s) from None
        except InvalidResponseError:
            raise invalid_response(server) from None
        # Not chained: httpx errors reference the request, and with it the key.
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable(server, str(error)) from None
        except httpx.InvalidURL:
            raise SettingsError("judge.server_url is not an http or https URL.") from None
        except (httpx.ProxyError, httpx.UnsupportedProtocol):
            raise unreachable(server, "the proxy refuses") from None
        except httpx.HTTPError:
            raise connection_lost(server) from None

    async def _send(self, request: dict[str, Any], on_text: OnText | None) -> ServerCompletion:
        key = authorization()
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **key}
        max_bytes = _BASE_BYTES + _BYTES_PER_TOKEN * int(request["max_tokens"])
        body = json.dumps(request).encode()
        async with self._client.stream("POST", self._address.chat, content=body, headers=headers) as response:
            if response.status_code != 200:
                raise http_error(
                    self._address.display_name, response.status_code, await _read(response, _MAX_ERROR_BYTES) or b"",
                    model=str(request["model"]), has_key=bool(key),
                    retry_after_s=self._retry_policy.parse_retry_after(response.headers.get("retry-after")),
                )  # fmt: skip
            if on_text is not None:
                completion = await self._read_stream(response, max_bytes, on_text)
            else:
                content = await _read(response, max_bytes)
                if content is None:
                    raise response_too_long(self._address.display_name)
                completion = parse_completion(content)
            return replace(completion, text=make_redactor().redact(completion.text))

    async def _read_stream(self, response: "httpx.Response", max_bytes: int, on_text: OnText) -> ServerCompletion:
        # Imported late: the module imports httpx, which is optional.
        from core.judge.openai_server.event_stream import DONE, TooManyBytesError, events_of  # noqa: PLC0415

        completion, redacted = StreamedCompletion(), RedactedStream(make_redactor())

        def forward(text: str) -> None:
            if text:
                on_text(text)

        try:
            async with aclosing(events_of(response.aiter_raw(), max_bytes)) as events:
                async for data in events:
                    if data == DONE:
                        forward(redacted.flush())
                        return completion.result()
                    event = parse_object(data)
                    if event.get("error"):
                        raise stream_error(self._address.display_name, event)
                    forward(redacted.feed(completion.add(event) or ""))
        except TooManyBytesError:
            raise response_too_long(self._address.display_name) from None
        if not completion.finished:
            raise connection_lost(self._address.display_name)
        forward(redacted.flush())
        return completion.result()


async def _read(response: "httpx.Response", max_bytes: int) -> bytes | None:
    """The raw body, not decompressed; None if it exceeds the limit."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > max_bytes:
            return None
    return bytes(body)
