"""A child of the desk: requests on standard input, answers on standard output, one JSON object a line both ways.

A request is {"id": a number, "do": a word, …}. It is answered with {"id": …, "result": {…}}, or where it cannot be
done with {"id": …, "error": a sentence, "hint": a way out}. A child ends when its standard input does, which is when
the desk is gone.
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
from labels.errors import SameskuError
from labels.model import ProductRef

#: No request is longer.
MAX_LINE = 65_536
#: Labelling comes first: children give way to the desk.
_NICE = 5

#: Lines as they come, None at their end.
Lines = queue.Queue[bytes | None]


def parse_request(line: bytes) -> dict[str, Any]:
    """A request with an id and something to do.

    Raises:
        CoreError: the line is none.
    """
    if len(line) > MAX_LINE:
        raise CoreError(f"A request is no longer than {MAX_LINE:,} bytes.")
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
    """A product as requests name it.

    Raises:
        CoreError: the value is no list of a source and an id.
    """
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, str) for part in value):
        raise CoreError("A product is a list of a source and an id.")
    return ProductRef(*value)


def error_response(request_id: int | None, error: Exception) -> dict[str, Any]:
    """The answer to a request that failed: whatever it was, the desk is told in a sentence, and the child goes on."""
    match error:
        case SameskuError():
            told, hint = error.message, error.hint
        case ImportError():
            told = f"This needs {error.name}, which is not installed."
            hint = "From a clone: pip install -c constraints.txt '.[all]'"
        case sqlite3.Error() | OSError():
            told, hint = f"The workspace cannot be read: {error}.", "See `samesku doctor`."
        case _:
            told, hint = f"That failed: {type(error).__name__}: {error}.", ""
    return {"id": request_id, "error": told, "hint": hint}


def read_lines(requests: BinaryIO, gone: Callable[[], None] = lambda: None) -> Lines:
    """Read on a thread, so that the time between two requests, and that of a long answer, can be used.

    Args:
        requests: where they come from.
        gone: is called on that thread when they have ended, in the middle of whatever is being answered.
    """
    lines: Lines = queue.Queue(maxsize=64)
    threading.Thread(target=_read, args=(requests, lines, gone), daemon=True).start()
    return lines


def _read(requests: BinaryIO, lines: Lines, gone: Callable[[], None]) -> None:
    while line := requests.readline(MAX_LINE + 1):
        whole = line
        while len(whole) > MAX_LINE and not whole.endswith(b"\n"):
            # The rest of an endless line is read and forgotten.
            whole = requests.readline(MAX_LINE + 1)
            if not whole:
                break
        if line.strip():
            lines.put(line)
    gone()
    lines.put(None)


def write_response(answers: BinaryIO, answer: dict[str, Any]) -> None:
    """Write a line.

    Raises:
        BrokenPipeError: nobody is there to read it.
    """
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def yield_resources() -> BinaryIO:
    """Make this process a child that disturbs nobody. Returns where it may write its answers.

    The pipe is the protocol's alone: whatever a library prints goes where errors go.
    """
    with suppress(OSError):
        os.nice(_NICE)
        _leave_a_core()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def exit_process() -> None:
    """End this process. All is written and closed by now.

    The thread that waits for another line holds standard input, which the interpreter would wait for in vain.
    """
    sys.stderr.flush()
    os._exit(0)


def _leave_a_core() -> None:
    """Keep off one core, so that whoever types finds it idle, the disk's answers included.

    A fit has a thread for each core, and the kernel's own threads, which bring a decision to disk, waited for the next
    tick of each of them: on two cores a decision took 30 ms from key to screen beside a fit, and takes 12.
    """
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:-1] or cores)
