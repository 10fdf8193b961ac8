"""The engine: a child of the desk that holds the matcher in memory and answers requests, JSON lines over a pipe.

`python -m core.match.engine --home DIR` reads requests on standard input, one JSON object a line, and answers each
with one line on standard output:

    {"id": 1, "do": "ping"}                               -> {"id": 1, "result": {"pid": 4711}}
    {"id": 2, "do": "refit"}                              -> {"id": 2, "result": {"standing": …, "order": […], …}}
    {"id": 3, "do": "reasons", "query": ["walmart", "7"], "candidate": ["amazon", "9"]}
                                                          -> {"id": 3, "result": {"for": […], "against": […], …}}
    {"id": 4, "do": "stop"}                               -> {"id": 4, "result": {}}

A request that cannot be done is answered with {"id": …, "error": a sentence, "hint": a way out}. The engine ends when
it is told to, and when its standard input ends, which is when the desk is gone.
"""

import argparse
import json
import os
import queue
import sqlite3
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import CoreError
from core.match.live import LiveMatcher
from core.settings import load_settings
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.model import Pair, ProductRef

#: No request is longer.
MAX_LINE = 65_536
#: Others see new probabilities after this long without a request, and no more often than this.
_QUIET_S, _PUBLISH_EVERY_S = 2.0, 30.0
#: Labelling comes first: the engine gives way to the desk.
_NICE = 5


class Engine:
    """Answers requests about one workspace, one after the other."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._live: LiveMatcher | None = None
        self._published_at = -_PUBLISH_EVERY_S
        self.stopped = False

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line; whatever the line holds, there is one."""
        request_id = None
        try:
            request = _parsed(line)
            request_id = request["id"]
            return {"id": request_id, "result": self._do(request)}
        except SameskuError as error:
            return {"id": request_id, "error": error.message, "hint": error.hint}
        except ImportError as error:
            hint = "From a clone: pip install -c constraints.txt '.[train]'"
            return {"id": request_id, "error": f"The matcher needs {error.name}, which is not installed.", "hint": hint}
        except (sqlite3.Error, OSError) as error:
            return {
                "id": request_id,
                "error": f"The workspace cannot be read: {error}.",
                "hint": "See `samesku doctor`.",
            }
        except Exception as error:  # noqa: BLE001 - the desk is told, and the engine goes on
            return {"id": request_id, "error": f"The engine failed: {type(error).__name__}: {error}.", "hint": ""}

    def rest(self) -> None:
        """Nobody asks: let others see the latest probabilities, if they were not told lately."""
        if self._live is not None and time.monotonic() - self._published_at >= _PUBLISH_EVERY_S:
            # Another program may hold the file; the next rest is soon enough.
            with suppress(sqlite3.Error, SameskuError, OSError):
                if self._live.publish():
                    self._published_at = time.monotonic()

    def close(self) -> None:
        """Publish what is left, and let go of the files."""
        if self._live is not None:
            with suppress(sqlite3.Error, SameskuError, OSError):
                self._live.close()

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "ping":
                return {"pid": os.getpid()}
            case "refit":
                return self._matcher().refit()
            case "reasons":
                return self._matcher().reasons(Pair(_ref(request, "query"), _ref(request, "candidate")))
            case "stop":
                self.stopped = True
                return {}
        raise CoreError("The engine does not know how to do that.", "It does ping, refit, reasons and stop.")

    def _matcher(self) -> LiveMatcher:
        if self._live is None:
            self._live = LiveMatcher(self._workspace.require(), load_settings(self._workspace.settings))
        return self._live


def _parsed(line: bytes) -> dict[str, Any]:
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


def _ref(request: dict[str, Any], name: str) -> ProductRef:
    value = request.get(name)
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, str) for part in value):
        raise CoreError(f"{name} is a list of a source and an id.")
    return ProductRef(*value)


def serve(engine: Engine, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until told to stop, or until nobody is there any more."""
    lines: queue.Queue[bytes | None] = queue.Queue(maxsize=64)
    # A thread reads, so that the quiet between requests can be used.
    threading.Thread(target=_read, args=(requests, lines), daemon=True).start()
    try:
        # Nobody reads the answers any more: the desk is gone, and there is nothing left but to publish and end.
        with suppress(BrokenPipeError):
            while not engine.stopped:
                try:
                    line = lines.get(timeout=_QUIET_S)
                except queue.Empty:
                    engine.rest()
                    continue
                if line is None:
                    break
                answers.write(json.dumps(engine.answer(line)).encode() + b"\n")
                answers.flush()
    finally:
        engine.close()


def _read(requests: BinaryIO, lines: "queue.Queue[bytes | None]") -> None:
    while line := requests.readline(MAX_LINE + 1):
        whole = line
        while len(whole) > MAX_LINE and not whole.endswith(b"\n"):
            # The rest of an endless line is read and forgotten.
            whole = requests.readline(MAX_LINE + 1)
            if not whole:
                break
        if line.strip():
            lines.put(line)
    lines.put(None)


def _leave_a_core() -> None:
    """Keep off one core, so that whoever types finds it idle, the disk's answers included.

    A fit has a thread for each core, and the kernel's own threads, which bring a decision to disk, waited for the next
    tick of each of them: on two cores a decision took 30 ms from key to screen beside a fit, and takes 12.
    """
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:-1] or cores)


def main() -> None:
    """`python -m core.match.engine`."""
    parser = argparse.ArgumentParser(prog="core.match.engine", description=__doc__.partition("\n")[0])
    parser.add_argument("--home", type=Path, required=True, help="The workspace.")
    home: Path = parser.parse_args().home
    with suppress(OSError):
        os.nice(_NICE)
        _leave_a_core()
    # The pipe is the protocol's alone: whatever a library prints goes where errors go.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with suppress(KeyboardInterrupt):
        serve(Engine(Workspace.locate(home)), sys.stdin.buffer, answers)
    # All is written and closed. The thread that waits for another line holds standard input, which the interpreter
    # would wait for in vain on its way out.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
