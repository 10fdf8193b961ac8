"""The server behind `samesku web`: one page, what it is made of, and a desk for each tab that has it open."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import textual_serve
from aiohttp import WSCloseCode, web

from tui.web.access import HEADERS, Access
from tui.web.session import DeskSession, screen_size

#: Each desk is two or three processes. A person has few tabs open; a page that opens them in a loop has many.
MOST_DESKS = 8
#: A browser that has not answered for so long, in seconds, is gone.
_HEARTBEAT_S = 15.0
#: No page sends more at once; a listing that is pasted is far shorter.
_LONGEST_MESSAGE = 1 << 20
#: How long the server waits for its desks when it ends, in seconds: longer than a desk may take.
_PATIENCE_S = 15.0

_OWN = Path(__file__).parent
_TEXTUAL = Path(textual_serve.__file__ or "").parent / "static"
#: What the page is made of, by the name in its address.
_FILES = {
    "page.css": (_OWN / "page.css", "text/css"),
    "page.js": (_OWN / "page.js", "text/javascript"),
    "textual.js": (_TEXTUAL / "js" / "textual.js", "text/javascript"),
    "xterm.css": (_TEXTUAL / "css" / "xterm.css", "text/css"),
    "roboto-mono.ttf": (_TEXTUAL / "fonts" / "RobotoMono-VariableFont_wght.ttf", "font/ttf"),
    "roboto-mono-italic.ttf": (_TEXTUAL / "fonts" / "RobotoMono-Italic-VariableFont_wght.ttf", "font/ttf"),
}
_FULL = f"{MOST_DESKS} desks are open in other tabs already. Close one of them, then reload this page."


class DeskServer:
    """Answers a browser of the user who started it.

    Args:
        command: what draws a desk.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._access = Access()
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def path(self) -> str:
        """The page's, with the secret in it."""
        return f"/{self._access.token}/"

    def application(self) -> web.Application:
        """The page, its files, and its WebSocket; all else is refused."""
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
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=_LONGEST_MESSAGE)
        await socket.prepare(request)
        session = DeskSession(socket, self._command, size)
        if len(self._sockets) >= MOST_DESKS:
            await session.say(_FULL)
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
            return socket
        self._sockets.add(socket)
        try:
            await session.run()
        except OSError as error:
            await session.say(f"The desk cannot be started: {error.strerror}.")
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
        command: what draws a desk.
        port: where to listen on the loopback interface; 0 for any that is free.
        announce: given the address once the server listens there.

    Raises:
        OSError: nothing can listen there.
    """
    asyncio.run(_serve(DeskServer(command), port, announce))


async def _serve(server: DeskServer, port: int, announce: Callable[[str], None]) -> None:
    # What a stranger sends is no fault of the server's, and the path must stand in no log.
    silent = logging.getLogger(__name__)
    silent.disabled = True
    runner = web.AppRunner(server.application(), access_log=None, logger=silent, shutdown_timeout=_PATIENCE_S)
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
