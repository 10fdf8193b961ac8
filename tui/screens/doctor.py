"""What `samesku doctor` says, beside the work."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from core.text.safe import safe
from tui.messages import Failed
from tui.ports.verbs import Verbs
from tui.screens.page import PageDialog
from tui.style import BAD, GOOD, MUTED, STRONG
from tui.workers import in_background

_WIDTH = 20


@dataclass
class Examined(Message):
    """What the doctor found."""

    facts: dict[str, Any]


class DoctorScreen(PageDialog):
    """Looks while it is open, in a process of its own; leaving ends it."""

    HEADLINE = "Doctor"

    def __init__(self, verbs: Verbs) -> None:
        super().__init__()
        self._asked = verbs.ask("doctor")

    def page(self) -> Iterable[Widget]:
        """What was found, as soon as it is known."""
        yield Static(Content.styled("Looking at the machine and the workspace …", MUTED), id="doctor", markup=False)

    def on_mount(self) -> None:
        """Look beside the keyboard: a long ledger takes its time."""
        super().on_mount()
        in_background(self, "doctor", lambda: Examined(self._asked.answer()))

    def on_unmount(self) -> None:
        """Nobody waits for it any more."""
        self._asked.cancel()

    @on(Examined)
    def _show(self, message: Examined) -> None:
        lines = [_line(name, value) for name, value in told(message.facts)]
        self.query_one("#doctor", Static).update(Content("\n").join(lines))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        words = Content.assemble((f"✗ {safe(message.message)}", BAD), f"\n  {safe(message.hint)}")
        self.query_one("#doctor", Static).update(words)


def told(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts one by one, what is wrong first; facts within a fact follow it, a little to the right."""
    rows: list[tuple[str, str]] = []
    for name, value in sorted(facts.items(), key=lambda fact: fact[0] != "problem"):
        if isinstance(value, dict):
            rows += [(name, ""), *((f"  {inner}", str(detail)) for inner, detail in value.items())]
        else:
            rows.append((name, str(value)))
    return [(safe(name), safe(value)) for name, value in rows]


def _line(name: str, value: str) -> Content:
    if name == "problem":
        return Content.assemble(("✗ ", BAD), (value, STRONG), "\n")
    sign = Content.styled("·" if value.startswith("not installed") else "✓", MUTED if value[:3] == "not" else GOOD)
    if not value:
        return Content.styled(f"  {name}", MUTED)
    return Content.assemble(sign, " ", (name.ljust(_WIDTH), MUTED), " ", value)
