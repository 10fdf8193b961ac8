"""The standard streams of a command: closed ones are opened, and a failed write to the output is one sentence."""

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from core.errors import CoreError

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
