"""One desk behind one WebSocket: its process, and what goes in and out of it.

The desk is drawn by `tui.web.driver`, which speaks Textual's protocol for web servers over its pipes: a letter, four
bytes of length (big-endian), a payload. To the desk go `D`, keys, and `M`, facts such as a new size, as JSON; from it
come `D`, what to draw, and `M`, which is not obeyed here: no file is delivered and no page opened for it.
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

#: How long a desk may take to give its claims back once the browser is gone; it gives up by itself after five.
_PATIENCE_S = 10.0
#: Cells that a screen may have on a side.
_SMALLEST, _LARGEST = 2, 1000
#: What comes of a message that no page of ours has sent.
_NO_MESSAGE = (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError)
#: So much of what a desk says that cannot open.
_LONGEST_COMPLAINT = 4000


class DeskSession:
    """A desk in a browser, from the opening of the page to its end, whichever side ends it.

    Args:
        socket: to the page.
        command: what draws the desk.
        size: of the page's screen, in columns and rows.
    """

    def __init__(self, socket: web.WebSocketResponse, command: Sequence[str], size: tuple[int, int]) -> None:
        self._socket = socket
        self._command = command
        self._size = size

    async def run(self) -> None:
        """Start the desk, pass on what is typed and drawn, and return once its process is gone.

        Raises:
            OSError: it cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_environment(self._size),
            # ctrl+c in the server's terminal is for the server, which then lets its desks end.
            start_new_session=True,
            # As jobs and engine: the folder that the server was started in may be gone by now.
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        typing = asyncio.create_task(self._pass_keys(process))
        drawing = asyncio.create_task(self._pass_frames(process))
        complaint = asyncio.create_task(_last_words(process))
        try:
            await asyncio.wait({typing, drawing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await asyncio.shield(asyncio.create_task(_ended(process)))
            typing.cancel()
            await asyncio.gather(typing, drawing, return_exceptions=True)
        if process.returncode and not self._socket.closed:
            await self.say(await complaint)
        await self._socket.close()

    async def say(self, text: str) -> None:
        """Have the page show a text in the desk's place, once the connection is closed."""
        with suppress(ConnectionError):
            await self._socket.send_json(["notice", text])

    async def _pass_keys(self, process: Process) -> None:
        """From the page to the desk, until the page is gone."""
        assert process.stdin is not None  # noqa: S101 - opened as a pipe
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            with suppress(*_NO_MESSAGE):
                kind, *rest = json.loads(message.data)
                if kind == "ping":
                    await self._socket.send_json(["pong", str(rest[0])])
                elif packet := _packet(kind, rest):
                    process.stdin.write(packet)
                    await process.stdin.drain()

    async def _pass_frames(self, process: Process) -> None:
        """From the desk to the page, until the desk is gone; what nobody sees any more is read all the same."""
        assert process.stdout is not None  # noqa: S101 - opened as a pipe
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await process.stdout.readexactly(5)
                payload = await process.stdout.readexactly(int.from_bytes(head[1:], "big"))
                if head[:1] == b"D":
                    with suppress(ConnectionError):
                        await self._socket.send_bytes(payload)


def _packet(kind: object, rest: list[Any]) -> bytes:
    """What the page says, as the desk reads it; empty where it is nothing that a page says."""
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
    """Columns and rows as a page tells them, within bounds.

    Raises:
        ValueError: they are no numbers.
    """
    columns, rows = (max(_SMALLEST, min(int(str(side)), _LARGEST)) for side in (width, height))
    return columns, rows


def _environment(size: tuple[int, int]) -> dict[str, str]:
    """That of the desk: it is drawn in a browser, not in the terminal that the server was started in."""
    of_terminal = {"TMUX", "STY", "COLORFGBG", "TEXTUAL_DRIVER"}
    kept = {name: value for name, value in os.environ.items() if name not in of_terminal}
    columns, rows = size
    return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(columns), "ROWS": str(rows)}


async def _ended(process: Process) -> None:
    """Let the desk leave, as when a terminal is closed, and wait until it has."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE_S)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _last_words(process: Process) -> str:
    """What the desk wrote to the standard error output, at most its end."""
    assert process.stderr is not None  # noqa: S101 - opened as a pipe
    words = b""
    while chunk := await process.stderr.read(_LONGEST_COMPLAINT):
        words = (words + chunk)[-_LONGEST_COMPLAINT:]
    return words.decode("utf-8", "replace").strip()
