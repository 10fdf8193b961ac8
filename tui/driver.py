"""The terminal as the desk reads it: noise on the line is no fault, and a line that is gone is noticed."""

import os
import selectors
from codecs import getincrementaldecoder

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from tui.leaving import hang_up

#: How often to look whether the desk is being left, in seconds.
_LOOK_EVERY_S = 0.1
_READ_SIZE = 4096


class DeskDriver(LinuxDriver):
    """Textual's own, but for the keyboard: there, one byte that is no UTF-8 ends the app, and a closed line spins."""

    def run_input_thread(self) -> None:
        """Turn what is typed into events, until the desk is left or the line is gone."""
        decode = getincrementaldecoder("utf-8")("replace").decode
        parser = XTermParser(self._debug)
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                typed = self._read() if selector.select(_LOOK_EVERY_S) else None
                if typed == b"":
                    hang_up()
                    return
                try:
                    self._understand(parser, decode(typed or b""))
                except (ValueError, OverflowError):
                    # A key of a number that no character has: Textual's parser is of no use after that.
                    parser = XTermParser(self._debug)

    def _read(self) -> bytes:
        """What is typed; nothing where nobody can type any more."""
        try:
            return os.read(self.fileno, _READ_SIZE)
        except OSError:
            return b""

    def _understand(self, parser: XTermParser, typed: str) -> None:
        if typed:
            # Without a character the parser would take it for the end.
            for message in parser.feed(typed):
                self.process_message(message)
        for message in parser.tick():
            self.process_message(message)
