"""The terminal driver: tolerates invalid input, notices a closed line, and sends each frame as one write."""

import os
import re
import selectors
from codecs import getincrementaldecoder
from collections.abc import Iterator

from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tui.shutdown import hang_up
from tui.textual_compat import SYNC_END, SYNC_START, XTermParser, can_write, is_debugging, stop_writing

#: Seconds between two checks of the exit event.
POLL_INTERVAL_S = 0.1
_READ_SIZE = 4096
#: Seconds to wait for a place in the queue of the last output, and then for the output: together less than an exit may
#: take, see `tui.shutdown`.
_WRITE_TIMEOUT_S = 2.0

#: The escape sequence at the end of a frame that places the cursor.
_CURSOR = re.compile(r"\x1b\[\d+;\d+H\Z")


class DeskDriver(LinuxDriver):
    """Textual's Linux driver with changes to input and output.

    Input: in Textual, one byte that is not UTF-8 ends the app, and a closed line makes the thread spin. Output: Textual
    writes a frame in three pieces, possibly three packets, and also writes frames that change nothing.
    """

    _frame: list[str] | None = None
    _cursor = ""

    def write(self, data: str) -> None:
        """Write data to the terminal; a frame in one piece, and only if it is not empty."""
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
        if cursor := _CURSOR.search(frame):
            self._cursor = cursor[0]
        # The writer thread dies with its terminal; a write would then block on a queue that is never read.
        if can_write(self):
            super().write(data)

    def stop_application_mode(self) -> None:
        """Clear the screen first: GNU screen has no alternate screen by default and would keep the last frame."""
        self._frame = None
        self.write("\x1b[H\x1b[J")
        super().stop_application_mode()

    def close(self) -> None:
        """End the writer thread, with a time limit for a terminal that no longer takes output."""
        stop_writing(self, _WRITE_TIMEOUT_S)

    def run_input_thread(self) -> None:
        """Turn typed bytes into messages until the app exits or the line is closed."""
        keyboard = Keyboard(is_debugging(self))
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                typed = read_available(self.fileno) if selector.select(POLL_INTERVAL_S) else None
                if typed == b"":
                    hang_up()
                    return
                for message in keyboard.messages(typed or b""):
                    self.process_message(message)


class Keyboard:
    """Turns the bytes that a keyboard sends into Textual's messages; survives any bytes.

    Args:
        debug: whether Textual's parser writes a log.
    """

    def __init__(self, debug: bool) -> None:
        self._debug = debug
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._parser = XTermParser(debug)

    def messages(self, typed: bytes) -> Iterator[Message]:
        """Messages for typed bytes, and for pending ones that timed out, such as a lone Esc."""
        try:
            # An empty string would tell the parser that the input has ended.
            if text := self._decode(typed):
                yield from self._parser.feed(text)
            yield from self._parser.tick()
        except (ValueError, OverflowError):
            # A key code outside Unicode; the parser cannot be used after that.
            self._parser = XTermParser(self._debug)


def read_available(descriptor: int) -> bytes:
    """Bytes typed so far; empty when the line is closed."""
    try:
        return os.read(descriptor, _READ_SIZE)
    except OSError:
        return b""
