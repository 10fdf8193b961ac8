"""What the command line writes to a terminal or a file: nothing acts but its own colours."""

import errno
import io
import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.segment import Segment

from core.errors import CoreError
from core.text.safe import safe
from labels.exchange.json_values import json_text

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputError(CoreError):
    """What a command answers cannot be written to its standard output."""


class _OutputFile(io.FileIO):
    """The file behind the standard output."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write some bytes, and return how many.

        Raises:
            OutputError: they cannot be written; why.
            BrokenPipeError: the reader is gone, as `head` is after its last line.
        """
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = "standard output is closed" if error.errno == errno.EBADF else error.strerror
            raise OutputError(
                f"The output cannot be written: {reason}.", "What was done stays done; only the answer is lost."
            ) from error


def open_streams() -> None:
    r"""Put the standard streams in order, whatever this process was started with.

    Python has None in the place of a closed one (`>&-`), and the next file that is opened, a database say, would get
    its number: whatever a library prints would be written into it. What the output's encoding lacks is written as it
    is on the standard error output: `\u4e2d`.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # Of these three the lowest number is free. An output that is open for reading alone fails when it is
            # written to; diagnostics have nowhere to go.
            descriptor = os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
            stream = os.fdopen(descriptor, "w" if number else "r", encoding="utf-8")
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    # Not what a test has put in its place.
    if sys.stdout is sys.__stdout__ and sys.stdout is not None:
        file = _OutputFile(sys.stdout.fileno(), "wb", closefd=False)
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(file),
            encoding=sys.stdout.encoding,
            errors="backslashreplace",
            line_buffering=file.isatty(),
        )


def discard_output() -> None:
    """Let what still waits go nowhere, so that the end of the process does not stumble over it."""
    _discard(sys.stdout)


def discard_diagnostics() -> None:
    """The same for the standard error output."""
    _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
        stream.flush()


class SafeConsole(Console):
    """Rich's own, but whatever catalogues, people and models say stands there as `safe` shows it.

    Done where text becomes bytes, so that no verb can forget it.
    """

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        return super()._render_buffer(part if part.control else _shown(part) for part in buffer)

    def _write_buffer(self) -> None:
        try:
            super()._write_buffer()
        except BrokenPipeError:
            raise
        except OSError:
            if not self.stderr:
                raise
            # Diagnostics that cannot be written, to a log on a full disk say, end no work.
            del self._buffer[:]
            discard_diagnostics()


def bear_any_encoding(*streams: TextIO) -> None:
    """Let a character that the terminal's encoding lacks be a question mark and no fault."""
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _shown(part: Segment) -> Segment:
    return Segment("\n".join(map(safe, part.text.split("\n"))), part.style)


def as_json(value: dict[str, Any], encoding: str = "utf-8") -> str:
    """One line of JSON that says what the value says, and in which nothing acts; what an encoding lacks is escaped."""
    text = json_text(value, allow_nan=False, default=str)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(json.loads(text))
    return text
