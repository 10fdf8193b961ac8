"""The context of a command: workspace, settings, annotator, output consoles and progress reporter."""

import getpass
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import typer
from rich.console import Console

from core.cli.console import SafeConsole, as_json
from core.cli.launcher import Launch
from core.cli.progress import LineReporter, TerminalReporter
from core.errors import CoreError
from core.jobs.events import EventWriter
from core.jobs.exclusive import Holder, exclusive, work_kind
from core.jobs.progress import Reporter, Silent
from core.settings import Settings, load_settings
from core.settings_notice import renamed_settings_notice
from core.workspace import Workspace
from labels.names import name_problem

#: Characters of a name that still fits the screens.
_MAX_NAME_CHARS = 60
#: Columns of output to a file: wider than any table.
_UNLIMITED_WIDTH = 100_000


@dataclass(frozen=True)
class Context:
    """Global options of one call.

    Attributes:
        job: event file of the job, if the call is one.
        launch: how a launcher such as `accelerate launch` has started this process.
        announce: whether to print the notice about renamed settings; not in a kiosk, where they cannot be changed.
    """

    home: Path | None = None
    json: bool = False
    annotator_name: str | None = None
    quiet: bool = False
    job: EventWriter | None = None
    announce: bool = True
    launch: Launch = field(default_factory=Launch)

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace, which may not exist yet."""
        return Workspace.locate(self.home)

    @cached_property
    def settings(self) -> Settings:
        """Settings from samesku.toml, overridden by the environment."""
        return self._load({})

    def settings_with(self, assignments: list[str]) -> Settings:
        """The settings, overridden by assignments `section.key=value` from the command line."""
        overrides = {}
        for assignment in assignments:
            key, equals, value = assignment.partition("=")
            if not equals:
                raise CoreError(f"--set {assignment}: there is no =.", "For example --set retrain.epochs=2")
            # Trailing spaces are kept: a prefix may end with one.
            overrides[key.strip()] = value.lstrip()
        return self._load(overrides)

    def override(self, assignments: list[str]) -> None:
        """Use the settings of `settings_with` for the rest of the command."""
        vars(self)["settings"] = self.settings_with(assignments)

    def _load(self, overrides: dict[str, str]) -> Settings:
        settings = load_settings(self.workspace.settings, overrides)
        if notice := self.settings_notice(overrides):
            self.err.print(notice, markup=False)
        return settings

    def settings_notice(self, overrides: Iterable[str] = ()) -> str:
        """Notice about renamed settings, once per workspace; empty in a job or a quiet call."""
        if self.job is not None or self.quiet or not self.announce:
            return ""
        return renamed_settings_notice(self.workspace, overrides)

    @property
    def annotator(self) -> str:
        """`--as NAME`, else the login name.

        Raises:
            CoreError: the name is invalid.
        """
        name = _login_name() if self.annotator_name is None else self.annotator_name.strip()
        if fault := name_problem(name, _MAX_NAME_CHARS):
            origin = "The login name" if self.annotator_name is None else "--as"
            raise CoreError(
                f"{origin} {name[:_MAX_NAME_CHARS]!a} cannot be a name: {fault}.", "Give another: --as NAME."
            )
        return name

    @property
    def _account(self) -> str:
        """The name of the annotator; empty if it is invalid or unknown."""
        try:
            return self.annotator
        except CoreError:
            return ""

    @cached_property
    def err(self) -> Console:
        """Console for progress and remarks, on standard error."""
        return SafeConsole(stderr=True, quiet=self.quiet, emoji=False, highlight=False, soft_wrap=True)

    @cached_property
    def out(self) -> Console:
        """Console for the answer as text and tables; markup is off."""
        terminal = sys.stdout.isatty()
        # Tables in a file are not wrapped, so that ids stay whole.
        return SafeConsole(
            emoji=False,
            highlight=False,
            markup=False,
            soft_wrap=not terminal,
            width=None if terminal else _UNLIMITED_WIDTH,
            quiet=self.json,
        )

    def answer(self, value: dict[str, object]) -> None:
        """With `--json`, print the answer as one object on standard output."""
        if self.json:
            sys.stdout.write(as_json(value, sys.stdout.encoding or "utf-8") + "\n")

    @contextmanager
    def exclusive(self, *verb: str) -> Iterator[None]:
        """Hold the lock of a kind of work that must not run twice at once, as a job or in a terminal.

        Args:
            verb: the part of the command line that identifies the work.

        Raises:
            JobError: the work is running already; by whom and since when.
        """
        work = work_kind(verb)
        assert work is not None, verb  # noqa: S101 - a verb that needs no lock does not ask for one
        # Of a job whose own verb needs no lock, such as a monitor that brings the index up to date first.
        job = "" if self.job is None else self.job.folder.name
        with exclusive(self.workspace.jobs, work, Holder.here(verb, self._account, job)):
            yield

    @contextmanager
    def reporter(self) -> Iterator[Reporter]:
        """Progress reporter: the event file in a job, a bar on a terminal, lines elsewhere."""
        if self.job is not None:
            yield self.job
        elif self.quiet:
            yield Silent()
        elif self.err.is_terminal:
            with TerminalReporter(self.err) as terminal:
                yield terminal
        else:
            yield LineReporter(self.err)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise CoreError(
            f"This account has no login name: user {os.getuid()} is unknown here.", "Name yourself: --as NAME."
        ) from error


def context_of(ctx: typer.Context) -> Context:
    """The `Context` of a typer context."""
    found = ctx.find_object(Context)
    return found if found is not None else Context()
