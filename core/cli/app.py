"""The command line: global options, the verbs, and errors as sentences."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from core.cli.console import OutputError, SafeConsole, discard_output, open_streams
from core.cli.context import Context
from core.cli.verbs import LazyGroup
from core.errors import CoreError
from core.jobs.events import EventWriter
from core.jobs.runner import job_events
from core.workspace import restrict_umask
from labels.errors import SameskuError
from labels.files import way_out

#: The way out where only the system knows why a path cannot be used.
_LOOK = "Check the path, and what is there."
#: Global options, which may stand before or after the verb, and whether a value follows them.
_GLOBAL = {"--home": True, "--as": True, "--json": False, "--quiet": False, "--debug": False}


def make_app(first: Sequence[Callable[..., None]] = ()) -> typer.Typer:
    """The command line.

    Args:
        first: verbs that are loaded already, such as the desk's; one of the same name replaces that of `VERBS`.
    """
    app = typer.Typer(
        cls=LazyGroup,
        name="samesku",
        help="Decide which listings are the same product, and let the machine learn from it.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode="rich",
    )
    app.callback()(_globals)
    for verb in first:
        app.command(verb.__name__)(verb)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"samesku {version_of('samesku')}\n")
        raise typer.Exit


def _globals(
    ctx: typer.Context,
    home: Annotated[Path | None, typer.Option(help="The workspace; else $SAMESKU_HOME.", show_default=False)] = None,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object on standard output.")] = False,
    annotator: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Who decides; else the login name.", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no remarks.")] = False,
    version: Annotated[  # noqa: ARG001 - answered by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version, and nothing else.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,  # noqa: ARG001 - read by run()
) -> None:
    job = ctx.obj if isinstance(ctx.obj, EventWriter) else None
    ctx.obj = context = Context(home=home, json=json, annotator_name=annotator, quiet=quiet, job=job)
    if annotator is not None:
        _ = context.annotator  # refused before anything is done


def run(app: Callable[..., object], arguments: Sequence[str] | None = None) -> None:
    """Run the app and end the process: 0, 1 for an error (message and hint, no traceback), 2 for a wrong call."""
    given = hoist(sys.argv[1:] if arguments is None else arguments)
    # A name read by libraries when they are first imported, which is later: loading is silent either way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    restrict_umask()
    open_streams()
    try:
        _require_working_folder()
        # Around everything, so that a job that fails before its work begins says so too.
        with job_events() as job:
            try:
                app(args=given, prog_name="samesku", obj=job)
            finally:
                # Not at the end of the process, where nobody can say that it failed.
                sys.stdout.flush()
    except SameskuError as error:
        if isinstance(error, OutputError):
            discard_output()
        if "--debug" in given:
            raise
        _tell(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        discard_output()
        sys.exit(1)
    except OSError as error:
        # What a verb does not expect of a path: a name that is too long, a folder that may not be looked into.
        if "--debug" in given or error.filename is None:
            raise
        reason = (error.strerror or str(error)).rstrip(".")
        _tell(SameskuError(f"{error.filename} cannot be used: {reason}.", way_out(error, _LOOK)))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _tell(error: SameskuError) -> None:
    console = SafeConsole(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("Error: ", "bold red"), error.message))
    if error.hint:
        console.print(Text(error.hint))


def _require_working_folder() -> None:
    """Refuse to start in a folder that was removed: no relative path, and no library, finds anything there.

    Raises:
        CoreError: it is gone.
    """
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise CoreError(
            "The working folder is gone: it was removed after this terminal had entered it.",
            "Go to a folder that exists, such as `cd /`, and try again.",
        ) from error
    except OSError:
        return  # it is there, and may only not be named: absolute paths work


def hoist(arguments: Sequence[str]) -> list[str]:
    """Bring global options to the front, so that they may stand before or after the verb."""
    front: list[str] = []
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        argument = queue.pop(0)
        if argument == "--":
            return [*front, *rest, argument, *queue]
        name, equals, _ = argument.partition("=")
        if name in _GLOBAL:
            front.append(argument)
            if _GLOBAL[name] and not equals and queue:
                front.append(queue.pop(0))
        else:
            rest.append(argument)
    return front + rest


def main() -> None:
    """`python -m core`."""
    run(make_app())
