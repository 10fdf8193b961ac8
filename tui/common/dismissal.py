"""Screens that can be dismissed once, and the command palette as one of them."""

from typing import Any

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette


class DismissedOnce:
    """A base of screens that ignore a request to close unless they are on top.

    Textual closes whatever is on top: of two requests that wait in line, such as a choice and Escape on a busy machine,
    the second would close the screen below, or end the desk. Not a screen itself, since Textual takes styles and
    component classes from the first base that is one.
    """

    app: Any

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close the screen and pass on its result, if it is on top."""
        if self.app.screen is not self:
            return AwaitComplete()
        closed: AwaitComplete = super().dismiss(result)  # type: ignore[misc]  # of the screen
        return closed


class DeskPalette(DismissedOnce, CommandPalette):
    """The command palette."""
