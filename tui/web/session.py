"""One desk behind one WebSocket: runs its process and passes input and output.

The process (`tui.web.driver`) uses Textual's protocol for web servers on its pipes. A packet is a letter, the length in
four bytes (big-endian), and a payload. Packets to the desk: `D` input, `M` JSON messages such as a new size. Packets
from the desk: `D` output; `M`, which asks to deliver files or open pages, is ignored.
"""

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

#: Seconds that a desk may take to end once the browser is gone; it ends itself after five.
_EXIT_TIMEOUT_S = 10.0
#: Bounds of the screen's width and height, in cells.
_MIN_CELLS, _MAX_CELLS = 2, 1000
#: Errors that a malformed message can cause.
_MALFORMED = (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError)
#: Bytes of a failed desk's error output that are shown.
_MAX_ERROR_OUTPUT = 4000


class DeskSession:
    """A desk in a browser, from the opening of the page until either side ends it.

    Args:
        socket: connection to the page.
        command: command line of the desk process.
        size: columns and rows of the page's screen.
    """

    def __init__(self, socket: web.WebSocketResponse, command: Sequence[str], size: tuple[int, int]) -> None:
        self._socket = socket
        self._command = command
        self._size = size

    async def run(self) -> None:
        """Start the desk, pass input and output, and return once its process has ended.

        Raises:
            OSError: it cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_environment(self._size),
            # ctrl+c in the server's terminal is for the server, which then ends its desks.
            start_new_session=True,
            # The server's own working directory may have been deleted.
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        inputs = asyncio.create_task(self._pass_input(process))
        outputs = asyncio.create_task(self._pass_output(process))
        errors = asyncio.create_task(_error_output(process))
        try:
            await asyncio.wait({inputs, outputs}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await asyncio.shield(asyncio.create_task(_end(process)))
            inputs.cancel()
            await asyncio.gather(inputs, outputs, return_exceptions=True)
        if process.returncode and not self._socket.closed:
            await self.show_notice(await errors)
        await self._socket.close()

    async def show_notice(self, text: str) -> None:
        """Have the page show a text in place of the desk once the connection is closed."""
        with suppress(ConnectionError):
            await self._socket.send_json(["notice", text])

    async def _pass_input(self, process: Process) -> None:
        """Pass messages from the page to the desk until the page is gone."""
        assert process.stdin is not None  # noqa: S101 - opened as a pipe
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            with suppress(*_MALFORMED):
                kind, *rest = json.loads(message.data)
                if kind == "ping":
                    await self._socket.send_json(["pong", str(rest[0])])
                elif packet := _packet(kind, rest):
                    process.stdin.write(packet)
                    await process.stdin.drain()

    async def _pass_output(self, process: Process) -> None:
        """Pass output from the desk to the page until the desk ends; it is drained after the page is gone."""
        assert process.stdout is not None  # noqa: S101 - opened as a pipe
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await process.stdout.readexactly(5)
                payload = await process.stdout.readexactly(int.from_bytes(head[1:], "big"))
                if head[:1] == b"D":
                    with suppress(ConnectionError):
                        await self._socket.send_bytes(payload)


def _packet(kind: object, rest: list[Any]) -> bytes:
    """A message of the page as a packet for the desk; empty for an unknown kind."""
    if kind == "stdin":
        return _framed(b"D", str(rest[0]).encode("utf-8", "replace"))
    if kind == "resize":
        width, height = screen_size(rest[0]["width"], rest[0]["height"])
        return _framed(b"M", json.dumps({"type": "resize", "width": width, "height": height}).encode())
    if kind in {"focus", "blur"}:
        return _framed(b"M", json.dumps({"type": kind}).encode())
    return b""


def _framed(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


def screen_size(width: object, height: object) -> tuple[int, int]:
    """Columns and rows from a page, clipped to the bounds.

    Raises:
        ValueError: they are not numbers.
    """
    columns, rows = (max(_MIN_CELLS, min(int(str(side)), _MAX_CELLS)) for side in (width, height))
    return columns, rows


def _environment(size: tuple[int, int]) -> dict[str, str]:
    """The environment of the desk process: without the variables of the server's own terminal."""
    of_terminal = {"TMUX", "STY", "COLORFGBG", "TEXTUAL_DRIVER"}
    others = {name: value for name, value in os.environ.items() if name not in of_terminal}
    columns, rows = size
    return {**others, "TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(columns), "ROWS": str(rows)}


async def _end(process: Process) -> None:
    """Close the desk's input, which ends it as a lost terminal does, and wait; kill it after a timeout."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _EXIT_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _error_output(process: Process) -> str:
    """The end of what the desk wrote to standard error."""
    assert process.stderr is not None  # noqa: S101 - opened as a pipe
    output = b""
    while chunk := await process.stderr.read(_MAX_ERROR_OUTPUT):
        output = (output + chunk)[-_MAX_ERROR_OUTPUT:]
    return output.decode("utf-8", "replace").strip()
