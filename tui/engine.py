"""The desk's end of the engine: a child process that is started late, restarted if it dies, and never waited for.

Requests are made in worker threads. The desk is whole without the engine: whoever asks gets `EngineError` and goes on.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from pathlib import Path
from typing import Any

from tui.errors import EngineError, EngineRefusalError

#: The first request waits for the libraries to load, and a fit of many labels takes a while beside other work.
_PATIENCE_S = 120.0
#: How long to wait before starting it again after each death; then it is left alone.
_PAUSES_S = (1.0, 5.0, 30.0)


class Engine:
    """One child process at a time. Any thread may ask.

    Args:
        home: the workspace.
        command: what to start; the engine itself if not given.
        pauses_s: seconds to wait before each restart.
    """

    def __init__(self, home: Path, command: Sequence[str] = (), pauses_s: Sequence[float] = _PAUSES_S) -> None:
        self._command = list(command) or [sys.executable, "-m", "core.match.engine", "--home", str(home)]
        self._pauses_s = pauses_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._number = 0
        self._deaths = 0
        self._not_before = 0.0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        process = self._process
        return process.pid if process is not None else None

    def ask(self, do: str, *, patience_s: float = _PATIENCE_S, **values: object) -> dict[str, Any]:
        """Have something done, and wait for it. Starts the engine where it does not run. Any thread but the desk's own.

        Raises:
            EngineRefusalError: it says that it cannot do it, and why.
            EngineError: there is no engine, it died meanwhile, or it takes too long.
        """
        answer: Future[dict[str, Any]] = Future()
        with self._lock:
            process = self._running()
            self._number += 1
            number = self._number
            self._waiting[number] = answer
            try:
                assert process.stdin is not None  # noqa: S101 - opened as a pipe
                process.stdin.write(json.dumps({"id": number, "do": do, **values}).encode() + b"\n")
                process.stdin.flush()
            except (OSError, ValueError) as error:
                self._waiting.pop(number, None)
                raise EngineError("The engine has just ended.", "It is started again by itself.") from error
        try:
            return answer.result(patience_s)
        except NotYet as error:
            raise EngineError("The engine takes too long.", "The desk goes on without it.") from error
        finally:
            self._waiting.pop(number, None)

    def close(self, wait_s: float = 0.0) -> None:
        """Let the engine end: it does so when its input ends. Waits for that if told to."""
        with self._lock:
            self._closed = True
            process = self._process
            orphans = list(self._waiting.values())
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
            raise EngineError("The engine has just ended.", "It is started again by itself.")
        if self._deaths > len(self._pauses_s):
            raise EngineError(
                "The engine ended several times and is left alone.", "Leave the desk and start it again to try anew."
            )
        if time.monotonic() < self._not_before:
            raise EngineError("The engine has just ended.", "It is started again by itself.")
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
            raise EngineError(f"The engine cannot be started: {error.strerror}.") from error
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
            orphans = list(self._waiting.values())
            self._waiting.clear()
        _disappoint(orphans, EngineError("The engine ended unexpectedly.", "It is started again by itself."))

    def _hand_over(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
            waiting = self._waiting.pop(answer["id"], None)
            if waiting is None:
                return
            if "error" in answer:
                _disappoint([waiting], EngineRefusalError(str(answer["error"]), str(answer.get("hint", ""))))
            else:
                waiting.set_result(dict(answer["result"]))
                # It works: earlier deaths are forgiven.
                self._deaths = 0
        except (ValueError, TypeError, KeyError, AttributeError):
            return  # no answer of ours


def _disappoint(waiting: "Iterable[Future[dict[str, Any]]]", error: EngineError) -> None:
    for each in waiting:
        # Whoever took it off the list alone settles it, unless its time is up.
        with suppress(InvalidStateError):
            each.set_exception(error)
