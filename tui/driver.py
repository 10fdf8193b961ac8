"""The terminal as the desk meets it: noise on the line is no fault, and what would change nothing is not sent."""

import os
import re
import selectors
from codecs import getincrementaldecoder
from collections.abc import Iterator

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tui.shutdown import hang_up

#: How often to look whether the desk is being left, in seconds.
LOOK_EVERY_S = 0.1
_READ_SIZE = 4096

#: Where a frame leaves the cursor.
_CURSOR = re.compile(r"\x1b\[\d+;\d+H\Z")


class DeskDriver(LinuxDriver):
    """Textual's own, but for two things.

    Of the keyboard, one byte that is no UTF-8 ends Textual's app, and a closed line spins. To the screen, Textual
    sends a frame in three pieces, each perhaps a packet of its own, and sends those too that change nothing.
    """

    _frame: list[str] | None = None
    _cursor = ""

    def write(self, data: str) -> None:
        """Send something to the terminal; a frame in one piece, and only if there is something in it."""
        if data == SYNC_START:
            self._frame = []
        elif self._frame is None:
            self._send(data, data)
        elif data == SYNC_END:
            frame, self._frame = "".join(self._frame), None
            self._send(SYNC_START + frame + SYNC_END, frame)
        else:
            self._frame.append(data)

    def _send(self, data: str, frame: str) -> None:
        if not frame or frame == self._cursor:
            return
        if moved := _CURSOR.search(frame):
            self._cursor = moved[0]
        # The thread that writes dies with its terminal; nobody waits for room in a queue that is never read.
        if self._writer_thread is None or self._writer_thread.is_alive():
            super().write(data)

    def stop_application_mode(self) -> None:
        """Leave nothing behind: GNU screen has no second screen unless told to, and would keep the picture."""
        self._frame = None
        self.write("\x1b[H\x1b[J")
        super().stop_application_mode()

    def run_input_thread(self) -> None:
        """Turn what is typed into events, until the desk is left or the line is gone."""
        keyboard = Keyboard(self._debug)
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                typed = read_available(self.fileno) if selector.select(LOOK_EVERY_S) else None
                if typed == b"":
                    hang_up()
                    return
                for message in keyboard.messages(typed or b""):
                    self.process_message(message)


class Keyboard:
    """Turns the bytes that a keyboard sends into Textual's messages; no bytes can end it.

    Args:
        debug: whether Textual's parser writes a log.
    """

    def __init__(self, debug: bool) -> None:
        self._debug = debug
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._parser = XTermParser(debug)

    def messages(self, typed: bytes) -> Iterator[Message]:
        """What was typed, and what was only waited for, such as an Esc that begins nothing."""
        try:
            # Without a character the parser would take it for the end.
            if text := self._decode(typed):
                yield from self._parser.feed(text)
            yield from self._parser.tick()
        except (ValueError, OverflowError):
            # A key of a number that no character has: Textual's parser is of no use after that.
            self._parser = XTermParser(self._debug)


def read_available(descriptor: int) -> bytes:
    """What is typed; nothing where nobody can type any more."""
    try:
        return os.read(descriptor, _READ_SIZE)
    except OSError:
        return b""
