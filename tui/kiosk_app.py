"""The desk of a kiosk: what would lead out of it does nothing."""

from typing import Any

from tui.app import DeskApp


class KioskApp(DeskApp):
    """Offers no browser, no file beside the workspace's own, and no way to the shell that it was started from."""

    def open_url(self, *_: Any, **__: Any) -> None:
        """A browser in this terminal would lead anywhere."""
        self.notify("Links cannot be opened here.", severity="warning", markup=False)

    def action_suspend_process(self) -> None:
        """There is nothing behind the desk."""
        self.notify("Here there is only the desk; q leaves.", markup=False)

    def action_screenshot(self, *_: Any, **__: Any) -> None:
        """A picture would be a file in somebody's home."""

    def deliver_text(self, *_: Any, **__: Any) -> None:
        """As above, for any file."""

    def deliver_binary(self, *_: Any, **__: Any) -> None:
        """As above, for any file."""
