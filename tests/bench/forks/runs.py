"""Runs of samesku's modules in forks of one server: what came out, how long it took, and whether it hung."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.bench.forks.client import receive, send

ROOT = Path(__file__).parents[3]

#: A process that has waited so long for nothing that it does itself hangs.
IDLE_S = 10.0
#: However busy: no verb takes so long on a workspace of this size, not on a machine with ten others at work.
WALL_S = 60.0
_LOOK_EVERY_S = 0.5
_MODEL_LIBRARIES = ("sentence_transformers", "sentence_transformers.cross_encoder")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run that ended.

    Attributes:
        command: the module and its arguments.
        code: the exit code, negative for a signal; None where it hung and was killed.
        text: all that it wrote, on both outputs.
        cpu_s: seconds of processor time, 0 where it hung.
    """

    command: tuple[str, ...]
    code: int | None
    text: str
    cpu_s: float = 0.0


class Runs:
    """A server, and what is run in its forks. The context manager starts and ends it.

    Args:
        folder: for the server's socket and the stand-in interpreter.
        models: whether forks use model libraries, which the server takes seconds to load.

    Attributes:
        stand_in: a program to start in the place of the interpreter, as `[stand_in, "-m", MODULE, …]`.
    """

    def __init__(self, folder: Path, *, models: bool = True) -> None:
        self._modules = _MODEL_LIBRARIES if models else ()
        self._socket = folder / "server.sock"
        self.stand_in = folder / "python"
        self._server: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        client = Path(__file__).with_name("client.py")
        self.stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{client}" "{self._socket}" "$@"\n')
        self.stand_in.chmod(0o700)
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.forks.server", self._socket, self.stand_in, *self._modules],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
        )  # fmt: skip
        assert self._server.stdout is not None
        if self._server.stdout.readline() != "ready\n":
            raise RuntimeError("the server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        for pid in self.running():  # what hangs would outlive its caller
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        self._server.kill()
        self._server.wait()

    def run(
        self, *arguments: str, module: str = "tui", environment: Mapping[str, str], folder: Path, text: str = ""
    ) -> Outcome:
        """Run a module to its end, with a text on its standard input."""
        with Dialogue(self, [module, *arguments], environment, folder) as dialogue:
            dialogue.send(text)
            dialogue.end_input()
            return dialogue.outcome()

    def wait(self, within_s: float = 60.0) -> list[int]:
        """Wait until all forks have ended, as an engine does shortly after its desk. Returns those that have not."""
        deadline = time.monotonic() + within_s
        while (left := self.running()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def running(self) -> list[int]:
        """The forks that have not ended."""
        assert self._server is not None
        return [
            int(pid) for pid in Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        ]

    def connect(self, request: dict[str, Any], descriptors: Sequence[int]) -> socket.socket:
        """Ask the server for a fork."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self._socket))
        send(connection, request, list(descriptors))
        return connection


class Dialogue:
    """A run that can be talked to line by line, both its outputs in one text.

    Args:
        idle_s: so long it may wait for nothing that it does itself, while somebody reads from it.
        wall_s: so long it may take to be read from once.

    Attributes:
        text: all that it has written so far.
        pid: of the fork.
    """

    def __init__(
        self,
        runs: Runs,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        idle_s: float = IDLE_S,
        wall_s: float = WALL_S,
    ) -> None:
        self.command = tuple(command)
        self._patience_s = idle_s, wall_s
        self.text = ""
        theirs_in, self._input = os.pipe()
        self._output, theirs_out = os.pipe()
        request = {
            "module": command[0], "arguments": list(command[1:]), "environment": dict(environment),
            "folder": str(folder),
        }  # fmt: skip
        self._connection = runs.connect(request, [theirs_in, theirs_out, theirs_out])
        os.close(theirs_in)
        os.close(theirs_out)
        self.pid: int = (receive(self._connection) or {"pid": 0})["pid"]
        self._ended: dict[str, Any] | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._selector.register(self._connection, selectors.EVENT_READ)
        self._raw = b""
        self._hung = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_input()
        self._selector.close()
        # Ends the run, where it has not ended.
        self._connection.close()
        os.close(self._output)

    def send(self, text: str) -> None:
        """Write to its standard input, as far as somebody reads it; a pipe holds more than any of these texts."""
        with suppress(BrokenPipeError):
            os.write(self._input, text.encode())

    def end_input(self) -> None:
        """Close its standard input."""
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def kill(self) -> None:
        """End it with SIGKILL."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def hear(self, mark: str) -> bool:
        """Read until `mark` has been written. Returns False where it ended before, or hangs."""
        return self.hear_until(lambda text: mark in text)

    def hear_until(self, enough: Callable[[str], bool]) -> bool:
        """The same, until all that has been written is enough."""
        return self._read(lambda: enough(self.text))

    def outcome(self) -> Outcome:
        """Read until it ends, or hangs and is killed."""
        done = self._read(lambda: False) or not self._hung
        if not done or self._ended is None:
            return Outcome(self.command, None, self.text)
        return Outcome(self.command, int(self._ended["code"]), self.text, self._ended["cpu_s"])

    def _read(self, enough: Callable[[], bool]) -> bool:
        watch = _Watch(self.pid, *self._patience_s)
        while not enough():
            if self._ended is not None and not self._more(0):
                return False
            if self._more(_LOOK_EVERY_S):
                watch.reset()
            elif watch.hangs():
                self._hung = True
                self.kill()
                return False
        return True

    def _more(self, wait_s: float) -> bool:
        """Read what there is. Returns whether there was something."""
        some = False
        for key, _ in self._selector.select(wait_s):
            if key.fileobj is self._connection:
                self._selector.unregister(self._connection)
                self._ended = receive(self._connection) or {"code": 1, "cpu_s": 0.0}
            elif part := os.read(self._output, 65536):
                self._raw += part
                self.text = self._raw.decode(errors="replace")
                some = True
            else:
                self._selector.unregister(self._output)
        return some


class _Watch:
    """Whether a process hangs: it neither writes, computes nor waits for a child; or all of that takes too long."""

    def __init__(self, pid: int, idle_s: float, wall_s: float) -> None:
        self._pid, self._idle_s, self._wall_s = pid, idle_s, wall_s
        self._begun = time.monotonic()
        self.reset()

    def reset(self) -> None:
        """Something came."""
        self._idle_since = time.monotonic()
        self._busy = _ticks(self._pid)

    def hangs(self) -> bool:
        """Look at it."""
        now, ticks = time.monotonic(), _ticks(self._pid)
        if ticks != self._busy or _has_children(self._pid):
            self._busy, self._idle_since = ticks, now
        return now - self._idle_since > self._idle_s or now - self._begun > self._wall_s


def _ticks(pid: int) -> tuple[str, ...]:
    """The state of a process where it wants a processor, and what it has used of one: proc(5), fields 3, 14 and 15."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ()
    return (str(time.monotonic()) if fields[0] in "RD" else "", *fields[11:13])


def _has_children(pid: int) -> bool:
    try:
        return any(task.joinpath("children").read_text() for task in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False
