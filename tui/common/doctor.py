"""The screen that runs `samesku doctor` and shows its findings."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from core.text.safe import safe
from tui.background import in_background
from tui.common.dialogs import PageDialog
from tui.common.text import AutoHeight, hanging_indent
from tui.keymap import keymap_of, with_keys
from tui.messages import Failed
from tui.services.processes import VerbRunner
from tui.theme import BAD, GOOD, MUTED, STRONG


@dataclass
class Examined(Message):
    """The doctor's findings."""

    facts: dict[str, Any]


class DoctorScreen(PageDialog):
    """Runs the doctor in a separate process while it is open; closing it stops the process."""

    HEADLINE = "Doctor"

    def __init__(self, verbs: VerbRunner) -> None:
        super().__init__()
        self._asked = verbs.ask("doctor")

    def page(self) -> Iterable[Widget]:
        """A placeholder, then the findings."""
        yield AutoHeight(lambda _: Content.styled("Checking the machine and the workspace …", MUTED))

    def on_mount(self) -> None:
        """Run in the background: a long ledger takes a while."""
        super().on_mount()
        in_background(self, "doctor", lambda: Examined(self._asked.answer()))

    def on_unmount(self) -> None:
        """Stop the process."""
        self._asked.cancel()

    @on(Examined)
    def _show(self, message: Examined) -> None:
        # The separate process has no terminal to report on.
        found = with_keys(message.facts, keymap_of(self.app))
        facts = fact_rows({name: fact for name, fact in found.items() if name != "terminal"})
        self.query_one(AutoHeight).show(lambda width: _lines(facts, width))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.query_one(AutoHeight).complain(message.message, message.hint)


def fact_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts as (name, value) rows, problems first; nested facts are indented."""
    rows: list[tuple[str, str]] = []
    for name, value in sorted(facts.items(), key=lambda fact: fact[0] not in {"problem", "damaged"}):
        if name == "damaged" and isinstance(value, list):
            rows += [("problem", str(each)) for each in value]
        elif isinstance(value, dict):
            rows += [(name, ""), *((f"  {inner}", str(detail)) for inner, detail in value.items())]
        else:
            rows.append((name, str(value)))
    return [(safe(name), safe(value)) for name, value in rows]


def _lines(facts: list[tuple[str, str]], width: int) -> Content:
    names = 1 + max(len(name) for name, _ in facts if name != "problem")
    return Content("\n").join(line for name, value in facts for line in _fact(name, value, names, width))


def _fact(name: str, value: str, names: int, width: int) -> list[Content]:
    if name == "problem":
        return [*hanging_indent(Content.styled("✗ ", BAD), Content.styled(value, STRONG), width), Content.empty()]
    if not value:
        return [Content.styled(f"  {name}", MUTED)]
    sign = Content.styled("·" if value.startswith("not installed") else "✓", MUTED if value[:3] == "not" else GOOD)
    return hanging_indent(Content.assemble(sign, " ", (name.ljust(names), MUTED)), Content(value), width)
