"""The server of `samesku web`: the page, its files, and a desk process for each open tab."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import textual_serve
from aiohttp import WSCloseCode, web

from tui.web.access import HEADERS, Access
from tui.web.session import DeskSession, screen_size

#: Desks at a time, of two or three processes each: more than a person has tabs, fewer than a reload loop opens.
MAX_DESKS = 8
#: Seconds without an answer after which a browser counts as gone.
_HEARTBEAT_S = 15.0
#: Bytes of a message at most; a pasted listing is far shorter.
_MAX_MESSAGE = 1 << 20
#: Seconds that the server waits for its desks when it ends: longer than a desk may take.
_SHUTDOWN_TIMEOUT_S = 15.0

_OWN = Path(__file__).parent
_TEXTUAL = Path(textual_serve.__file__ or "").parent / "static"
#: Files of the page by the name in their URL.
_FILES = {
    "page.css": (_OWN / "page.css", "text/css"),
    "page.js": (_OWN / "page.js", "text/javascript"),
    "textual.js": (_TEXTUAL / "js" / "textual.js", "text/javascript"),
    "xterm.css": (_TEXTUAL / "css" / "xterm.css", "text/css"),
    "roboto-mono.ttf": (_TEXTUAL / "fonts" / "RobotoMono-VariableFont_wght.ttf", "font/ttf"),
    "roboto-mono-italic.ttf": (_TEXTUAL / "fonts" / "RobotoMono-Italic-VariableFont_wght.ttf", "font/ttf"),
}
_FULL = f"{MAX_DESKS} desks are open in other tabs already. Close one of them, then reload this page."


class DeskServer:
    """Answers requests of the user who started it.

    Args:
        command: command line of a desk process.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._access = Access()
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def path(self) -> str:
        """Path of the page, including the secret."""
        return f"/{self._access.token}/"

    def application(self) -> web.Application:
        """Routes of the page, its files and its WebSocket."""
        application = web.Application(middlewares=[self._guard])
        application.add_routes(
            [
                web.get(self.path, self._page),
                web.get(f"{self.path}static/{{name}}", self._file),
                web.get(f"{self.path}ws", self._desk),
            ]
        )
        application.on_response_prepare.append(_add_headers)
        application.on_shutdown.append(self._close_all)
        return application

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        refusal = self._access.refusal(request)
        return web.Response(status=403, text=f"{refusal}\n") if refusal else await handler(request)

    async def _page(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(_OWN / "page.html", headers={"Content-Type": "text/html; charset=utf-8"})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path, kind = _FILES.get(request.match_info["name"], (None, ""))
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Content-Type": kind})

    async def _desk(self, request: web.Request) -> web.StreamResponse:
        try:
            size = screen_size(request.query.get("width", "80"), request.query.get("height", "24"))
        except ValueError:
            raise web.HTTPBadRequest from None
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=_MAX_MESSAGE)
        await socket.prepare(request)
        session = DeskSession(socket, self._command, size)
        if len(self._sockets) >= MAX_DESKS:
            await session.show_notice(_FULL)
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
            return socket
        self._sockets.add(socket)
        try:
            await session.run()
        except OSError as error:
            await session.show_notice(f"The desk cannot be started: {error.strerror}.")
            await socket.close()
        finally:
            self._sockets.discard(socket)
        return socket

    async def _close_all(self, _: web.Application) -> None:
        await asyncio.gather(*(socket.close(code=WSCloseCode.GOING_AWAY) for socket in self._sockets))


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def serve(command: Sequence[str], port: int, announce: Callable[[str], None]) -> None:
    """Serve desks to this user's browsers until SIGINT, SIGTERM or SIGHUP; returns once all of them have ended.

    Args:
        command: command line of a desk process.
        port: port on the loopback interface; 0 for any free one.
        announce: called with the address once the server listens.

    Raises:
        OSError: the port cannot be used.
    """
    asyncio.run(_serve(DeskServer(command), port, announce))


async def _serve(server: DeskServer, port: int, announce: Callable[[str], None]) -> None:
    # Malformed requests are no errors of the server, and the secret path must not be logged.
    silent = logging.getLogger(__name__)
    silent.disabled = True
    runner = web.AppRunner(server.application(), access_log=None, logger=silent, shutdown_timeout=_SHUTDOWN_TIMEOUT_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        announce(f"http://127.0.0.1:{runner.addresses[0][1]}{server.path}")
        await ended.wait()
    finally:
        await runner.cleanup()
