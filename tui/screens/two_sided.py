"""A page with two sides: next to each other where there is room, one at a time where there is not."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.actions import Act
from tui.style import MUTED, STRONG
from tui.widgets.key_bar import KeyBar


class TwoSidedScreen(Screen[tuple[str, ...]]):
    """Keys go to the side that is marked in the title; on a narrow screen it is the one to be seen.

    The result is a job that was asked for, as arguments of the command line; None where none was.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual's own kind of constant
    HEADLINE: ClassVar[str] = ""
    SIDES: ClassVar[tuple[str, str]] = ("", "")
    ACTS: ClassVar[tuple[Act, ...]] = ()

    def compose(self) -> ComposeResult:
        """Title, both sides, keys."""
        yield Static(id="sides", classes="page-title", markup=False)
        with Horizontal(id="both"):
            for widget, name in zip(self.sides(), ("left", "right"), strict=True):
                yield widget.add_class(f"{name}-side")
        yield KeyBar(self.ACTS)

    def sides(self) -> Iterable[Widget]:
        """What stands on the left, and what on the right."""
        return ()

    def on_mount(self) -> None:
        """The left side first."""
        self._face(right=False)

    @property
    def on_the_right(self) -> bool:
        """Whether keys go to the right side."""
        return self.has_class("-right")

    def action_turn(self) -> None:
        """To the other side."""
        self._face(right=not self.on_the_right)

    def _face(self, *, right: bool) -> None:
        self.set_class(right, "-right")
        parts = [
            ("  ▌" + name, STRONG) if here is right else ("   " + name, MUTED)
            for name, here in zip(self.SIDES, (False, True), strict=True)
        ]
        self.query_one("#sides", Static).update(Content.assemble((self.HEADLINE, STRONG), *parts))

    def say(self, text: str) -> None:
        """A word in the bottom line."""
        self.query_one(KeyBar).say(text)

    def action_leave(self) -> None:
        """Back to the desk."""
        self.dismiss(None)
