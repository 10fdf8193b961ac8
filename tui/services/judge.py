"""The judge's process, asked over a pipe."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from core.catalog.product import Product
from core.interpreter import module_command
from core.judge.verdict import Answer, Verdict
from core.settings import JudgeSettings
from core.workspace import Workspace
from labels.model import ProductRef
from tui.engine import Engine
from tui.errors import EngineError
from tui.ports.judge import Counsel

_NONE = "There is no judge yet: `samesku judge train --cross-encoder` makes one."
#: A model of several gigabytes is loaded before the first word, and a small machine reasons slowly.
_PATIENCE_S = 600.0


class ChildJudge:
    """A `tui.ports.judge.JudgeSeat`. The process is started when it is first asked."""

    def __init__(self, workspace: Workspace, settings: JudgeSettings) -> None:
        command = module_command("core.judge.child", "--home", str(workspace.home))
        self._child = Engine(workspace.home, command, name="judge")
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
        do = "ahead" if self._settings.ahead else "known"
        return _verdicts(self._child.ask(do, patience_s=_PATIENCE_S, query=query, candidates=list(candidates)))

    def hush(self) -> None:
        """Let it stop what it is saying."""
        with suppress(EngineError):
            self._child.tell("hush")

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
