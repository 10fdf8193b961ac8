"""The engine: a child of the desk that holds the matcher in memory and answers requests, JSON lines over a pipe.

`python -m core.matcher_worker --home DIR` reads requests on standard input, one JSON object a line, and answers each
with one line on standard output:

    {"id": 1, "do": "ping"}                               -> {"id": 1, "result": {"pid": 4711}}
    {"id": 2, "do": "refit"}                              -> {"id": 2, "result": {"standing": …, "order": […], …}}
    {"id": 3, "do": "reasons", "query": ["walmart", "7"], "candidate": ["amazon", "9"]}
                                                          -> {"id": 3, "result": {"for": […], "against": […], …}}
    {"id": 4, "do": "stop"}                               -> {"id": 4, "result": {}}

A request that cannot be done is answered with {"id": …, "error": a sentence, "hint": a way out}. The engine ends when
it is told to, and when its standard input ends, which is when the desk is gone; a long answer is left then.
"""

import argparse
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
from core.jsonl_rpc import (
    error_response,
    exit_process,
    parse_product,
    parse_request,
    read_lines,
    write_response,
    yield_resources,
)
from core.judge.judge_scores import JudgeScores
from core.queue.online import OnlineMatcher
from core.settings import load_settings
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.model import Pair

#: Others see new probabilities after this long without a request, and no more often than this.
_QUIET_S, _PUBLISH_EVERY_S = 2.0, 30.0
#: So long an answer is worked on when nobody is there any more to hear it.
_GRACE_S = 2.0


class MatcherWorker:
    """Answers requests about one workspace, one after the other."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._live: OnlineMatcher | None = None
        self._published_at = -_PUBLISH_EVERY_S
        self._idle = threading.Event()
        self._idle.set()
        self.stopped = False

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line; whatever the line holds, there is one."""
        request_id = None
        self._idle.clear()
        try:
            request = parse_request(line)
            request_id = request["id"]
            return {"id": request_id, "result": self._do(request)}
        except Exception as error:  # noqa: BLE001 - the desk is told, and the engine goes on
            return error_response(request_id, error)
        finally:
            self._idle.set()

    def abandon(self) -> None:
        """The desk is gone: end this process, unless what it asked for last is done in a moment and can be published.

        A fit of many labels would go on for half a minute, for nobody.
        """
        if not self._idle.wait(_GRACE_S):
            exit_process()

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
                return self._matcher().reasons(
                    Pair(parse_product(request.get("query")), parse_product(request.get("candidate")))
                )
            case "stop":
                self.stopped = True
                return {}
        raise CoreError("The engine does not know how to do that.", "It does ping, refit, reasons and stop.")

    def _matcher(self) -> OnlineMatcher:
        if self._live is None:
            workspace, settings = self._workspace.require(), load_settings(self._workspace.settings)
            self._live = OnlineMatcher(workspace, settings, JudgeScores(workspace, settings).probabilities)
        return self._live


def serve(engine: MatcherWorker, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until told to stop, or until nobody is there any more."""
    lines = read_lines(requests, engine.abandon)
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
                write_response(answers, engine.answer(line))
    finally:
        engine.close()


def main() -> None:
    """`python -m core.matcher_worker`."""
    parser = argparse.ArgumentParser(prog="core.matcher_worker", description=__doc__.partition("\n")[0])
    parser.add_argument("--home", type=Path, required=True, help="The workspace.")
    home: Path = parser.parse_args().home
    answers = yield_resources()
    with suppress(KeyboardInterrupt):
        serve(MatcherWorker(Workspace.locate(home)), sys.stdin.buffer, answers)
    exit_process()


if __name__ == "__main__":
    main()
