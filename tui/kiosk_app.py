"""The desk of a kiosk; see `tui.kiosk`."""

from typing import Any

from tui.app import DeskApp


class KioskApp(DeskApp):
    """The desk without browser, shell and files outside the workspace."""

    def open_url(self, *_: Any, **__: Any) -> None:
        """Disabled: a browser would lead out of the kiosk."""
        self.notify("Links cannot be opened here.", severity="warning", markup=False)

    def action_suspend_process(self) -> None:
        """Disabled: there is no shell to return to."""
        self.notify("A kiosk cannot be suspended; q leaves.", markup=False)

    def action_screenshot(self, *_: Any, **__: Any) -> None:
        """Disabled: it would write a file outside the workspace."""

    def deliver_text(self, *_: Any, **__: Any) -> None:
        """Disabled, as above."""

    def deliver_binary(self, *_: Any, **__: Any) -> None:
        """Disabled, as above."""
