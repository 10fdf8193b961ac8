"""One question to a server and its answer, whatever the server does: it ends in time, and in an answer or a sentence.

The time limit is on the whole answer: a server that says nothing and one that says a byte now and then end alike. Only
so much is read as an answer can be long, nothing is unpacked, and no redirect is followed, so that the key reaches one
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
from core.judge.openai_server.address import Address, authorization, redactor
from core.judge.openai_server.failures import (
    ServerError,
    broken_off,
    gave_up,
    not_understood,
    refused,
    too_late,
    too_long,
    unreachable,
)
from core.judge.openai_server.redaction import RedactedStream
from core.judge.openai_server.responses import (
    MisreadError,
    ServerCompletion,
    StreamedCompletion,
    parse_completion,
    parsed,
)

if TYPE_CHECKING:
    import httpx


#: Seconds before the second try; twice as many before each further one.
FIRST_PAUSE = 0.5

#: No pause is longer, whatever a server asks for: a run that stands still for an hour looks dead.
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What a request may wait for.

    Attributes:
        retries: how often it is tried again.
        sleep: waits some seconds.
        share: a random number from 0 to 1, so that many who were refused together do not come back together.
        now: the time of day, in seconds since 1970.
    """

    retries: int
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    share: Callable[[], float] = random.random
    now: Callable[[], float] = time.time

    def pause(self, tried: int, wanted: float | None) -> float:
        """Seconds to wait after so many tries: as long as the server wants, else twice as long each time, ± a half."""
        if wanted is not None:
            return min(wanted, LONGEST_PAUSE)
        return min(FIRST_PAUSE * 2.0 ** min(tried - 1, 20) * (0.5 + self.share()), LONGEST_PAUSE)

    def wanted(self, retry_after: str | None) -> float | None:
        """Seconds that a `Retry-After` header asks for, as a number or a date; None where it says neither."""
        if retry_after is None:
            return None
        text = retry_after.strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), 1e9)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.now())
        except (ValueError, TypeError, OverflowError, OSError):
            return None


#: Bytes that an answer has at most: some, and so many for each token, with the ten others that could have stood there.
_BYTES, _BYTES_A_TOKEN = 256_000, 2_000

#: Of an error that a server describes, the beginning is enough.
_ERROR_BYTES = 20_000

#: A piece of the text of an answer, as it comes.
OnText = Callable[[str], object]


def connected(address: Address) -> "httpx.AsyncClient":
    """What holds connections to a server. Proxies of the environment are obeyed, but not for a server near by.

    Raises:
        ModelError: httpx is not installed.
        SettingsError: the environment names a proxy that is none.
    """
    try:
        import httpx
        import httpx_sse  # noqa: F401
    except ImportError as error:
        raise ModelError("A judge behind a URL needs httpx and httpx-sse.", "pip install 'samesku[judge]'") from error
    try:
        return httpx.AsyncClient(timeout=None, trust_env=not address.local, follow_redirects=False)  # noqa: S113
    except (ValueError, ImportError, httpx.InvalidURL):
        # What the library says would repeat the proxy's URL, and with it a password.
        raise SettingsError(
            "The proxy in the environment cannot be used.", "Look at $HTTPS_PROXY and $ALL_PROXY."
        ) from None


class ServerClient:
    """Asks one server.

    Args:
        client: its connections, as `connected` gives them.
        address: where it is.
        timeout_s: seconds that one answer may take.
        patience: how errors that may pass are waited for.
    """

    def __init__(self, client: "httpx.AsyncClient", address: Address, timeout_s: float, patience: RetryPolicy) -> None:
        self._client = client
        self._address = address
        self._timeout_s = timeout_s
        self._patience = patience

    async def ask(self, question: dict[str, Any], heard: OnText | None = None) -> tuple[ServerCompletion, float]:
        """The answer, and the seconds that it took, with no waiting in them.

        Args:
            question: the body of the request.
            heard: gets the text piece by piece; without it, the answer comes as a whole.

        Raises:
            NoAnswerError: there is none, also not after as many tries as may be. What broke off after a piece of it
                was heard is not asked for again.
        """
        tried, said = 0, False

        def hear(piece: str) -> None:
            nonlocal said
            said = True
            if heard:
                heard(piece)

        while True:
            tried += 1
            began = time.perf_counter()
            try:
                return await self._in_time(question, hear if heard else None), time.perf_counter() - began
            except ServerError as failure:
                if not failure.passing or said or tried > self._patience.retries:
                    raise
                pause = self._patience.pause(tried, failure.wanted)
            await self._patience.sleep(pause)

    async def _in_time(self, question: dict[str, Any], heard: OnText | None) -> ServerCompletion:
        import anyio
        import httpx

        server = self._address.told
        try:
            with anyio.fail_after(self._timeout_s):
                return await self._once(question, heard)
        except TimeoutError:
            raise too_late(server, self._timeout_s) from None
        except MisreadError:
            raise not_understood(server) from None
        # Not chained: below are objects that hold the request, and with it the key.
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable(server, str(error)) from None
        except httpx.InvalidURL:
            raise SettingsError("judge.server_url is not an http or https URL.") from None
        except (httpx.ProxyError, httpx.UnsupportedProtocol):
            raise unreachable(server, "the proxy refuses") from None
        except httpx.HTTPError:
            raise broken_off(server) from None

    async def _once(self, question: dict[str, Any], heard: OnText | None) -> ServerCompletion:
        key = authorization()
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **key}
        most = _BYTES + _BYTES_A_TOKEN * int(question["max_tokens"])
        body = json.dumps(question).encode()
        async with self._client.stream("POST", self._address.chat, content=body, headers=headers) as response:
            if response.status_code != 200:
                told = await _read(response, _ERROR_BYTES)
                wanted = self._patience.wanted(response.headers.get("retry-after"))
                raise refused(
                    self._address.told, response.status_code, told or b"",
                    model=str(question["model"]), keyed=bool(key), wanted=wanted,
                )  # fmt: skip
            if heard is not None:
                completion = await self._listen(response, most, heard)
            else:
                told = await _read(response, most)
                if told is None:
                    raise too_long(self._address.told)
                completion = parse_completion(told)
            return replace(completion, text=redactor().redacted(completion.text))

    async def _listen(self, response: "httpx.Response", most: int, heard: OnText) -> ServerCompletion:
        # That module needs httpx when it is imported.
        from core.judge.openai_server.event_stream import DONE, TooManyBytesError, events_of  # noqa: PLC0415

        def hear(piece: str) -> None:
            if piece:
                heard(piece)

        growing, shown = StreamedCompletion(), RedactedStream(redactor())
        try:
            async with aclosing(events_of(response.aiter_raw(), most)) as events:
                async for event in events:
                    if event == DONE:
                        hear(shown.rest())
                        return growing.completion()
                    said = parsed(event)
                    if said.get("error"):
                        raise gave_up(self._address.told, said)
                    hear(shown.next(growing.add(said) or ""))
        except TooManyBytesError:
            raise too_long(self._address.told) from None
        if not growing.whole:
            raise broken_off(self._address.told)
        hear(shown.rest())
        return growing.completion()


async def _read(response: "httpx.Response", most: int) -> bytes | None:
    """The body as it came, nothing unpacked; None where it is longer than that."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)
