"""The matcher worker: a subprocess of the desk that holds the matcher in memory and answers JSON-lines requests.

`python -m core.matcher_worker --home DIR` speaks the protocol of `core.jsonl_rpc`:

    {"id": 1, "do": "ping"}                               -> {"id": 1, "result": {"pid": 4711}}
    {"id": 2, "do": "refit"}                              -> {"id": 2, "result": {"standing": …, "order": […], …}}
    {"id": 3, "do": "reasons", "query": ["walmart", "7"], "candidate": ["amazon", "9"]}
                                                          -> {"id": 3, "result": {"for": […], "against": […], …}}
    {"id": 4, "do": "stop"}                               -> {"id": 4, "result": {}}

It exits on `stop` and when its standard input is closed; a request that takes long is then abandoned.
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
    start_worker_process,
    write_response,
)
from core.judge.judge_scores import JudgeScores
from core.queue.online import OnlineMatcher
from core.settings import load_settings
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.model import Pair

#: New probabilities are published to other users after this idle time, and at most at this interval, in seconds.
_IDLE_S, _PUBLISH_INTERVAL_S = 2.0, 30.0
#: How long a running request may still take after the desk has exited, in seconds.
_GRACE_S = 2.0


class MatcherWorker:
    """Handles the requests about one workspace, one at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._online: OnlineMatcher | None = None
        self._published_at = -_PUBLISH_INTERVAL_S
        self._idle = threading.Event()
        self._idle.set()
        self.stopped = False

    def answer(self, line: bytes) -> dict[str, Any]:
        """The response to one line, whatever it contains."""
        request_id = None
        self._idle.clear()
        try:
            request = parse_request(line)
            request_id = request["id"]
            return {"id": request_id, "result": self._do(request)}
        except Exception as error:  # noqa: BLE001 - reported to the desk; the worker keeps running
            return error_response(request_id, error)
        finally:
            self._idle.set()

    def abandon(self) -> None:
        """End this process after the desk has exited, unless the running request completes within the grace period.

        A fit on many labels would otherwise go on for half a minute.
        """
        if not self._idle.wait(_GRACE_S):
            exit_process()

    def publish_if_due(self) -> None:
        """Publish the latest probabilities unless that was done recently."""
        if self._online is not None and time.monotonic() - self._published_at >= _PUBLISH_INTERVAL_S:
            # If another program has locked the file, the next idle period tries again.
            with suppress(sqlite3.Error, SameskuError, OSError):
                if self._online.publish():
                    self._published_at = time.monotonic()

    def close(self) -> None:
        """Publish unpublished probabilities and close the files."""
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
        raise CoreError("The matcher worker does not know this request.", "Requests are ping, refit, reasons and stop.")

    def _matcher(self) -> OnlineMatcher:
        if self._online is None:
            workspace, settings = self._workspace.require(), load_settings(self._workspace.settings)
            self._online = OnlineMatcher(workspace, settings, JudgeScores(workspace, settings).probabilities)
        return self._online


def serve(worker: MatcherWorker, requests: BinaryIO, responses: BinaryIO) -> None:
    """Handle requests until `stop`, or until the desk has closed the pipe."""
    lines = read_lines(requests, worker.abandon)
    try:
        with suppress(BrokenPipeError):
            while not worker.stopped:
                try:
                    line = lines.get(timeout=_IDLE_S)
                except queue.Empty:
                    worker.publish_if_due()
                    continue
                if line is None:
                    break
                write_response(responses, worker.answer(line))
    finally:
        worker.close()


def main() -> None:
    """`python -m core.matcher_worker`."""
    parser = argparse.ArgumentParser(prog="core.matcher_worker", description=__doc__.partition("\n")[0])
    parser.add_argument("--home", type=Path, required=True, help="The workspace.")
    home: Path = parser.parse_args().home
    responses = start_worker_process()
    with suppress(KeyboardInterrupt):
        serve(MatcherWorker(Workspace.locate(home)), sys.stdin.buffer, responses)
    exit_process()


if __name__ == "__main__":
    main()
