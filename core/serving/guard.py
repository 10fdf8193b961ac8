"""What every request passes before it reaches a route: access, rate, size, encoding, and time limits."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.serving.api_keys import ApiKeys
from core.serving.metrics import Metrics
from core.serving.problems import ProblemError, problem_response
from core.serving.rate_limit import RateLimit
from labels.errors import SameskuError

log = logging.getLogger(__name__)

#: The name of a program that needs no key, since it runs on this machine.
LOCAL = "local"
#: Paths that need no key: load balancers and orchestrators request them.
OPEN_PATHS = frozenset({"/healthz", "/readyz"})
#: Hosts that a request without a key may name; otherwise a page of another site could resolve its own name to this one.
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on a request.

    Attributes:
        body_bytes: size of the body.
        body_s: seconds for the arrival of the body.
        request_s: seconds for the answer.
        slow_s: the same for the paths in `slow_paths`, which wait for a model.
    """

    body_bytes: int = 8 * 2**20
    body_s: float = 10.0
    request_s: float = 30.0
    slow_s: float = 120.0
    slow_paths: frozenset[str] = frozenset({"/verdict"})

    def seconds(self, path: str) -> float:
        """Seconds for the answer to a request."""
        return self.slow_s if path in self.slow_paths else self.request_s


def caller_of(request: Request) -> str:
    """The name of the key of a request; `local` without one."""
    return str(request.state.caller)


class Guard:
    """ASGI middleware around the routes.

    Args:
        app: the routes.
        keys: that are accepted.
        local: whether the service listens on this machine only, where no key is needed.
        rate: limit for each key.
        limits: on each request.
        metrics: counts the requests.
    """

    def __init__(
        self, app: ASGIApp, *, keys: ApiKeys, local: bool, rate: RateLimit, limits: Limits, metrics: Metrics
    ) -> None:
        self._app = app
        self._keys = keys
        self._local = local
        self._rate = rate
        self._limits = limits
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            problem = await self._pass(scope, receive, counted)
            if problem is not None and not status:
                await problem_response(problem)(scope, receive, counted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.request(scope["method"], route, status, time.monotonic() - started)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> ProblemError | None:
        """Let a request pass to its route. Returns the problem with it, if any."""
        try:
            headers = Headers(scope=scope)
            scope.setdefault("state", {})["caller"] = self._caller(scope["path"], headers)
            body = await self._body(headers, receive)
            _check_body(headers, body)
            async with asyncio.timeout(seconds := self._limits.seconds(scope["path"])):
                await self._app(scope, _replayed(body, receive), send)
        except ProblemError as problem:
            return problem
        except TimeoutError:
            return ProblemError(HTTPStatus.GATEWAY_TIMEOUT, f"There was no answer within {seconds:g} s.")
        except SameskuError as error:
            return ProblemError.of(HTTPStatus.SERVICE_UNAVAILABLE, error)
        except Exception:  # a client gets a sentence, the log the traceback
            log.exception("%s %s failed", scope["method"], scope["path"])
            return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "The request failed; the log has the reason.")
        return None

    def _caller(self, path: str, headers: Mapping[str, str]) -> str:
        """The name of the program that asks.

        Raises:
            ProblemError: it has no accepted key, or it asks too often.
        """
        if path in OPEN_PATHS:
            return LOCAL
        key = _key_of(headers)
        if key is None and self._local:
            _require_local_page(headers)
            return LOCAL
        name = None if key is None else self._keys.name_of(key)
        if name is None:
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "A key is needed." if key is None else "The key is not known, or was revoked.",
                "Send it as Authorization: Bearer KEY.",
                {"WWW-Authenticate": "Bearer"},
            )
        if seconds := self._rate.wait_s(name):
            raise ProblemError.busy("This key sends too many requests.", seconds)
        return name

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """The body of a request.

        Raises:
            ProblemError: it is too large, or does not arrive in time.
        """
        limit = self._limits.body_bytes
        too_large = ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body is larger than {limit / 2**20:g} MiB.",
            "Send fewer products in one request.",
            {"Connection": "close"},
        )
        length = headers.get("content-length", "")
        if length.isascii() and length.isdecimal() and int(length[:20]) > limit:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.body_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ProblemError(HTTPStatus.BAD_REQUEST, "The connection was closed within the body.")
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise too_large
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise ProblemError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The body did not arrive within {self._limits.body_s:g} s.",
                headers={"Connection": "close"},
            ) from None


def _key_of(headers: Mapping[str, str]) -> str | None:
    """The key of a request; None if there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return headers.get("x-api-key")


def _require_local_page(headers: Mapping[str, str]) -> None:
    """Require that a request without a key is from this machine, and not from a page of another site.

    Raises:
        ProblemError: it may be.
    """
    host = headers.get("host", "").lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name not in _LOOPBACK or headers.get("origin", f"http://{host}").lower() != f"http://{host}":
        raise ProblemError(HTTPStatus.FORBIDDEN, "Requests of pages of other sites need a key.")


def _check_body(headers: Mapping[str, str], body: bytes) -> None:
    """Check the type and the encoding of a body.

    Raises:
        ProblemError: it is not UTF-8, or not declared as JSON.
    """
    if not body:
        return
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity"}:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The body has the content encoding {coding}; only plain JSON is read.",
            "Send it uncompressed, without the header Content-Encoding.",
        )
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The body is not declared as JSON.",
            "Send the header Content-Type: application/json.",
        )
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, f"The body is not UTF-8: byte {body[error.start]:#04x} at position {error.start}."
        ) from error


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` for an application that reads a body which was read already."""
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
