"""A page with two sides: next to each other where there is room, one at a time where there is not."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static

from tui.screens.full_page import FullPage, page_title
from tui.widgets.key_bar import KeyBar


class TwoSidedScreen(FullPage[tuple[str, ...]]):
    """Keys go to the side that is marked in the title; on a narrow screen it is the one to be seen.

    The result is a job that was asked for, as arguments of the command line; None where none was.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual's own kind of constant
    HEADLINE: ClassVar[str] = ""
    SIDES: ClassVar[tuple[str, str]] = ("", "")

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

    def action_part(self, place: int) -> None:
        """To a side, by a click on its name."""
        self._face(right=place == 1)

    def _face(self, *, right: bool) -> None:
        self.set_class(right, "-right")
        self.query_one("#sides", Static).update(page_title(self.HEADLINE, self.SIDES, int(right)))

    def say(self, text: str) -> None:
        """A word in the bottom line."""
        self.query_one(KeyBar).say(text)
