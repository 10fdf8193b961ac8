"""Child processes behind the desk: the judge worker, and commands of the headless command line."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.catalog.product import Product
from core.interpreter import module_command
from core.jobs.events import last_events
from core.jobs.job import FOLDER_VARIABLE
from core.judge.verdict import Answer, Verdict
from core.settings import JudgeSettings
from core.workspace import Workspace
from labels.files import private_folder
from labels.model import ProductRef
from tui.errors import VerbEndedError, VerbError, WorkerError
from tui.ports import JudgeOpinion, StageProgress
from tui.worker_client import WorkerClient

# -- judge -------------------------------------------------------------------------------------------------

_NO_JUDGE = "There is no judge yet: `samesku judge train --cross-encoder` makes one."
#: A model of several gigabytes is loaded before the first token, and a small machine generates slowly.
_JUDGE_TIMEOUT_S = 600.0


class JudgeClient:
    """The judge worker, started on the first request. Requests block: call them from a background thread."""

    def __init__(self, workspace: Workspace, settings: JudgeSettings) -> None:
        command = module_command("core.judge.worker", "--home", str(workspace.home))
        self._worker = WorkerClient(workspace.home, command, name="judge")
        self._settings = settings

    @property
    def trouble(self) -> str:
        """Why no judge can be asked, with the way out; empty where one is configured."""
        return "" if self._settings.use else _NO_JUDGE

    def verdict(self, query: Product, candidate: Product, on_text: Callable[[str], None]) -> JudgeOpinion:
        """Ask the judge about a pair.

        Args:
            query: the product under review.
            candidate: the product it may match.
            on_text: called on another thread with each piece of the judge's reasoning.

        Raises:
            WorkerError: the judge cannot answer, was stopped, or does not run.
        """
        answer = self._worker.ask(
            "verdict", timeout_s=_JUDGE_TIMEOUT_S, on_piece=on_text, query=query.ref, candidate=candidate.ref
        )
        verdicts = _verdicts(answer)
        if candidate.ref not in verdicts:
            raise _unreadable_answer()
        return JudgeOpinion(verdicts[candidate.ref], str(answer.get("worth", "")))

    def known_verdicts(self, query: ProductRef, candidates: Sequence[ProductRef]) -> dict[ProductRef, Verdict]:
        """Cached verdicts on a query's candidates; with `judge.prefetch`, the missing ones are computed.

        Raises:
            WorkerError: the judge does not run, or another request has replaced this one.
        """
        do = "ahead" if self._settings.prefetch else "known"
        return _verdicts(self._worker.ask(do, timeout_s=_JUDGE_TIMEOUT_S, query=query, candidates=list(candidates)))

    def stop(self) -> None:
        """Stop the current generation. Returns at once."""
        with suppress(WorkerError):
            self._worker.notify("stop")

    def close(self) -> None:
        """Let the worker end. Returns at once."""
        self._worker.close()


def _verdicts(answer: dict[str, Any]) -> dict[ProductRef, Verdict]:
    try:
        return {ProductRef(*entry.pop("candidate")): _verdict(entry) for entry in answer["verdicts"]}
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable_answer() from error


def _verdict(entry: dict[str, Any]) -> Verdict:
    answer = entry.pop("answer")
    return Verdict(answer=None if answer is None else Answer(answer), **entry)


def _unreadable_answer() -> WorkerError:
    return WorkerError("The judge's answer cannot be read.", "Leave the desk and open it again.")


# -- commands ----------------------------------------------------------------------------------------------

#: Seconds between SIGTERM and SIGKILL: what a cancelled command may take to clean up.
_CLEAN_UP_S = 5.0
#: How the command line prints an error: a sentence, and the way out below it.
_ERROR = re.compile(r"^Error: (.*)\n?((?s:.*))", re.MULTILINE)


class VerbRun:
    """One run of `python -m core`, which starts when `answer` is called."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._cancelled = False
        self._events: Path | None = None

    def answer(self) -> dict[str, Any]:
        """Run the command and return its JSON answer. Call it once, from a background thread.

        Raises:
            VerbError: the command failed, with its own message; or it cannot be started.
            VerbEndedError: it was cancelled.
        """
        with private_folder() as folder:
            process = self._start(folder)
            output, errors = process.communicate()
        if self._cancelled:
            raise VerbEndedError("It was ended.")
        try:
            # A check that found problems answers too, whatever its exit code.
            return dict(json.loads(output))
        except (ValueError, TypeError):
            raise _verb_error(errors, process.returncode) from None

    def _start(self, folder: Path) -> "subprocess.Popen[str]":
        with self._lock:
            if self._cancelled:
                raise VerbEndedError("It was ended.")
            self._events = folder / "events.jsonl"
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and verbs
                    self._command,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True, encoding="utf-8", errors="replace",
                    # A session of its own, so that ctrl+c at the desk does not reach it.
                    start_new_session=True,
                    cwd=Path(__file__).parents[2],
                    # It reports progress like a job, to a temporary folder that no list of jobs shows; as plain text.
                    env={**os.environ, FOLDER_VARIABLE: str(folder), "FORCE_COLOR": "", "TTY_COMPATIBLE": "0"},
                )  # fmt: skip
            except OSError as error:
                raise VerbError(f"It cannot be started: {error.strerror}.") from error
            return self._process

    @property
    def has_ended(self) -> bool:
        """Whether it ended or was cancelled."""
        return self._cancelled or (self._process is not None and self._process.poll() is not None)

    def progress(self) -> StageProgress | None:
        """The current stage; None while nothing was reported. Reads a small file."""
        if self._events is None:
            return None
        with suppress(OSError):
            return _stage_progress(last_events(self._events))
        return None

    def cancel(self) -> None:
        """End it, even before it has started. Returns at once; further calls do nothing."""
        with self._lock:
            first, self._cancelled = not self._cancelled, True
            process = self._process
        if process is None or not first or process.poll() is not None:
            return
        _signal(process, signal.SIGTERM)
        kill = threading.Timer(_CLEAN_UP_S, lambda: _signal(process, signal.SIGKILL))
        kill.daemon = True
        kill.start()


