"""The judge's worker process: a child of the desk that holds the model and streams its reasoning.

`python -m core.judge.worker --home DIR` speaks the protocol of `core.jsonl_rpc`:

    {"id": 1, "do": "known", "query": ["walmart", "7"], "candidates": [["amazon", "9"], …]}
        -> {"id": 1, "result": {"verdicts": [{"candidate": ["amazon", "9"], "answer": "MATCH", …}]}}
           The cached verdicts.
    {"id": 2, "do": "verdict", "query": …, "candidate": …}
        -> {"id": 2, "piece": "Similarities: …"}, once per chunk of reasoning, then
           {"id": 2, "result": {"verdicts": […], "worth": the judge's gain over the matcher, a sentence}}
    {"id": 3, "do": "ahead", "query": …, "candidates": […]}
        -> as `known`, after prefetching: verdicts are computed until all are available or another request arrives.
    {"id": 4, "do": "stop"}
        -> {"id": 4, "result": {}}

A request supersedes the one in progress, which is then cancelled.
"""

import argparse
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from queue import Empty
from typing import Any, BinaryIO

from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.jsonl_rpc import (
    Lines,
    error_response,
    exit_process,
    parse_product,
    parse_request,
    read_lines,
    start_worker_process,
    write_response,
)
from core.judge.factory import make_judge
from core.judge.interface import StoredVerdictsJudge
from core.judge.pair_context import ContextBuilder, PairContext
from core.judge.verdict import Verdict
from core.settings import load_settings
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import Pair

#: Candidates per request.
_MAX_CANDIDATES = 100


class SupersededError(CoreError):
    """A later request cancelled this one."""


class JudgeWorker:
    """Answers requests about one workspace.

    Args:
        workspace: the workspace.
        judge: the judge; by default the configured one, constructed on first use so that a configuration error is
            reported as the answer to a request.
    """

    def __init__(self, workspace: Workspace, judge: StoredVerdictsJudge | None = None) -> None:
        self._workspace = workspace
        self._loaded_judge = judge
        self._catalog = CatalogStore(workspace.catalog)
        self._contexts = ContextBuilder(self._catalog, Vocabulary.load(workspace.vocabulary))

    def close(self) -> None:
        """Release the model and the files."""
        if self._loaded_judge is not None:
            self._loaded_judge.close()
        self._catalog.close()

    @property
    def _judge(self) -> StoredVerdictsJudge:
        if self._loaded_judge is None:
            self._loaded_judge = make_judge(self._workspace, load_settings(self._workspace.settings))
        return self._loaded_judge

    def respond(self, line: bytes, superseded: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """Yield the responses to one request: chunks, if any, and one result or error.

        Args:
            line: the request.
            superseded: tells whether another request has arrived.
        """
        request_id = None
        try:
            request = parse_request(line)
            request_id = request["id"]
            for response in self._dispatch(request, superseded):
                yield {"id": request_id, **response}
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - reported to the desk; the worker continues
            yield error_response(request_id, error)

    def _dispatch(self, request: dict[str, Any], superseded: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        match request["do"]:
            case "known":
                found = [(context, self._judge.lookup(context)) for context in self._parse_contexts(request)]
                yield _result([(context, verdict) for context, verdict in found if verdict is not None])
            case "verdict":
                yield from self._stream(request, superseded)
            case "ahead":
                yield _result(list(self._prefetch(self._parse_contexts(request), superseded)))
            case "stop":
                yield {"result": {}}
            case _:
                raise CoreError(
                    "The judge does not support this request.", "It supports known, verdict, ahead and stop."
                )

    def _parse_contexts(self, request: dict[str, Any]) -> list[PairContext]:
        candidates = request.get("candidates")
        if not isinstance(candidates, list) or len(candidates) > _MAX_CANDIDATES:
            raise CoreError(f"candidates must be a list of at most {_MAX_CANDIDATES} products.")
        query = parse_product(request.get("query"))
        return list(self._contexts.build(Pair(query, parse_product(candidate)) for candidate in candidates))

    def _stream(self, request: dict[str, Any], superseded: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        contexts = self._parse_contexts({**request, "candidates": [request.get("candidate")]})
        if not contexts:
            raise CoreError("A listing of this pair is no longer in the catalogue.")
        (context,) = contexts
        with closing(self._judge.stream(context)) as chunks:
            try:
                while True:
                    if chunk := next(chunks):
                        yield {"piece": chunk}
                    if superseded():
                        raise SupersededError("The judge was stopped.")
            except StopIteration as end:
                result = _result([(context, end.value)])
                # Imported late: the module imports numpy and scipy, which the first chunk should not wait for.
                from core.judge.report import ablation_summary  # noqa: PLC0415

                result["result"]["worth"] = ablation_summary(self._workspace, self._judge.name)
                yield result

    def _prefetch(
        self, contexts: list[PairContext], superseded: Callable[[], bool]
    ) -> Iterator[tuple[PairContext, Verdict]]:
        """Compute verdicts one by one, so that another request waits for a single verdict at most."""
        for context in contexts:
            if (verdict := self._judge.lookup(context)) is None:
                if superseded():
                    return
                (verdict,) = self._judge.verdicts([context])
            yield context, verdict


def _result(verdicts: list[tuple[PairContext, Verdict]]) -> dict[str, Any]:
    rows = [{**asdict(verdict), "candidate": list(context.candidate.ref)} for context, verdict in verdicts]
    return {"result": {"verdicts": rows}}


def serve(worker: JudgeWorker, requests: BinaryIO, responses: BinaryIO) -> None:
    """Answer requests until the input ends or the reader is gone."""
    lines, pending = read_lines(requests), deque[bytes | None]()
    with suppress(BrokenPipeError):
        while (line := pending.popleft() if pending else lines.get()) is not None:
            for response in worker.respond(line, lambda: _receive_pending(lines, pending)):
                write_response(responses, response)
    worker.close()


def _receive_pending(lines: Lines, pending: deque[bytes | None]) -> bool:
    """Move the lines that have arrived, or the end of input, to `pending`; whether there are any."""
    with suppress(Empty):
        while True:
            pending.append(lines.get_nowait())
    return bool(pending)


def main() -> None:
    """`python -m core.judge.worker`."""
    parser = argparse.ArgumentParser(prog="core.judge.worker", description=__doc__.partition("\n")[0])
    parser.add_argument("--home", type=Path, required=True, help="The workspace.")
    workspace = Workspace.locate(parser.parse_args().home).require()
    responses = start_worker_process()
    with suppress(KeyboardInterrupt):
        serve(JudgeWorker(workspace), sys.stdin.buffer, responses)
    exit_process()


if __name__ == "__main__":
    main()
