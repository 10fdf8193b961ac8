"""The HTTP server: uvicorn on a socket of our own, with a time limit on headers and a graceful end."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from core.errors import CoreError

#: Connections and running requests at a time.
_MAX_CONCURRENCY = 1000
#: Seconds for the request line and the headers, and until an idle connection is closed.
_HEADERS_S, _KEEP_ALIVE_S = 10.0, 15
#: Seconds that a thread holds the interpreter lock while others wait for it. The encoder gives the lock up for each of
#: some hundred operations, and gets it back after this time if a batch is being scored: with Python's 5 ms, the wait is
#: longer than the work.
_SWITCH_S = 0.0005


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address.

    Raises:
        CoreError: the address is not one of this machine, or is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise CoreError(f"{host!a} is not an address.", "Such as: samesku serve --host 127.0.0.1") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise CoreError(
            f"The service cannot listen on {host}, port {port}: {error.strerror}.",
            "Choose another port: samesku serve --port 8081",
        ) from error
    return bound


def run_server(app: ASGIApp, bound: socket.socket, *, drain_s: float, announce: Callable[[str], None]) -> None:
    """Answer requests until SIGINT or SIGTERM; those in flight are finished first.

    Args:
        app: the application.
        bound: as of `open_socket`.
        drain_s: seconds that requests in flight may take at the end.
        announce: called with the address once the server listens.
    """
    for name in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what clients do wrong is no concern of a log
    config = uvicorn.Config(
        app,
        http=_TimedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_MAX_CONCURRENCY,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=round(drain_s) + 1,
    )
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    with _short_switches():
        _Server(config, lambda: announce(f"http://{shown}:{port}")).run([bound])


@contextlib.contextmanager
def _short_switches() -> Iterator[None]:
    """Let threads that wait for the interpreter lock have it soon."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Server(uvicorn.Server):
    """Announces that it listens, and ends normally on a signal."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()  # uvicorn would raise them again, and the process end by a signal


class _TimedProtocol(H11Protocol):
    """Closes a connection whose request line and headers do not arrive in time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._headers_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        if self._is_between_requests:
            self._start_timer()
        super().data_received(data)
        if not self._is_between_requests:
            self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def _is_between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_timer(self) -> None:
        if self._headers_timer is None:
            self._headers_timer = self.loop.call_later(_HEADERS_S, self.transport.close)

    def _stop_timer(self) -> None:
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None