class VerbRunner:
    """Runs commands on one workspace under the annotator's name.

    Args:
        home: the workspace.
        annotator: the name that the commands run under; they check its permissions themselves.
        command: the program; the headless command line if empty.
    """

    def __init__(self, home: Path, annotator: str, command: tuple[str, ...] = ()) -> None:
        self._command = [
            *(command or module_command("core")), "--home", str(home), "--as", annotator, "--json",
        ]  # fmt: skip
        self._runs: list[VerbRun] = []

    def ask(self, *arguments: str) -> VerbRun:
        """`python -m core ARGUMENTS --json`, not started yet."""
        run = VerbRun([*self._command, *arguments])
        self._runs = [*(each for each in self._runs if not each.has_ended), run]
        return run

    def close(self) -> None:
        """Cancel all commands that run."""
        for run in self._runs:
            run.cancel()


def _signal(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """Signal the child's process group; after `poll`, since the process id may have been reused by now."""
    if process.poll() is None:
        with suppress(OSError):
            os.killpg(process.pid, number)


def _verb_error(errors: str, code: int) -> VerbError:
    """The error that the command line printed, as an exception."""
    found = _ERROR.search(errors)
    if found is None:
        return VerbError(f"It ended with code {code} and said nothing.", "`samesku doctor` shows what may be wrong.")
    return VerbError(found[1], " ".join(found[2].split()))


def _stage_progress(latest: dict[str, dict[str, Any]]) -> StageProgress | None:
    progress = latest.get("progress", {})
    stage = latest.get("stage") or progress
    if not stage:
        return None
    return StageProgress(stage["stage"], progress.get("done", 0), stage.get("total"), progress.get("left_s"))
