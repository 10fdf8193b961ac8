"""The desk's end of a child process that is started late, restarted if it dies, and never waited for.

The matcher worker and the judge worker are such processes; `core.jsonl_rpc` describes the protocol. Requests are made
in worker threads. The desk works without them: a caller gets `EngineError` and goes on.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.interpreter import module_command
from tui.errors import EngineError, EngineRefusalError

#: The first request waits for the libraries to load, and a fit of many labels takes a while beside other work.
_PATIENCE_S = 120.0
#: How long to wait before starting it again after each death; then it is left alone.
_PAUSES_S = (1.0, 5.0, 30.0)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that waits for its answer."""

    answer: "Future[dict[str, Any]]" = field(default_factory=Future)
    heard: Callable[[str], None] | None = None


class WorkerClient:
    """One child process at a time. Any thread may ask.

    Args:
        home: the workspace.
        command: what to start; the engine itself if not given.
        pauses_s: seconds to wait before each restart.
        name: what it is called in sentences.
    """

    def __init__(
        self,
        home: Path,
        command: Sequence[str] = (),
        pauses_s: Sequence[float] = _PAUSES_S,
        name: str = "engine",
    ) -> None:
        self._command = list(command) or module_command("core.matcher_worker", "--home", str(home))
        self._pauses_s = pauses_s
        self._name = name
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: dict[int, _Asked] = {}
        self._number = 0
        self._deaths = 0
        self._not_before = 0.0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        process = self._process
        return process.pid if process is not None else None

    def ask(
        self,
        do: str,
        *,
        patience_s: float = _PATIENCE_S,
        heard: Callable[[str], None] | None = None,
        **values: object,
    ) -> dict[str, Any]:
        """Have something done, and wait for it. Starts the child where it does not run. Any thread but the desk's own.

        Args:
            do: what.
            patience_s: how long to wait.
            heard: is given the pieces of an answer that comes in pieces, on another thread.
            values: the rest of the request.

        Raises:
            EngineRefusalError: it says that it cannot do it, and why.
            EngineError: there is no engine, it died meanwhile, or it takes too long.
        """
        asked = _Asked(heard=heard)
        number = self._send(asked, do, values)
        try:
            return asked.answer.result(patience_s)
        except NotYet as error:
            raise EngineError(f"The {self._name} takes too long.", "The desk goes on without it.") from error
        finally:
            self._waiting.pop(number, None)

    def tell(self, do: str) -> None:
        """Have something done by a child that runs, without waiting for it.

        Raises:
            EngineError: it has just ended.
        """
        if self._process is not None:
            self._send(None, do, {})

    def _send(self, asked: "_Asked | None", do: str, values: Mapping[str, object]) -> int:
        with self._lock:
            process = self._running()
            self._number += 1
            number = self._number
            if asked is not None:
                self._waiting[number] = asked
            try:
                assert process.stdin is not None  # noqa: S101 - opened as a pipe
                process.stdin.write(json.dumps({"id": number, "do": do, **values}).encode() + b"\n")
                process.stdin.flush()
            except (OSError, ValueError) as error:
                self._waiting.pop(number, None)
                raise self._ended() from error
        return number

    def _ended(self) -> EngineError:
        return EngineError(f"The {self._name} has just ended.", "It is started again by itself.")

    def close(self, wait_s: float = 0.0) -> None:
        """Let the engine end: it does so when its input ends. Waits for that if told to."""
        with self._lock:
            self._closed = True
            process = self._process
            orphans = [asked.answer for asked in self._waiting.values()]
            self._waiting.clear()
        # Nobody who leaves waits for an answer.
        _disappoint(orphans, EngineError("The desk is being left."))
        if process is None:
            return
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        if wait_s:
            with suppress(subprocess.TimeoutExpired):
                process.wait(wait_s)

    def _running(self) -> "subprocess.Popen[bytes]":
        """The child, started if need be. Called with the lock."""
        if self._closed:
            raise EngineError("The desk is being left.")
        if self._process is not None:
            if self._process.poll() is None:
                return self._process
            raise self._ended()
        if self._deaths > len(self._pauses_s):
            raise EngineError(
                f"The {self._name} ended several times and is left alone.",
                "Leave the desk and start it again to try anew.",
            )
        if time.monotonic() < self._not_before:
            raise self._ended()
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # A session of its own: ctrl+c at the desk is not meant for it.
                start_new_session=True,
                cwd=Path(__file__).parents[1],
            )
        except OSError as error:
            self._deaths = len(self._pauses_s) + 1
            raise EngineError(f"The {self._name} cannot be started: {error.strerror}.") from error
        self._process = process
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        return process

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        """Hand answers to those who wait for them, until the child is gone."""
        assert process.stdout is not None  # noqa: S101 - opened as a pipe
        with process.stdout:
            for line in process.stdout:
                self._hand_over(line)
        process.wait()
        with self._lock:
            self._process = None
            if not self._closed:
                self._not_before = time.monotonic() + self._pauses_s[min(self._deaths, len(self._pauses_s) - 1)]
                self._deaths += 1
            orphans = [asked.answer for asked in self._waiting.values()]
            self._waiting.clear()
        _disappoint(orphans, EngineError(f"The {self._name} ended unexpectedly.", "It is started again by itself."))

    def _hand_over(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
            if "piece" in answer:
                if (asked := self._waiting.get(answer["id"])) is not None and asked.heard is not None:
                    asked.heard(str(answer["piece"]))
                return
            asked = self._waiting.pop(answer["id"], None)
            if asked is None:
                return
            if "error" in answer:
                _disappoint([asked.answer], EngineRefusalError(str(answer["error"]), str(answer.get("hint", ""))))
            else:
                asked.answer.set_result(dict(answer["result"]))
                # It works: earlier deaths are forgiven.
                self._deaths = 0
        except (ValueError, TypeError, KeyError, AttributeError):
            return  # no answer of ours


def _disappoint(waiting: "Iterable[Future[dict[str, Any]]]", error: EngineError) -> None:
    for each in waiting:
        # Whoever took it off the list alone settles it, unless its time is up.
        with suppress(InvalidStateError):
            each.set_exception(error)
