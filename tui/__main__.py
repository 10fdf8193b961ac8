"""`samesku`: every verb, the desk included."""

import os
import sys
from typing import Annotated

import typer

from core.cli.app import make_app, run
from core.cli.context import context_of
from core.errors import CoreError
from core.terminal import Terminal
from core.text.safe import safe
from labels.model import Stream


def demo(ctx: typer.Context) -> None:
    """A workspace with the embedded catalogue, then the desk.

    Where there is no terminal, the main job unattended: label, retrain, compare.

    Example: samesku demo
    """
    from core.demo import build_demo  # noqa: PLC0415

    context = context_of(ctx)
    with context.reporter() as reporter:
        settings = build_demo(context.workspace, reporter)
    if _has_terminal() and not context.json:
        # A process of its own in the place of this one: making the index loaded the model libraries, and the desk
        # holds none.
        who = ["--as", context.annotator_name] if context.annotator_name else []
        here = ["--home", str(context.workspace.home)]
        os.execv(sys.executable, [sys.executable, "-m", "tui", *here, *who, "review"])  # noqa: S606 - our own program
    from core.cli.rehearse import rehearse, tell  # noqa: PLC0415

    with context.reporter() as reporter:
        result = rehearse(context, reporter)
    tell(context, settings, result)
    context.answer(result)


def review(
    ctx: typer.Context,
    stream: Annotated[str, typer.Option(help="triage, validation, audit or adjudication.")] = "triage",
    plain: Annotated[
        bool, typer.Option("--plain", help="Line by line, for screen readers and bad connections.")
    ] = False,
) -> None:
    """The desk.

    Example: samesku review --stream validation
    """
    context = context_of(ctx)
    if stream not in list(Stream):
        raise CoreError(f"There is no stream {stream}.", f"It is one of {', '.join(Stream)}.")
    if not plain:
        _require_terminal()
    from tui.engine import Engine  # noqa: PLC0415
    from tui.services.desk import open_desk  # noqa: PLC0415

    workspace = context.workspace.require()
    desk = open_desk(workspace, context.settings, context.annotator, Stream(stream), engine=Engine(workspace.home))
    if plain:
        from tui.plain import run_plain  # noqa: PLC0415

        try:
            run_plain(desk.review, sys.stdin, sys.stdout, search=desk.search, desk=desk)
        finally:
            desk.close()
    else:
        from tui.app import run_desk  # noqa: PLC0415

        run_desk(desk)


def _require_terminal() -> None:
    if not _has_terminal():
        raise CoreError("The desk needs a terminal.", "Use `samesku review --plain` in a pipe.")
    terminal = Terminal.of()
    if not terminal.colours:
        raise CoreError(
            f"The desk cannot be drawn on this terminal (TERM={safe(terminal.name)}).",
            "`samesku review --plain` is the same desk line by line. Or set TERM, such as TERM=xterm-256color.",
        )


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def main() -> None:
    """The console script."""
    run(make_app([demo, review]))


if __name__ == "__main__":
    main()
