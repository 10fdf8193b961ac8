"""The judge's own process: a child of the desk that holds the judge's model, and talks while it reasons.

`python -m core.judge.worker --home DIR` is asked as `core.jsonl_rpc` says:

    {"id": 1, "do": "known", "query": ["walmart", "7"], "candidates": [["amazon", "9"], …]}
        -> {"id": 1, "result": {"verdicts": [{"candidate": ["amazon", "9"], "answer": "MATCH", …}]}}
    {"id": 2, "do": "verdict", "query": …, "candidate": …}
        -> {"id": 2, "piece": "Similarities: …"}, as often as the judge has more to say, then
           {"id": 2, "result": {"verdicts": […], "worth": what the judge is worth, a sentence}}
    {"id": 3, "do": "ahead", "query": …, "candidates": […]}    -> as `known`, of as many as were judged by then
    {"id": 4, "do": "stop"}                                    -> {"id": 4, "result": {}}

A request that comes while another is being answered ends that one: whoever sits at the desk has moved on.
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

#: No more candidates are asked about at once.
_MOST = 100


class MovedOnError(CoreError):
    """Another request came in the meantime."""


class JudgeWorker:
    """Answers requests about one workspace with one judge: the given one, or that of the settings."""

    def __init__(self, workspace: Workspace, judge: StoredVerdictsJudge | None = None) -> None:
        self._workspace = workspace
        self._chosen = judge
        self._catalog = CatalogStore(workspace.catalog)
        self._cases = ContextBuilder(self._catalog, Vocabulary.load(workspace.vocabulary))

    def close(self) -> None:
        """Let go of the model and the files."""
        if self._chosen is not None:
            self._chosen.close()
        self._catalog.close()

    @property
    def _judge(self) -> StoredVerdictsJudge:
        """Chosen when it is first needed, so that what is missing is told to whoever asks."""
        if self._chosen is None:
            self._chosen = make_judge(self._workspace, load_settings(self._workspace.settings))
        return self._chosen

    def answers(self, line: bytes, moved_on: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """What is answered to one line: pieces, if any, and one result or refusal."""
        request_id = None
        try:
            request = parse_request(line)
            request_id = request["id"]
            for said in self._done(request, moved_on):
                yield {"id": request_id, **said}
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - the desk is told, and the child goes on
            yield error_response(request_id, error)

    def _done(self, request: dict[str, Any], moved_on: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        match request["do"]:
            case "known":
                found = [(case, self._judge.known(case)) for case in self._asked(request)]
                yield _result([(case, verdict) for case, verdict in found if verdict is not None])
            case "verdict":
                yield from self._talked(request, moved_on)
            case "ahead":
                yield _result(list(self._ahead(self._asked(request), moved_on)))
            case "stop":
                yield {"result": {}}
            case _:
                raise CoreError("The judge does not know how to do that.", "It does known, verdict, ahead and stop.")

    def _asked(self, request: dict[str, Any]) -> list[PairContext]:
        candidates = request.get("candidates")
        if not isinstance(candidates, list) or len(candidates) > _MOST:
            raise CoreError(f"candidates is a list of {_MOST} products at most.")
        query = parse_product(request.get("query"))
        return list(self._cases.of(Pair(query, parse_product(candidate)) for candidate in candidates))

    def _talked(self, request: dict[str, Any], moved_on: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        cases = self._asked({**request, "candidates": [request.get("candidate")]})
        if not cases:
            raise CoreError("A listing of this pair is no longer in the catalogue.")
        (case,) = cases
        with closing(self._judge.stream(case)) as talk:
            try:
                while True:
                    if piece := next(talk):
                        yield {"piece": piece}
                    if moved_on():
                        raise MovedOnError("The judge was stopped.")
            except StopIteration as ended:
                result = _result([(case, ended.value)])
                # Reports are light to read.
                from core.judge.report import ablation_of  # noqa: PLC0415

                result["result"]["worth"] = ablation_of(self._workspace, self._judge.name)
                yield result

    def _ahead(self, cases: list[PairContext], moved_on: Callable[[], bool]) -> Iterator[tuple[PairContext, Verdict]]:
        """One by one, so that whoever asks for something else waits for one verdict at most; then this ends early."""
        for case in cases:
            if (verdict := self._judge.known(case)) is None:
                if moved_on():
                    return
                (verdict,) = self._judge.verdicts([case])
            yield case, verdict


def _result(verdicts: list[tuple[PairContext, Verdict]]) -> dict[str, Any]:
    told = [{**asdict(verdict), "candidate": list(case.candidate.ref)} for case, verdict in verdicts]
    return {"result": {"verdicts": told}}


def serve(desk: JudgeWorker, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until nobody is there any more."""
    lines, held = read_lines(requests), deque[bytes | None]()
    with suppress(BrokenPipeError):
        while (line := held.popleft() if held else lines.get()) is not None:
            for answer in desk.answers(line, lambda: _come(lines, held)):
                write_response(answers, answer)
    desk.close()


def _come(lines: Lines, held: deque[bytes | None]) -> bool:
    """Whether another request, or the end, has come; it is held until its turn."""
    with suppress(Empty):
        while True:
            held.append(lines.get_nowait())
    return bool(held)


def main() -> None:
    """`python -m core.judge.worker`."""
    parser = argparse.ArgumentParser(prog="core.judge.worker", description=__doc__.partition("\n")[0])
    parser.add_argument("--home", type=Path, required=True, help="The workspace.")
    workspace = Workspace.locate(parser.parse_args().home).require()
    answers = start_worker_process()
    with suppress(KeyboardInterrupt):
        serve(JudgeWorker(workspace), sys.stdin.buffer, answers)
    exit_process()


if __name__ == "__main__":
    main()
