"""The matcher worker: a child process of the desk with the matcher in memory; requests and responses are JSON lines.

`python -m core.matcher_worker --home DIR` reads requests on standard input, one JSON object per line, and writes
one response per line to standard output:

    {"id": 1, "do": "ping"}                               -> {"id": 1, "result": {"pid": 4711}}
    {"id": 2, "do": "refit"}                              -> {"id": 2, "result": {"standing": …, "order": […], …}}
    {"id": 3, "do": "reasons", "query": ["walmart", "7"], "candidate": ["amazon", "9"]}
                                                          -> {"id": 3, "result": {"for": […], "against": […], …}}
    {"id": 4, "do": "stop"}                               -> {"id": 4, "result": {}}

A request that fails is answered with {"id": …, "error": a sentence, "hint": a way out}. The worker ends on `stop`, and
when its standard input ends because the desk has ended; a response that still takes long is then abandoned.
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

#: Seconds without a request after which new probabilities are published, and the minimum between two publications.
_IDLE_S, _PUBLISH_INTERVAL_S = 2.0, 30.0
#: Seconds that a running request may take after the desk has ended.
_GRACE_S = 2.0


class MatcherWorker:
    """Answers requests about one workspace, one at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._online: OnlineMatcher | None = None
        self._published_at = -_PUBLISH_INTERVAL_S
        self._idle = threading.Event()
        self._idle.set()
        self.stopped = False

    def answer(self, line: bytes) -> dict[str, Any]:
        """The response to one line, for any content."""
        request_id = None
        self._idle.clear()
        try:
            request = parse_request(line)
            request_id = request["id"]
            return {"id": request_id, "result": self._do(request)}
        except Exception as error:  # noqa: BLE001 - sent to the desk; the worker goes on
            return error_response(request_id, error)
        finally:
            self._idle.set()

    def abandon(self) -> None:
        """End the process after the desk has ended, unless the running request is done in a moment.

        A fit to many labels would otherwise go on for half a minute.
        """
        if not self._idle.wait(_GRACE_S):
            exit_process()

    def publish_when_due(self) -> None:
        """Publish new probabilities, unless the last publication was a moment ago."""
        if self._online is not None and time.monotonic() - self._published_at >= _PUBLISH_INTERVAL_S:
            # Another program may have locked the file; the next idle moment is early enough.
            with suppress(sqlite3.Error, SameskuError, OSError):
                if self._online.publish():
                    self._published_at = time.monotonic()

    def close(self) -> None:
        """Publish new probabilities, and close the files."""
        if self._online is not None:
            with suppress(sqlite3.Error, SameskuError, OSError):
                self._online.close()

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
        raise CoreError("Unknown request to the matcher worker.", "It knows ping, refit, reasons and stop.")

    def _matcher(self) -> OnlineMatcher:
        if self._online is None:
            workspace, settings = self._workspace.require(), load_settings(self._workspace.settings)
            self._online = OnlineMatcher(workspace, settings, JudgeScores(workspace, settings).probabilities)
        return self._online


def serve(worker: MatcherWorker, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until `stop`, or until standard input ends."""
    lines = read_lines(requests, worker.abandon)
    try:
        # The pipe breaks when the desk has ended: publish and end.
        with suppress(BrokenPipeError):
            while not worker.stopped:
                try:
                    line = lines.get(timeout=_IDLE_S)
                except queue.Empty:
                    worker.publish_when_due()
                    continue
                if line is None:
                    break
                write_response(answers, worker.answer(line))
    finally:
        worker.close()


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
