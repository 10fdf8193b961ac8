"""Safe console output: escapes control characters in data, and reports write errors as sentences."""

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
    """The answer of a command cannot be written to standard output."""


class ClosedPipeError(OutputError):
    """The reader of the output, such as `head`, has exited.

    Not a BrokenPipeError: Rich and Click turn that into exit code 1 before it reaches `core.cli.app.run`.
    """


class _OutputFile(io.FileIO):
    """Standard output as an unbuffered file with readable errors."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write bytes, and return how many were written.

        Raises:
            ClosedPipeError: the reader has exited.
            OutputError: they cannot be written.
        """
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise ClosedPipeError("The reader of the output has exited.") from error
        except OSError as error:
            reason = "standard output is closed" if error.errno == errno.EBADF else error.strerror
            raise OutputError(
                f"The output cannot be written: {reason}.", "The work itself is done; only the answer is lost."
            ) from error


def open_streams() -> None:
    r"""Set up the standard streams.

    A closed stream (`>&-`) is None in Python, and the next opened file, such as a database, would get its descriptor,
    so that output of a library would be written into it. Closed streams are therefore reopened. Characters that the
    encoding of standard output lacks are written as escapes: `\u4e2d`.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # The lowest free descriptor is this one. Standard output is opened read-only, so that writing fails;
            # standard error is discarded.
            descriptor = os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
            stream = os.fdopen(descriptor, "w" if number else "r", encoding="utf-8")
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    # Not if a test has replaced it.
    if sys.stdout is sys.__stdout__ and sys.stdout is not None:
        file = _OutputFile(sys.stdout.fileno(), "wb", closefd=False)
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(file),
            encoding=sys.stdout.encoding,
            errors="backslashreplace",
            line_buffering=file.isatty(),
        )


def discard_output() -> None:
    """Discard buffered output, so that flushing at interpreter exit does not fail."""
    _discard(sys.stdout)


def discard_diagnostics() -> None:
    """Discard buffered standard error."""
    _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
        stream.flush()


class SafeConsole(Console):
    """Rich console that passes all text through `safe`, so that data cannot send control sequences.

    It is applied during rendering, so that no verb can forget it.
    """

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        return super()._render_buffer(part if part.control else _escaped(part) for part in buffer)

    def on_broken_pipe(self) -> None:
        """Raise `ClosedPipeError`; Rich would exit with code 1."""
        raise ClosedPipeError("The reader of the output has exited.")

    def _write_buffer(self) -> None:
        try:
            super()._write_buffer()
        except OSError:
            if not self.stderr:
                raise
            # Failing diagnostics, e.g. on a full disk, do not abort the work.
            del self._buffer[:]
            discard_diagnostics()


def replace_unencodable(*streams: TextIO) -> None:
    """Write a question mark for characters that the encoding of a stream lacks, instead of failing."""
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _escaped(part: Segment) -> Segment:
    return Segment("\n".join(map(safe, part.text.split("\n"))), part.style)


def as_json(value: dict[str, Any], encoding: str = "utf-8") -> str:
    """One line of JSON without control characters; characters that the encoding lacks are escaped."""
    text = json_text(value, allow_nan=False, default=str)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(json.loads(text))
    return text
