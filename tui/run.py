"""Opening the desk, on the screen or line by line, and leaving it in good order however that comes about."""

from typing import TYPE_CHECKING, TextIO

from core.cli.console import OutputError, bear_any_encoding
from core.queue.last_session import Ending
from core.text.safe import safe
from tui.errors import BrokenDownError
from tui.review.cell_widths import use_terminal_widths
from tui.services.desk import Desk
from tui.shutdown import CalledAway, Departure, called_away

if TYPE_CHECKING:
    from pathlib import Path

    from tui.app import DeskApp


def run_desk(desk: Desk, word: str = "", *, in_browser: bool = False) -> "Path | None":
    """Open the desk on this terminal's screen, with a word of greeting; returns when it is left. Closes `desk`.

    Args:
        desk: an open workspace.
        word: the greeting.
        in_browser: whether it is drawn on the page of a web server, which is behind this process's pipes.

    Returns:
        the backup that the ledger is to go back to; None where nobody wants that.

    Raises:
        BrokenDownError: the desk has a fault; what was decided is on disk.
    """
    use_terminal_widths()
    app = _app(desk, word, in_browser=in_browser)
    with Departure(app.leave, desk.sitting.abandon) as departure:
        try:
            app.run(mouse=desk.facts.mouse)
        finally:
            desk.sitting.end(departure.ending or Ending.LEFT)
            desk.close()
    if app.return_code:
        raise BrokenDownError from app.fault
    return app.restoring


def _app(desk: Desk, word: str, *, in_browser: bool = False) -> "DeskApp":
    # The plain desk needs nothing of Textual.
    if desk.facts.kiosk:
        from tui.kiosk import KioskApp  # noqa: PLC0415

        return KioskApp(desk, word, greets=desk.facts.newcomer)
    from tui.app import DeskApp  # noqa: PLC0415

    if in_browser:
        from tui.web.driver import BrowserDriver  # noqa: PLC0415

        return DeskApp(desk, word, greets=desk.facts.newcomer, driver=BrowserDriver)
    return DeskApp(desk, word, greets=desk.facts.newcomer)


def run_plain_desk(desk: Desk, stdin: TextIO, stdout: TextIO, word: str = "") -> None:
    """Open the desk line by line, with a word of greeting; returns when it is left. Closes `desk`."""
    from tui.plain.desk import run_plain  # noqa: PLC0415

    use_terminal_widths()
    ending = Ending.LEFT
    typed = stdin.isatty()
    bear_any_encoding(stdin, stdout)
    try:
        with called_away():
            stdout.write(f"{safe(word)}\n" if word else "")
            run_plain(desk, stdin, stdout)
            if typed and not stdin.isatty():
                ending = Ending.CUT
    except CalledAway as call:
        ending = call.ending
    except OutputError:
        ending = Ending.CUT
        raise
    except OSError:
        ending = Ending.CUT  # nobody reads what is written
    finally:
        desk.sitting.note(None, desk.sitting.theme)
        desk.sitting.end(ending)
        desk.close()
