"""Runs modules in forks of a process that has loaded every library, so that a run costs milliseconds, not seconds.

    python -m tests.bench.forks.server SOCKET STAND_IN [MODULE ...]

Each fork is a process of its own, with the caller's standard files, environment and folder, as `python -m MODULE` would
be; `sys.executable` is the stand-in, so that what the program starts itself is a fork, too. A caller that goes away
takes its run with it. The server ends when its standard input does. It loads the named modules, too.
"""

import atexit
import importlib
import io
import os
import random
import runpy
import selectors
import signal
import socket
import sys
import tempfile
import threading
import traceback
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from tests.bench.forks.client import HEAD, answer, receive

#: What the verbs, the engine and the desk import while they run.
_LIBRARIES = (
    "core.cli.app", "core.matching.run", "core.matching.pair_rows", "core.matching.pair_rows", "core.queue.online",
    "core.matching.learners", "core.evaluation.campaign", "core.judge.cross_encoder", "core.retrieval.dense",
    "core.retrieval.encoder_registry", "core.cli.doctor", "tui.command_line", "tui.services.desk", "tui.plain.desk",
    "tui.app", "labels.migrations", "faiss", "lightgbm",
    "scipy.optimize", "sklearn.linear_model", "sklearn.model_selection", "pyarrow.parquet", "rapidfuzz",
)  # fmt: skip


@dataclass
class Run:
    """A fork, and who waits for it."""

    pid: int
    watch: int
    caller: socket.socket


class Server:
    """Forks on request; one thread, since a fork takes no others along."""

    def __init__(self, path: str, stand_in: str) -> None:
        self._stand_in = stand_in
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(64)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._selector.register(0, selectors.EVENT_READ, None)

    def serve(self) -> NoReturn:
        """Until this process is ended."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj == 0:
                    sys.exit()  # whoever started the server is gone
                if key.data is None:
                    self._accept()
                elif key.fileobj is key.data.caller:
                    self._hear(key.data)
                else:
                    self._reap(key.data)

    def _accept(self) -> None:
        caller, _ = self._listener.accept()
        head, descriptors, _, _ = socket.recv_fds(caller, HEAD, 3)
        request = receive(caller, head)
        if request is None or len(descriptors) != 3:
            caller.close()
            return
        pid = os.fork()
        if not pid:
            self._become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        run = Run(pid, os.pidfd_open(pid), caller)
        self._selector.register(run.watch, selectors.EVENT_READ, run)
        self._selector.register(caller, selectors.EVENT_READ, run)
        with suppress(OSError):
            answer(caller, {"pid": pid})

    def _hear(self, run: Run) -> None:
        """Hand on a signal; a caller that is gone ends its run."""
        try:
            heard = run.caller.recv(16)
        except OSError:
            heard = b""
        for number in heard or (signal.SIGKILL,):
            with suppress(ProcessLookupError):
                os.kill(run.pid, number)
        if not heard:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
            self._selector.unregister(run.caller)
            run.caller.close()

    def _reap(self, run: Run) -> None:
        _, status, usage = os.wait4(run.pid, 0)
        self._selector.unregister(run.watch)
        os.close(run.watch)
        if run.caller.fileno() < 0:
            return
        self._selector.unregister(run.caller)
        with suppress(OSError):
            code = os.waitstatus_to_exitcode(status)
            answer(run.caller, {"code": code, "cpu_s": usage.ru_utime + usage.ru_stime})
        run.caller.close()

    def _become(self, request: dict[str, Any], descriptors: list[int]) -> NoReturn:
        """The fork: be what `python -m MODULE` is."""
        code = 1
        try:
            os.setsid()
            self._listener.close()
            self._selector.close()
            for target, descriptor in enumerate(descriptors):
                os.dup2(descriptor, target)
            os.closerange(3, 256)
            _settle(request, self._stand_in)
            code = _run(request["module"], request["arguments"])
        finally:
            os._exit(code)


def _settle(request: dict[str, Any], stand_in: str) -> None:
    """Standard files, environment and whatever Python remembers of them."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = _writer(1, "surrogateescape")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _writer(2, "backslashreplace")  # type: ignore[misc]
    sys.executable = stand_in
    tempfile.tempdir = None
    random.seed()


def _writer(descriptor: int, errors: str) -> io.TextIOWrapper:
    lines = descriptor == 2 or os.isatty(descriptor)
    out = open(descriptor, "w", encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
    out.reconfigure(line_buffering=lines)
    return out


def _run(module: str, arguments: list[str]) -> int:
    """Run a module as the main one, and end as the interpreter does. Returns the exit code."""
    sys.argv = [module, *arguments]
    code: object = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # that a module was imported before it is run
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - told as the interpreter tells it
        traceback.print_exc()
        code = 1
    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for out in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            out.flush()
    return int(code or 0) & 0xFF


def main() -> None:
    """Load, say so on standard output, serve."""
    for name in (*_LIBRARIES, *sys.argv[3:]):
        importlib.import_module(name)
    if threading.active_count() > 1:
        sys.exit(f"a library started a thread, which no fork takes along: {threading.enumerate()}")
    server = Server(sys.argv[1], sys.argv[2])
    atexit._clear()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main()
