"""The judge's process, asked over a pipe."""

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
from tui.errors import EngineError, VerbEndedError, VerbError
from tui.ports import Counsel, Headway
from tui.worker_client import WorkerClient

_NONE = "There is no judge yet: `samesku judge train --cross-encoder` makes one."
#: A model of several gigabytes is loaded before the first word, and a small machine reasons slowly.
_PATIENCE_S = 600.0


class JudgeClient:
    """A `tui.ports.JudgePort`. The process is started when it is first asked."""

    def __init__(self, workspace: Workspace, settings: JudgeSettings) -> None:
        command = module_command("core.judge.worker", "--home", str(workspace.home))
        self._child = WorkerClient(workspace.home, command, name="judge")
        self._settings = settings

    @property
    def trouble(self) -> str:
        """Why there is no judge to ask; empty where there is one."""
        return "" if self._settings.use else _NONE

    def verdict(self, query: Product, candidate: Product, heard: Callable[[str], None]) -> Counsel:
        """Ask about a pair, and hear it reason."""
        answer = self._child.ask(
            "verdict", patience_s=_PATIENCE_S, heard=heard, query=query.ref, candidate=candidate.ref
        )
        found = _verdicts(answer)
        if candidate.ref not in found:
            raise EngineError("The judge's answer makes no sense.", "Leave the desk and start it again.")
        return Counsel(found[candidate.ref], str(answer.get("worth", "")))

    def known(self, query: ProductRef, candidates: Sequence[ProductRef]) -> dict[ProductRef, Verdict]:
        """What it has said of candidates, or, where the settings want it, what it says of all of them."""
        do = "ahead" if self._settings.prefetch else "known"
        return _verdicts(self._child.ask(do, patience_s=_PATIENCE_S, query=query, candidates=list(candidates)))

    def stop(self) -> None:
        """Let it stop what it is saying."""
        with suppress(EngineError):
            self._child.tell("stop")

    def close(self) -> None:
        """Let it end."""
        self._child.close()


def _verdicts(answer: dict[str, Any]) -> dict[ProductRef, Verdict]:
    try:
        return {ProductRef(*told.pop("candidate")): _verdict(told) for told in answer["verdicts"]}
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError("The judge's answer makes no sense.", "Leave the desk and start it again.") from error


def _verdict(told: dict[str, Any]) -> Verdict:
    answer = told.pop("answer")
    return Verdict(answer=None if answer is None else Answer(answer), **told)


#: How long a verb that is told to end may take to clean up.
_GRACE_S = 5.0
#: How the command line tells what went wrong: a sentence, and the way out below it.
_ERROR = re.compile(r"^Error: (.*)\n?((?s:.*))", re.MULTILINE)


class ChildVerb:
    """A `tui.ports.Asked`: one run of `python -m core`."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._ended = False
        self._events: Path | None = None

    def answer(self) -> dict[str, Any]:
        """Run the verb and wait for what it answers.

        Raises:
            VerbError: it cannot do it, in its own words; or it cannot be started.
            VerbEndedError: it was ended.
        """
        with private_folder() as folder:
            process = self._start(folder)
            said, complaint = process.communicate()
        if self._ended:
            raise VerbEndedError("It was ended.")
        try:
            # A check that found something wrong answers too, whatever its exit code.
            return dict(json.loads(said))
        except (ValueError, TypeError):
            raise _failed(complaint, process.returncode) from None

    def _start(self, folder: Path) -> "subprocess.Popen[str]":
        with self._lock:
            if self._ended:
                raise VerbEndedError("It was ended.")
            self._events = folder / "events.jsonl"
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and verbs
                    self._command,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True, encoding="utf-8", errors="replace",
                    # A session of its own: ctrl+c at the desk is not meant for it.
                    start_new_session=True,
                    cwd=Path(__file__).parents[2],
                    # It reports like a job, to a folder that nobody lists and that goes with it; in plain text.
                    env={**os.environ, FOLDER_VARIABLE: str(folder), "FORCE_COLOR": "", "TTY_COMPATIBLE": "0"},
                )  # fmt: skip
            except OSError as error:
                raise VerbError(f"It cannot be started: {error.strerror}.") from error
            return self._process

    @property
    def over(self) -> bool:
        """Whether there is nothing left to end."""
        return self._ended or (self._process is not None and self._process.poll() is not None)

    def headway(self) -> Headway | None:
        """How far it is; None while it has told nothing."""
        if self._events is None:
            return None
        with suppress(OSError):
            return _headway(last_events(self._events))
        return None

    def cancel(self) -> None:
        """End it, also before it has begun."""
        with self._lock:
            first, self._ended = not self._ended, True
            process = self._process
        if process is None or not first or process.poll() is not None:
            return
        _signal(process, signal.SIGTERM)
        patience = threading.Timer(_GRACE_S, lambda: _signal(process, signal.SIGKILL))
        patience.daemon = True
        patience.start()


class ChildVerbs:
    """A `tui.ports.Verbs`.

    Args:
        home: the workspace.
        annotator: who asks: what is for leads is refused to others by the verb itself.
        command: what to start; the headless command line if not given.
    """

    def __init__(self, home: Path, annotator: str, command: tuple[str, ...] = ()) -> None:
        self._command = [
            *(command or module_command("core")), "--home", str(home), "--as", annotator, "--json",
        ]  # fmt: skip
        self._asked: list[ChildVerb] = []

    def ask(self, *arguments: str) -> ChildVerb:
        """A verb, not started yet."""
        asked = ChildVerb([*self._command, *arguments])
        self._asked = [*(each for each in self._asked if not each.over), asked]
        return asked

    def close(self) -> None:
        """End all that run: nobody is left to read their answers."""
        for asked in self._asked:
            asked.cancel()


def _signal(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """To the child and all of its own children; `poll` first, for a process id alone may be another's by now."""
    if process.poll() is None:
        with suppress(OSError):
            os.killpg(process.pid, number)


def _failed(complaint: str, code: int) -> VerbError:
    """What the command line printed as its error: a sentence, and the way out."""
    told = _ERROR.search(complaint)
    if told is None:
        return VerbError(f"It ended with code {code} and said nothing.", "`samesku doctor` shows what may be wrong.")
    return VerbError(told[1], " ".join(told[2].split()))


def _headway(latest: dict[str, dict[str, Any]]) -> Headway | None:
    progress = latest.get("progress", {})
    where = latest.get("stage") or progress
    if not where:
        return None
    return Headway(where["stage"], progress.get("done", 0), where.get("total"), progress.get("left_s"))
