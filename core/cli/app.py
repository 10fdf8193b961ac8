"""The command line application: global options, dispatch to the verbs, error messages and exit codes."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from core.cli.console import (
    ClosedPipeError,
    OutputError,
    SafeConsole,
    discard_diagnostics,
    discard_output,
    open_streams,
)
from core.cli.context import Context
from core.cli.launcher import leave_launcher
from core.cli.verbs import LazyGroup
from core.errors import CoreError
from core.jobs.runner import job_events
from core.workspace import DEFAULT_HOME, restrict_umask
from labels.errors import SameskuError
from labels.files import way_out

#: Hint for errors of the operating system about a path.
_PATH_HINT = "Check the path and its permissions."
#: Exit code where the reader of the output, such as `head`, has exited: as a shell reports a program ended by SIGPIPE.
_CLOSED_PIPE_CODE = 128 + 13
#: Global options, accepted before and after the verb, and whether they take a value.
_GLOBAL_OPTIONS = {"--home": True, "--as": True, "--json": False, "--quiet": False, "--debug": False}


def make_app(first: Sequence[Callable[..., None]] = ()) -> typer.Typer:
    """Build the application.

    Args:
        first: functions of additional verbs, such as those of the desk; they replace verbs of `VERBS` by name.
    """
    app = typer.Typer(
        cls=LazyGroup,
        name="samesku",
        help="Match the product listings of two retailers: label pairs, train on the labels, export matches.",
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
    home: Annotated[
        Path | None,
        typer.Option(help="Folder of the workspace, e.g. ~/wa.", show_default=DEFAULT_HOME),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the answer as one JSON object on standard output.")
    ] = False,
    annotator: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Name of the annotator, e.g. maria.", show_default="login name"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no progress and no remarks.")] = False,
    version: Annotated[  # noqa: ARG001 - answered by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")] = False,  # noqa: ARG001 - read by run()
) -> None:
    given = ctx.obj if isinstance(ctx.obj, Context) else Context()
    ctx.obj = context = replace(given, home=home, json=json, annotator_name=annotator, quiet=quiet)
    if annotator is not None:
        _ = context.annotator  # reject an invalid name before any work


def run(app: Callable[..., object], arguments: Sequence[str] | None = None) -> None:
    """Run the app and exit: 0 on success, 1 on an error, 2 on a usage error, 130 on Ctrl+C, 141 on a closed pipe.

    An error is a message and a hint; with `--debug` a traceback.
    """
    args = hoist(sys.argv[1:] if arguments is None else arguments)
    # Read by the tokenizers library on import.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    restrict_umask()
    open_streams()
    try:
        launch = leave_launcher()
        if not launch.is_first:
            sys.exit(0)
        _require_working_folder()
        # Outermost, so that a job also records an error before its work starts.
        with job_events() as job:
            try:
                app(args=args, prog_name="samesku", obj=Context(job=job, launch=launch))
            finally:
                # Here rather than at interpreter exit, so that a failed write is reported.
                sys.stdout.flush()
    except (ClosedPipeError, BrokenPipeError):
        discard_output()
        discard_diagnostics()
        sys.exit(_CLOSED_PIPE_CODE)
    except SameskuError as error:
        if isinstance(error, OutputError):
            discard_output()
        if "--debug" in args:
            raise
        _print_error(error)
        sys.exit(1)
    except OSError as error:
        # Unexpected errors about a path: a name that is too long, missing permissions.
        if "--debug" in args or error.filename is None:
            raise
        reason = (error.strerror or str(error)).rstrip(".")
        _print_error(SameskuError(f"{error.filename} cannot be used: {reason}.", way_out(error, _PATH_HINT)))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _print_error(error: SameskuError) -> None:
    console = SafeConsole(stderr=True, emoji=False, highlight=False, soft_wrap=True)
    try:
        console.print(Text.assemble(("Error: ", "bold red"), error.message))
        if error.hint:
            console.print(Text(error.hint))
    except ClosedPipeError:
        discard_diagnostics()


def _require_working_folder() -> None:
    """Require that the working folder exists, since relative paths and libraries depend on it.

    Raises:
        CoreError: it was removed.
    """
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise CoreError(
            "The working folder is gone: it was removed while this terminal was in it.",
            "Go to a folder that exists, such as `cd /`, and try again.",
        ) from error
    except OSError:
        return  # it exists but its path is not accessible; absolute paths work


def hoist(arguments: Sequence[str]) -> list[str]:
    """Move global options to the front, so that they are accepted before and after the verb."""
    front: list[str] = []
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        argument = queue.pop(0)
        if argument == "--":
            return [*front, *rest, argument, *queue]
        name, equals, _ = argument.partition("=")
        if name in _GLOBAL_OPTIONS:
            front.append(argument)
            if _GLOBAL_OPTIONS[name] and not equals and queue:
                front.append(queue.pop(0))
        else:
            rest.append(argument)
    return front + rest


def main() -> None:
    """Entry point of `python -m core`."""
    run(make_app())
