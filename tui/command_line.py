"""The command line: `review`, `web` and `doctor`, which need the desk, beside the commands of `core.cli`."""

import gc
import sys
from contextlib import suppress
from typing import Annotated

import typer

from core.cli.app import make_app, run
from core.cli.context import Context, context_of
from core.errors import CoreError
from core.interpreter import module_command
from core.packages import install_hint
from core.terminal import Terminal
from core.text.safe import safe
from labels.errors import SameskuError
from labels.model import Stream
from tui.errors import BrokenDownError
from tui.kiosk import WITHOUT_TERMINAL, kiosk_context, refused_command_notice

#: Seconds that the matcher process may take to end before a restore.
_WORKER_EXIT_S = 5.0
#: Signs that the desk is drawn with and that older encodings lack.
_SIGNS = "▲≠─█✎…"


def review(
    ctx: typer.Context,
    stream: Annotated[
        str | None,
        typer.Option(help="triage, validation, audit or adjudication; by default your last one.", show_default=False),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Line by line, for screen readers and bad connections.")
    ] = False,
    no_mouse: Annotated[bool, typer.Option("--no-mouse", help="Leave the mouse to the terminal.")] = False,
    kiosk: Annotated[bool, typer.Option("--kiosk", help="For an SSH ForceCommand: the desk and nothing else.")] = False,
    in_browser: Annotated[bool, typer.Option("--in-browser", hidden=True, help="Used by `samesku web`.")] = False,
) -> None:
    """Open the desk to review queries.

    Example: samesku review --stream validation
    """
    context = context_of(ctx)
    if kiosk:
        context = kiosk_context(context)
    if stream is not None and stream not in list(Stream):
        raise CoreError(f"There is no stream {stream}.", f"It is one of {', '.join(Stream)}.")
    if not (plain or in_browser):
        _require_terminal(kiosk=kiosk)
    try:
        _run_review(
            context, Stream(stream) if stream else None,
            plain=plain, kiosk=kiosk, mouse=not no_mouse, in_browser=in_browser and not kiosk,
        )  # fmt: skip
    except SameskuError:
        raise
    except Exception as error:
        raise BrokenDownError from error


def _run_review(
    context: Context, stream: Stream | None, *, plain: bool, kiosk: bool, mouse: bool, in_browser: bool = False
) -> None:
    """Run the desk; after a restore, run it again on the restored ledger."""
    from tui.run import run_desk, run_plain_desk  # noqa: PLC0415
    from tui.services.desk import open_desk, restore_backup  # noqa: PLC0415
    from tui.worker_client import WorkerClient  # noqa: PLC0415

    workspace = context.workspace.require()
    # Taken before the settings are read, so that the desk shows it instead of the terminal.
    notice = refused_command_notice() if kiosk else context.settings_notice()
    settings = context.settings if mouse else context.settings_with(["desk.mouse=false"])
    while True:
        worker = WorkerClient(workspace.home)
        gc.disable()  # a large queue is many objects that stay: looking through them takes a fifth of the time
        try:
            desk = open_desk(workspace, settings, context.annotator, stream, matcher_worker=worker, kiosk=kiosk)
        finally:
            gc.enable()
        notice = " ".join(filter(None, (notice, desk.take_notice())))
        if plain:
            run_plain_desk(desk, sys.stdin, sys.stdout, notice)
            return
        backup = run_desk(desk, notice, in_browser=in_browser)
        if backup is None:
            return
        # The desk and its worker must not have the ledger open during the restore.
        context.err.print("Restoring the ledger …")
        worker.close(wait_s=_WORKER_EXIT_S)
        notice, stream = restore_backup(workspace, context.annotator, backup), None


def web(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on the loopback interface; 0 for any free one.")
    ] = 8000,
) -> None:
    """Serve the desk to your own browser on this machine; each tab is a desk of its own.

    Prints the address to open. Its last part is a password that changes at each start.

    Example: samesku web --port 8000
    """
    context = context_of(ctx)
    home = context.workspace.require().home
    try:
        from tui.web.server import serve  # noqa: PLC0415
    except ImportError as error:
        raise CoreError("The desk in a browser needs the extra web.", install_hint("web")) from error

    def announce(address: str) -> None:
        context.answer({"address": address, "annotator": context.annotator})
        if not context.json:
            sys.stdout.write(f"{address}\n")  # unwrapped, so that terminals recognise the link
        sys.stdout.flush()
        who = safe(context.annotator)
        context.err.print(
            f"Open this address in a browser on this machine. Keep it secret: it opens the desk as {who}."
        )
        context.err.print("ctrl+c ends it.")

    desk = module_command("tui", "--home", str(home), "--as", context.annotator, "review", "--in-browser")
    try:
        serve(desk, port, announce)
    except OSError as error:
        why = error.strerror or str(error)
        raise CoreError(f"Port {port} cannot be used: {why}.", "Choose another one: --port 8001.") from error


def doctor(ctx: typer.Context) -> None:
    """Check installation, SQLite, terminal, key bindings and the health of the workspace.

    Example: samesku doctor
    """
    from core.cli.doctor import diagnose, print_facts  # noqa: PLC0415
    from tui.keymap import (  # noqa: PLC0415
        Keymap,
        with_keys,
    )

    context = context_of(ctx)
    facts = diagnose(context)
    with suppress(SameskuError):  # unreadable settings are among the facts already
        facts = with_keys(facts, Keymap.of(context.settings.keys))
    print_facts(context, facts)


def _require_terminal(*, kiosk: bool) -> None:
    """Refuse a terminal on which the desk cannot be drawn.

    Raises:
        CoreError: there is no terminal, it cannot move the cursor, or its encoding lacks signs that the desk uses.
    """
    plain = "`samesku review --plain` is the same desk line by line."
    if kiosk:
        plain = "Or your lead lets you in with `review --kiosk --plain`, the same desk line by line."
    if not _has_terminal():
        raise CoreError("The desk needs a terminal.", WITHOUT_TERMINAL if kiosk else plain)
    terminal = Terminal.from_environment()
    if not terminal.colours:
        raise CoreError(
            f"The desk cannot be drawn on this terminal (TERM={safe(terminal.name)}).",
            f"Set TERM to what it is, such as TERM=xterm-256color. {plain}",
        )
    encoding = sys.__stderr__.encoding if sys.__stderr__ is not None else "utf-8"
    if _SIGNS.encode(encoding, "replace").decode(encoding) != _SIGNS:
        raise CoreError(
            f"This terminal is set to {encoding}, which lacks the signs that the desk is drawn with.",
            f"Set LC_ALL=C.UTF-8, and the terminal itself to UTF-8. {plain}",
        )


def _has_terminal() -> bool:
    """Whether keys come from a terminal and the desk is seen on it: Textual draws on standard error."""
    return all(each is not None and each.isatty() for each in (sys.stdin, sys.stdout, sys.__stderr__))


def start(arguments: list[str]) -> None:
    """Run the command line and end the process."""
    run(make_app([review, web, doctor]), arguments)
