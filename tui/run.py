"""Runs the desk, full-screen or line by line, and shuts it down in order however it ends."""

from typing import TYPE_CHECKING, TextIO

from core.cli.console import OutputError, replace_unencodable
from core.queue.last_session import SessionEnd
from tui.errors import BrokenDownError
from tui.review.cell_widths import use_terminal_widths
from tui.shutdown import ShutdownGuard, ShutdownRequested

if TYPE_CHECKING:
    from pathlib import Path

    from tui.app import DeskApp
    from tui.services.desk import Desk


def run_desk(desk: "Desk", notice: str = "", *, in_browser: bool = False) -> "Path | None":
    """Run the desk full-screen until it is left; closes `desk`.

    Args:
        desk: an open workspace.
        notice: shown when it opens; empty for nothing.
        in_browser: whether it is drawn on the page of a web server, through this process's pipes.

    Returns:
        the backup to restore; None if no restore was asked for.

    Raises:
        BrokenDownError: the desk has a bug. All decisions are on disk.
    """
    use_terminal_widths()
    app = _app(desk, notice, in_browser=in_browser)
    with ShutdownGuard(app.leave, desk.sitting.abandon) as guard:
        try:
            app.run(mouse=desk.facts.mouse)
        finally:
            desk.sitting.end(guard.ending or SessionEnd.LEFT)
            desk.close()
    if app.return_code:
        raise BrokenDownError from app.fault
    return app.backup_to_restore


def _app(desk: "Desk", notice: str, *, in_browser: bool = False) -> "DeskApp":
    # Imported here, since the plain desk does not need the screens.
    welcome = desk.facts.newcomer
    if desk.facts.kiosk:
        from tui.kiosk_app import KioskApp  # noqa: PLC0415

        return KioskApp(desk, notice, welcome=welcome)
    from tui.app import DeskApp  # noqa: PLC0415

    if in_browser:
        from tui.web.driver import BrowserDriver  # noqa: PLC0415

        return DeskApp(desk, notice, welcome=welcome, driver=BrowserDriver)
    return DeskApp(desk, notice, welcome=welcome)


def run_plain_desk(desk: "Desk", stdin: TextIO, stdout: TextIO, notice: str = "") -> None:
    """Run the desk line by line until it is left; closes `desk`."""
    from tui.plain.desk import run_plain  # noqa: PLC0415

    use_terminal_widths()
    ending = SessionEnd.LEFT
    was_terminal = stdin.isatty()
    replace_unencodable(stdin, stdout)
    try:
        run_plain(desk, stdin, stdout, notice)
        if was_terminal and not stdin.isatty():
            ending = SessionEnd.DISCONNECTED
    except ShutdownRequested as request:
        ending = request.ending
    except OutputError:
        ending = SessionEnd.DISCONNECTED
        raise
    except OSError:
        ending = SessionEnd.DISCONNECTED  # the output is gone
    finally:
        desk.sitting.note(None, desk.sitting.theme)
        desk.sitting.end(ending)
        desk.close()
