"""The private parts of Textual that the desk relies on, gathered in one module.

Textual promises nothing about names with a leading underscore. Whatever the desk imports or reads of them goes through
this module; private methods and attributes that subclasses override or read are listed in `APP_PRIVATES` and
`WEB_DRIVER_PRIVATES`.
`tests/tui/test_textual_compat.py` checks each one, so that an upgrade that moves something fails with its name.
"""

from collections.abc import Iterator
from contextlib import suppress
from queue import Full

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual._xterm_parser import XTermParser
from textual.drivers._byte_stream import ByteStream
from textual.drivers.linux_driver import LinuxDriver
from textual.keys import _character_to_key
from textual.strip import Strip

__all__ = [
    "APP_PRIVATES",
    "SYNC_END",
    "SYNC_START",
    "WEB_DRIVER_PRIVATES",
    "ByteStream",
    "ChopsUpdate",
    "CompositorUpdate",
    "LayoutUpdate",
    "Update",
    "XTermParser",
    "can_write",
    "character_to_key",
    "is_debugging",
    "stop_writing",
    "update_lines",
]

#: What the compositor hands to `App._display`: whole regions, or spans of single lines.
Update = LayoutUpdate | ChopsUpdate

#: Methods and attributes of `textual.app.App` that `tui.app.DeskApp` overrides or reads.
APP_PRIVATES = ("_close_messages_no_wait", "_display", "_exception", "_fatal_error", "_loop", "_return_code")

#: Methods and attributes of `textual.drivers.web_driver.WebDriver` that `tui.web.driver.BrowserDriver` uses.
WEB_DRIVER_PRIVATES = (
    "_app",
    "_debug",
    "_enable_bracketed_paste",
    "_enable_mouse_support",
    "_input_reader",
    "_key_thread",
    "_mouse",
    "_on_meta",
    "_request_terminal_sync_mode_support",
    "_size",
)


def character_to_key(character: str) -> str:
    """The name that Textual gives to the key of a character, such as `question_mark`."""
    return _character_to_key(character)


def update_lines(update: Update) -> Iterator[tuple[int, list[tuple[int, Strip]]]]:
    """The lines that an update touches, as (y, pieces); a piece is (x, strip)."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x, pieces = update.region.x, []
            for strip in strips:
                pieces.append((x, strip))
                x += strip.cell_length
            yield y, pieces
        return
    for y, begin, end in update.spans:
        ends = update.chop_ends[y]
        yield (
            y,
            [
                (x, strip if stop <= end else strip.crop(0, end - x))
                for stop, (x, strip) in zip(ends, update.chops[y].items(), strict=False)
                if strip is not None and x < end and stop > begin
            ],
        )


def can_write(driver: LinuxDriver) -> bool:
    """Whether the driver's writer thread still takes data; True before the thread is started."""
    return driver._writer_thread is None or driver._writer_thread.is_alive()


def stop_writing(driver: LinuxDriver, timeout_s: float) -> None:
    """End the driver's writer thread, and wait until it has written what is queued.

    Textual's own way waits for ever if the thread is stuck or dead and its queue is full, as with a closed terminal.
    """
    writer = driver._writer_thread
    if writer is not None and writer.is_alive():
        with suppress(Full):
            writer._queue.put(None, timeout=timeout_s)
            writer.join(timeout_s)


def is_debugging(driver: LinuxDriver) -> bool:
    """Whether the driver was started in debug mode, in which Textual's parser writes a log."""
    return driver._debug
