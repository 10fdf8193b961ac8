"""Base classes of the full-screen pages: a titled page, and one with two sides."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Static

from tui.common.dismissal import DismissedOnce
from tui.common.help import PageKeys
from tui.common.key_bar import KeyBar
from tui.key_bindings import Act
from tui.theme import MUTED, STRONG

Result = TypeVar("Result")


class FullPage(DismissedOnce, Screen[Result]):
    """A full-screen page; Escape returns to the review screen, and `?` lists all keys, as the key bar may cut some."""

    ACTS: ClassVar[tuple[Act, ...]] = ()

    def action_keys(self) -> None:
        """Show all keys of this page."""
        self.app.push_screen(PageKeys(self.ACTS))

    def action_leave(self) -> None:
        """Return to the review screen without a result."""
        self.dismiss(None)


def page_title(headline: str, parts: Sequence[str], here: int) -> Content:
    """The headline and the names of the page's parts; a click on one runs the screen's action `part`.

    Args:
        headline: of the page.
        parts: their names, in order.
        here: index of the current part.
    """
    words = [Content.styled(headline, STRONG)]
    for place, name in enumerate(parts):
        part = (
            Content.assemble(("▌", "$accent"), (name, STRONG)) if place == here else Content.styled(f" {name}", MUTED)
        )
        words.append(part.stylize_before(Style.from_meta({"@click": f"screen.part({place})"})))
    return Content("  ").join(words)


class TwoSidedScreen(FullPage[tuple[str, ...]]):
    """A page with two sides; keys go to the side marked in the title, which is the only visible one on a narrow screen.

    The result is a job to start, as command-line arguments; None for no job.
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
        """The left and the right widget."""
        return ()

    def on_mount(self) -> None:
        """Start on the left side."""
        self._face(right=False)

    @property
    def on_the_right(self) -> bool:
        """Whether keys go to the right side."""
        return self.has_class("-right")

    def action_turn(self) -> None:
        """Switch to the other side."""
        self._face(right=not self.on_the_right)

    def action_part(self, place: int) -> None:
        """Switch to a side, on a click on its name."""
        self._face(right=place == 1)

    def _face(self, *, right: bool) -> None:
        self.set_class(right, "-right")
        self.query_one("#sides", Static).update(page_title(self.HEADLINE, self.SIDES, int(right)))

    def say(self, text: str) -> None:
        """Show a notice in the key bar."""
        self.query_one(KeyBar).say(text)
