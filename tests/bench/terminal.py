"""A program in a terminal of its own: type to it, see what it shows, kill it.

The terminal tells the program that it paints frame by frame (synchronized output, mode 2026), as today's terminals
do. So every whole frame can be looked at, and none that is half painted.
"""

import codecs
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import pyte

_ASKS_FOR_FRAMES = "\x1b[?2026$p"
_HAS_FRAMES = b"\x1b[?2026;2$y"
_FRAME_BEGINS = "\x1b[?2026h"
_FRAME_ENDS = "\x1b[?2026l"

#: What the emulator does not know and would print: keyboard protocols and other private sequences.
_UNKNOWN = re.compile(r"\x1b\[[<>=][0-?]*[ -/]*[@-~]")
#: The beginning of a sequence whose end has not been read yet.
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*)?\Z")

_READ_SIZE = 65536


class Terminal:
    """One run of a program in a pseudo-terminal.

    Args:
        command: the program and its arguments.
        environment: names to set on top of this process's environment; None takes a name away.
        on_frame: called after every whole frame that was painted, with this terminal.

    Attributes:
        on_read: called with all that the program writes, as it comes.
        bytes_read: how much the program has written.
        read_at: when the last of it came, on the monotonic clock.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        rows: int = 24,
        columns: int = 80,
        folder: Path | None = None,
        environment: Mapping[str, str | None] | None = None,
        on_frame: Callable[["Terminal"], None] | None = None,
    ) -> None:
        self.command = list(command)
        self.rows, self.columns = rows, columns
        self.folder = folder
        self.environment = _environment(environment or {}, rows, columns)
        self.on_frame = on_frame
        self.frames = 0
        self.on_read: Callable[[bytes], object] | None = None
        self.bytes_read = 0
        self.read_at = 0.0
        self.ended = False
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._asked = False
        self._master = -1
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the program ---------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start the program with this terminal as its own."""
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
        try:
            self._process = subprocess.Popen(
                self.command,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,
                preexec_fn=_take_terminal,  # noqa: PLW1509 - a single system call, which takes no lock
            )
        finally:
            os.close(slave)
        os.set_blocking(self._master, False)
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The program."""
        if self._process is None:
            raise RuntimeError("the program was not started")
        return self._process

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal, SIGKILL by default. May be called from any thread, also when the program is gone."""
        self.process.send_signal(number)

    def drain(self, within_s: float = 120.0) -> int:
        """Wait until the program is gone and read all that it wrote before. Returns its exit code."""
        deadline = time.monotonic() + within_s
        while not self.ended and time.monotonic() < deadline:
            self.pump(0.05)
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def close(self) -> None:
        """End the program if it still runs, and let go of the terminal."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    # -- keys and screen -----------------------------------------------------------------------------------

    def send(self, keys: str) -> bool:
        """Type. Returns False where nobody is there to read it any more."""
        waiting = keys.encode()
        while waiting and not self.ended:
            _, writable, _ = select.select([], [self._master], [], 1.0)
            try:
                waiting = waiting[os.write(self._master, waiting) :] if writable else waiting
            except BlockingIOError:
                continue
            except OSError:
                self.ended = True
        return not self.ended

    @property
    def lines(self) -> list[str]:
        """What the screen shows now."""
        return self._screen.display

    def pump(self, wait_s: float) -> bool:
        """Read what the program has written, waiting for it so long at most. Returns whether there was something."""
        if self.ended or not select.select([self._master], [], [], max(0.0, wait_s))[0]:
            return False
        try:
            read = os.read(self._master, _READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            # EIO is how Linux says that nobody holds the other end any more.
            read = b""
        self.ended = not read
        if self.on_read is not None:
            self.on_read(read)
        self.bytes_read += len(read)
        self.read_at = time.monotonic()
        self._show(self._decoder.decode(read))
        return bool(read)

    def wait_for(self, predicate: Callable[["Terminal"], bool], deadline_s: float) -> bool:
        """Read until the screen is as wanted. Returns False when time is up or the program gone before."""
        deadline = time.monotonic() + deadline_s
        while not predicate(self):
            left = deadline - time.monotonic()
            if self.ended or left <= 0:
                return False
            self.pump(left)
        return True

    def exchange(self, keys: str, quiet_s: float, deadline_s: float = 10.0) -> tuple[float, int]:
        """Type, and read the answer until nothing has come for `quiet_s`; what was read is painted only then.

        Returns:
            seconds from the keys to the last byte of the answer, and its bytes; infinity where no answer came.
        """
        parts: list[bytes] = []
        sent = time.monotonic()
        self.send(keys)
        last, until = float("inf"), sent + deadline_s
        while not self.ended and select.select([self._master], [], [], max(0.0, until - time.monotonic()))[0]:
            try:
                parts.append(os.read(self._master, _READ_SIZE))
            except OSError:
                self.ended = True
            last = time.monotonic()
            until = last + quiet_s
        answer = b"".join(parts)
        self.bytes_read += len(answer)
        self._show(self._decoder.decode(answer))
        return last - sent, len(answer)

    def _show(self, text: str) -> None:
        """Paint what was read; half a sequence and half a frame wait for their other half."""
        text = self._rest + text
        if not self._asked and _ASKS_FOR_FRAMES in text:
            self._asked = True
            os.write(self._master, _HAS_FRAMES)
        unfinished = _UNFINISHED.search(text)
        whole = text[: unfinished.start()] if unfinished else text
        *frames, last = whole.split(_FRAME_ENDS)
        painted, begins, _ = last.partition(_FRAME_BEGINS)
        self._rest = text[len(whole) - len(last) + len(painted) :] if begins else text[len(whole) :]
        for frame in frames:
            self._stream.feed(_UNKNOWN.sub("", frame))
            self.frames += 1
            if self.on_frame is not None:
                self.on_frame(self)
        self._stream.feed(_UNKNOWN.sub("", painted))


def _environment(changes: Mapping[str, str | None], rows: int, columns: int) -> dict[str, str]:
    """This process's environment for a plain terminal: nobody's preferences, nobody's workspace."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("SAMESKU_", "TEXTUAL")) and k != "NO_COLOR"}
    terminal = {"TERM": "xterm-256color", "LINES": str(rows), "COLUMNS": str(columns), "PYTHONUTF8": "1"}
    # Whoever types here has never sat at the desk, and is not to be greeted.
    terminal["SAMESKU_DESK__PRACTICE"] = "false"
    merged: dict[str, str | None] = {**own, **terminal, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _take_terminal() -> None:
    """In the new process: make the terminal on standard input the controlling one."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
