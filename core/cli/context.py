"""What every verb gets: the workspace, the settings, who asks, and how to answer."""

import getpass
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import typer
from rich.console import Console

from core.cli.console import SafeConsole, as_json
from core.cli.progress import LineReporter, TerminalReporter
from core.errors import CoreError
from core.jobs.events import EventWriter
from core.jobs.exclusive import Holder, exclusive, work_kind
from core.jobs.progress import Reporter, Silent
from core.settings import Settings, load_settings
from core.settings_notice import renamed_settings_notice
from core.workspace import Workspace
from labels.names import name_problem

#: Longer ones fit no screen.
_LONGEST_NAME = 60
#: Columns: wider than any table.
_NO_EDGE = 100_000


@dataclass(frozen=True)
class Context:
    """The global options of one call, and where it reports to if it is a job.

    Attributes:
        announce: whether this call may tell of settings that go by former names; not in a kiosk, where nobody can
            change them.
    """

    home: Path | None = None
    json: bool = False
    annotator_name: str | None = None
    quiet: bool = False
    job: EventWriter | None = None
    announce: bool = True

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace in force, which may not exist yet."""
        return Workspace.locate(self.home)

    @cached_property
    def settings(self) -> Settings:
        """samesku.toml < environment; a verb's own `--set` comes on top."""
        return self._loaded({})

    def settings_with(self, assignments: list[str]) -> Settings:
        """The settings with `section.key=value` from the command line on top."""
        overrides = {}
        for assignment in assignments:
            key, equals, value = assignment.partition("=")
            if not equals:
                raise CoreError(f"--set {assignment}: there is no =.", "For example --set retrain.epochs=2")
            # A prefix may end with a space.
            overrides[key.strip()] = value.lstrip()
        return self._loaded(overrides)

    def _loaded(self, overrides: dict[str, str]) -> Settings:
        settings = load_settings(self.workspace.settings, overrides)
        if notice := self.settings_notice(overrides):
            self.err.print(notice, markup=False)
        return settings

    def settings_notice(self, overrides: Iterable[str] = ()) -> str:
        """That settings go by former names, once a workspace; a job and a quiet call leave it to another one."""
        if self.job is not None or self.quiet or not self.announce:
            return ""
        return renamed_settings_notice(self.workspace, overrides)

    @property
    def annotator(self) -> str:
        """`--as NAME`, else the login name.

        Raises:
            CoreError: the name is none that a person can have.
        """
        name = _login_name() if self.annotator_name is None else self.annotator_name.strip()
        if fault := name_problem(name, _LONGEST_NAME):
            origin = "The login name" if self.annotator_name is None else "--as"
            raise CoreError(f"{origin} {name[:_LONGEST_NAME]!a} cannot be a name: {fault}.", "Give another: --as NAME.")
        return name

    @property
    def _account(self) -> str:
        """The annotator's name; empty where the account has none, and none was given."""
        try:
            return self.annotator
        except CoreError:
            return ""

    @cached_property
    def err(self) -> Console:
        """For people: everything that is not the answer."""
        return SafeConsole(stderr=True, quiet=self.quiet, highlight=False, soft_wrap=True)

    @cached_property
    def out(self) -> Console:
        """For the answer, in words and tables. Catalogue text goes through it as rich Text, never as markup."""
        terminal = sys.stdout.isatty()
        # A file has no edge at which the cells of a table, ids among them, would have to be cut.
        return SafeConsole(
            highlight=False, markup=False, soft_wrap=not terminal, width=None if terminal else _NO_EDGE, quiet=self.json
        )

    def answer(self, value: dict[str, object]) -> None:
        """With `--json`, the answer: one object on standard output."""
        if self.json:
            sys.stdout.write(as_json(value, sys.stdout.encoding or "utf-8") + "\n")

    @contextmanager
    def exclusive(self, *verb: str) -> Iterator[None]:
        """Do work that must not run twice at once, as a job or in a terminal.

        Args:
            verb: the command line, as far as it says what the work is.

        Raises:
            JobError: it is being done, by whom and since when.
        """
        work = work_kind(verb)
        assert work is not None, verb  # noqa: S101 - a verb that needs no lock does not ask for one
        with exclusive(self.workspace.jobs, work, Holder.here(verb, self._account)):
            yield

    @contextmanager
    def reporter(self) -> Iterator[Reporter]:
        """Progress: to the job's file inside a job, as a bar on a terminal, as lines elsewhere."""
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
            f"This account has no login name: user {os.getuid()} is unknown here.", "Say who you are: --as NAME."
        ) from error


def context_of(ctx: typer.Context) -> Context:
    """The context that the app put on typer's own."""
    found = ctx.find_object(Context)
    return found if found is not None else Context()
