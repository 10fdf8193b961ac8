"""JSON-lines RPC of the desk's worker processes: requests on standard input, responses on standard output.

A request is {"id": INT, "do": VERB, …}. The response is {"id": INT, "result": {…}}, or
{"id": INT, "error": SENTENCE, "hint": TEXT} if the request failed. A worker exits when its standard input is closed,
that is, when the desk exits.
"""

import json
import os
import queue
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from core.errors import CoreError
from core.packages import install_hint
from labels.errors import SameskuError
from labels.model import ProductRef

#: Maximum length of a request, in bytes.
MAX_LINE = 65_536
#: Niceness of a worker: the desk has priority.
_NICE = 5

#: Request lines in order of arrival; None marks the end of the input.
Lines = queue.Queue[bytes | None]


def parse_request(line: bytes) -> dict[str, Any]:
    """Parse a line into a request with an integer `id` and a text `do`.

    Raises:
        CoreError: the line is too long, or not such an object.
    """
    if len(line) > MAX_LINE:
        raise CoreError(f"A request has at most {MAX_LINE:,} bytes.")
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CoreError("A request is one JSON object on a line.") from error
    if (
        not isinstance(request, dict)
        or not isinstance(request.get("id"), int)
        or not isinstance(request.get("do"), str)
    ):
        raise CoreError('A request is {"id": a number, "do": a word, …}.')
    return request


def parse_product(value: object) -> ProductRef:
    """Parse the [source, id] list that names a product in a request.

    Raises:
        CoreError: the value is not such a list.
    """
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, str) for part in value):
        raise CoreError("A product is a list of a source and an id.")
    return ProductRef(*value)


def error_response(request_id: int | None, error: Exception) -> dict[str, Any]:
    """The response to a request that raised an error of any kind."""
    match error:
        case SameskuError():
            message, hint = error.message, error.hint
        case ImportError():
            message = f"This needs {error.name}, which is not installed."
            hint = install_hint("all")
        case sqlite3.Error() | OSError():
            message, hint = f"The workspace cannot be read: {error}.", "Run `samesku doctor`."
        case _:
            message, hint = f"The request failed: {type(error).__name__}: {error}.", ""
    return {"id": request_id, "error": message, "hint": hint}


def read_lines(requests: BinaryIO, on_end: Callable[[], None] = lambda: None) -> Lines:
    """Read request lines on a thread, so that the worker can be busy or idle in the meantime.

    Args:
        requests: the input stream.
        on_end: called on that thread when the input ends, possibly while a request is being handled.
    """
    lines: Lines = queue.Queue(maxsize=64)
    threading.Thread(target=_read, args=(requests, lines, on_end), daemon=True).start()
    return lines


def _read(requests: BinaryIO, lines: Lines, on_end: Callable[[], None]) -> None:
    while line := requests.readline(MAX_LINE + 1):
        rest = line
        while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
            rest = requests.readline(MAX_LINE + 1)  # the rest of an overlong line is discarded
            if not rest:
                break
        if line.strip():
            lines.put(line)
    on_end()
    lines.put(None)


def write_response(answers: BinaryIO, answer: dict[str, Any]) -> None:
    """Write a response line and flush it.

    Raises:
        BrokenPipeError: the reader has closed the pipe.
    """
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def start_worker_process() -> BinaryIO:
    """Lower this process's priority and reserve standard output for the protocol. Returns the response stream.

    File descriptor 1 is redirected to standard error, so that whatever a library prints stays out of the protocol.
    """
    with suppress(OSError):
        os.nice(_NICE)
        _leave_one_core_free()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def exit_process() -> None:
    """End this process at once, after all files are closed.

    A regular exit would wait for the thread that is blocked reading standard input.
    """
    sys.stderr.flush()
    os._exit(0)


def _leave_one_core_free() -> None:
    """Restrict this process to all cores but one (Linux), which keeps the desk responsive during a fit.

    A fit runs a thread per core, and the kernel threads that write a decision to disk had to wait for them. Measured
    on two cores during a fit: 30 ms from key press to screen before, 12 ms with a free core.
    """
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:-1] or cores)
