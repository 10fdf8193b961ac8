"""The desk as a page of `tui.web.server` shows it: what is drawn and typed goes through pipes, in packets."""

import os
import selectors

from textual import events
from textual.drivers.web_driver import WebDriver
from textual.geometry import Size

from tui.driver import POLL_INTERVAL_S, Keyboard, read_available
from tui.shutdown import hang_up
from tui.textual_compat import ByteStream

#: The descriptor of the standard input.
_STDIN = 0


class BrowserDriver(WebDriver):
    """Textual's own, but for what ends a desk: there the end of the input ends nothing, and signals are its own.

    Here a pipe that is closed is a line that is cut, as it is for the desk on a terminal.
    """

    def write(self, data: str) -> None:
        """Send something to the page."""
        payload = data.encode("utf-8", "replace")
        packet = b"D" + len(payload).to_bytes(4, "big") + payload
        try:
            while packet:
                packet = packet[os.write(self.fileno, packet) :]
        except OSError:
            hang_up()

    def start_application_mode(self) -> None:
        """Set the page's screen up, and read what is typed."""
        self.write("\x1b[?1049h\x1b[?25l")  # another screen, no cursor
        if self._mouse:
            self._enable_mouse_support()
        self._enable_bracketed_paste()
        self._request_terminal_sync_mode_support()
        size = Size(*(self._size or (80, 24)))
        self._app.post_message(events.Resize(size, size))
        self._key_thread.start()

    def stop_application_mode(self) -> None:
        """Stop reading; the page itself is closed once this process is gone."""
        self.exit_event.set()
        self._input_reader.close()

    def run_input_thread(self) -> None:
        """Turn what is typed into events, until the desk is left or the page is gone."""
        keyboard, packets = Keyboard(self._debug), ByteStream()
        with selectors.SelectSelector() as selector:
            selector.register(_STDIN, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                typed = read_available(_STDIN) if selector.select(POLL_INTERVAL_S) else None
                if typed == b"":
                    hang_up()
                    return
                for kind, payload in packets.feed(typed) if typed else ():
                    if kind == "M":
                        self._on_meta(kind, payload)
                    else:
                        self._type(keyboard, payload)
                self._type(keyboard, b"")

    def _type(self, keyboard: Keyboard, payload: bytes) -> None:
        for message in keyboard.messages(payload):
            self.process_message(message)
