"""Textual driver of a desk in a browser: exchanges packets with `tui.web.session` through pipes."""

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
    """Textual's web driver, except that a closed pipe counts as a lost terminal, and signals are left to the desk."""

    def write(self, data: str) -> None:
        """Send output to the page."""
        payload = data.encode("utf-8", "replace")
        packet = b"D" + len(payload).to_bytes(4, "big") + payload
        try:
            while packet:
                packet = packet[os.write(self.fileno, packet) :]
        except OSError:
            hang_up()

    def start_application_mode(self) -> None:
        """Set up the page's screen, and start to read input."""
        self.write("\x1b[?1049h\x1b[?25l")  # alternate screen, no cursor
        if self._mouse:
            self._enable_mouse_support()
        self._enable_bracketed_paste()
        self._request_terminal_sync_mode_support()
        size = Size(*(self._size or (80, 24)))
        self._app.post_message(events.Resize(size, size))
        self._key_thread.start()

    def stop_application_mode(self) -> None:
        """Stop reading; the server closes the page when this process ends."""
        self.exit_event.set()
        self._input_reader.close()

    def run_input_thread(self) -> None:
        """Turn input into events until the desk is left or the page is closed."""
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
