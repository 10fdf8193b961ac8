"""The desk's end of a worker process: started on the first request, restarted when it dies, never blocking the screen.

The matcher worker and the judge worker are such processes; `core.jsonl_rpc` describes the protocol. Requests are made
from background threads. The desk works without the worker: a caller gets `WorkerError` and goes on.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.interpreter import module_command
from tui.errors import WorkerError, WorkerRefusalError

#: The first request waits for the libraries to load, and fitting many labels takes a while on a busy machine.
_TIMEOUT_S = 120.0
#: Seconds to wait before each restart; after as many deaths the worker is not started again.
_RESTART_DELAYS_S = (1.0, 5.0, 30.0)


@dataclass(frozen=True, slots=True)
class _Request:
    """A request without an answer so far."""

    answer: "Future[dict[str, Any]]" = field(default_factory=Future)
    on_piece: Callable[[str], None] | None = None


class WorkerClient:
    """Client of one worker process. Any thread may send requests.

    Args:
        home: the workspace.
        command: command line of the worker; the matcher worker's if empty.
        restart_delays_s: seconds to wait before each restart.
        name: what error messages call the worker.
    """

    def __init__(
        self,
        home: Path,
        command: Sequence[str] = (),
        restart_delays_s: Sequence[float] = _RESTART_DELAYS_S,
        name: str = "matcher process",
    ) -> None:
        self._command = list(command) or module_command("core.matcher_worker", "--home", str(home))
        self._restart_delays_s = restart_delays_s
        self._name = name
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pending: dict[int, _Request] = {}
        self._last_id = 0
        self._deaths = 0
        self._restart_at = 0.0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The worker's process id; None while it does not run."""
        process = self._process
        return process.pid if process is not None else None

    def ask(
        self,
        do: str,
        *,
        timeout_s: float = _TIMEOUT_S,
        on_piece: Callable[[str], None] | None = None,
        **values: object,
    ) -> dict[str, Any]:
        """Send a request and wait for its answer; starts the worker if needed. Not in the event loop's thread.

        Args:
            do: name of the operation.
            timeout_s: seconds to wait for the answer.
            on_piece: called on another thread with each piece of a streamed answer.
            values: parameters of the operation.

        Raises:
            WorkerRefusalError: the worker answered with an error.
            WorkerError: the worker does not run, died meanwhile, or did not answer in time.
        """
        request = _Request(on_piece=on_piece)
        number = self._send(request, do, values)
        try:
            return request.answer.result(timeout_s)
        except TimeoutError as error:
            raise WorkerError(f"The {self._name} takes too long.", "The desk goes on without it.") from error
        finally:
            self._pending.pop(number, None)

    def notify(self, do: str) -> None:
        """Send a request that has no answer to a running worker; does nothing where none runs.

        Raises:
            WorkerError: it has just ended.
        """
        if self._process is not None:
            self._send(None, do, {})

    def close(self, wait_s: float = 0.0) -> None:
        """Fail pending requests and let the worker end by closing its input; wait up to `wait_s` seconds for that."""
        with self._lock:
            self._closed = True
            process = self._process
            orphans = self._take_pending()
        _fail(orphans, WorkerError("The desk is being left."))
        if process is None:
            return
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        if wait_s:
            with suppress(subprocess.TimeoutExpired):
                process.wait(wait_s)

    # -- sending -------------------------------------------------------------------------------------------

    def _send(self, request: _Request | None, do: str, values: Mapping[str, object]) -> int:
        with self._lock:
            process = self._running()
            self._last_id += 1
            number = self._last_id
            if request is not None:
                self._pending[number] = request
            try:
                assert process.stdin is not None  # noqa: S101 - opened as a pipe
                process.stdin.write(json.dumps({"id": number, "do": do, **values}).encode() + b"\n")
                process.stdin.flush()
            except (OSError, ValueError) as error:
                self._pending.pop(number, None)
                raise self._just_ended() from error
        return number

    def _running(self) -> "subprocess.Popen[bytes]":
        """The worker, started if needed. Call it with the lock held."""
        if self._closed:
            raise WorkerError("The desk is being left.")
        if self._process is not None:
            if self._process.poll() is None:
                return self._process
            raise self._just_ended()
        if self._deaths > len(self._restart_delays_s):
            raise WorkerError(
                f"The {self._name} ended several times and is not started again.",
                "Leave the desk and open it again.",
            )
        if time.monotonic() < self._restart_at:
            raise self._just_ended()
        return self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # A session of its own, so that ctrl+c at the desk does not reach it.
                start_new_session=True,
                cwd=Path(__file__).parents[1],
            )
        except OSError as error:
            self._deaths = len(self._restart_delays_s) + 1
            raise WorkerError(f"The {self._name} cannot be started: {error.strerror}.") from error
        self._process = process
        threading.Thread(target=self._read_answers, args=(process,), daemon=True).start()
        return process

    def _just_ended(self) -> WorkerError:
        return WorkerError(f"The {self._name} has just ended.", "It restarts automatically.")

    # -- receiving -----------------------------------------------------------------------------------------

    def _read_answers(self, process: "subprocess.Popen[bytes]") -> None:
        """Resolve pending requests until the worker ends. Runs in a thread."""
        assert process.stdout is not None  # noqa: S101 - opened as a pipe
        with process.stdout:
            for line in process.stdout:
                self._resolve(line)
        process.wait()
        with self._lock:
            self._process = None
            if not self._closed:
                delay = self._restart_delays_s[min(self._deaths, len(self._restart_delays_s) - 1)]
                self._restart_at = time.monotonic() + delay
                self._deaths += 1
            orphans = self._take_pending()
        _fail(orphans, WorkerError(f"The {self._name} ended unexpectedly.", "It restarts automatically."))

    def _resolve(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
            if "piece" in answer:
                if (request := self._pending.get(answer["id"])) is not None and request.on_piece is not None:
                    request.on_piece(str(answer["piece"]))
                return
            request = self._pending.pop(answer["id"], None)
            if request is None:
                return
            if "error" in answer:
                _fail([request.answer], WorkerRefusalError(str(answer["error"]), str(answer.get("hint", ""))))
            else:
                request.answer.set_result(dict(answer["result"]))
                # It works again: earlier deaths no longer count.
                self._deaths = 0
        except (ValueError, TypeError, KeyError, AttributeError):
            return  # not a message of the protocol

    def _take_pending(self) -> "list[Future[dict[str, Any]]]":
        """The futures of all pending requests, which are forgotten. Call it with the lock held."""
        orphans = [request.answer for request in self._pending.values()]
        self._pending.clear()
        return orphans


def _fail(futures: "Iterable[Future[dict[str, Any]]]", error: WorkerError) -> None:
    for future in futures:
        # It may be resolved already by a thread that took the request before, or be given up after its timeout.
        with suppress(InvalidStateError):
            future.set_exception(error)
