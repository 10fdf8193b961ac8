"""What stands in the desk's place for a while: a titled page with its keys at the bottom."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual.content import Content
from textual.screen import Screen
from textual.style import Style

from tui.actions import Act
from tui.screens.page_keys import PageKeys
from tui.style import MUTED, STRONG

Result = TypeVar("Result")


class FullPage(Screen[Result]):
    """Escape leads back to the desk, and a key tells all keys: at 80 columns the bar has no room for some."""

    ACTS: ClassVar[tuple[Act, ...]] = ()

    def action_keys(self) -> None:
        """Tell the keys of this page."""
        self.app.push_screen(PageKeys(self.ACTS))

    def action_leave(self) -> None:
        """Back to the desk; nothing is chosen."""
        self.dismiss(None)


def page_title(headline: str, parts: Sequence[str], here: int) -> Content:
    """The headline and the page's parts; a click on one is the screen's action `part`.

    Args:
        headline: of the page.
        parts: their names, the first first.
        here: which is in front.
    """
    words = [Content.styled(headline, STRONG)]
    for place, name in enumerate(parts):
        part = (
            Content.assemble(("▌", "$accent"), (name, STRONG)) if place == here else Content.styled(f" {name}", MUTED)
        )
        words.append(part.stylize_before(Style.from_meta({"@click": f"screen.part({place})"})))
    return Content("  ").join(words)
