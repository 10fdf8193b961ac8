"""Registry of the command-line verbs, whose modules are imported only when a verb is called.

The module of a verb imports what the verb needs at the top. Lazy loading keeps `samesku --help` and the desk fast, and
the desk free of model libraries.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from core.workspace import DEFAULT_HOME


@dataclass(frozen=True, slots=True)
class Verb:
    """A lazily loaded verb.

    Attributes:
        module: full name of the module.
        attribute: name of a function, or of a `typer.Typer` with subcommands.
        summary: first sentence of the help text.
    """

    name: str
    module: str
    attribute: str
    summary: str

    def load(self) -> Any:
        """Import the module, and return the click command."""
        module = import_module(self.module)
        target = getattr(module, self.attribute)
        if isinstance(target, typer.Typer):
            group = typer.main.get_group(target)
            group.name = self.name
            return with_global_options(group)
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
        single.command(self.name, epilog=getattr(module, "EPILOG", None))(target)
        return with_global_options(typer.main.get_command(single))


#: Below the help of every verb, whose own options alone are listed above.
_GLOBAL_OPTIONS = (
    f"Global options, before or after the verb: --home DIR, the workspace (default: {DEFAULT_HOME});"
    " --as NAME; --json; --quiet. See: samesku --help"
)


def with_global_options(command: Any) -> Any:
    """The command, whose help and that of its subcommands fills the terminal and ends with the global options."""
    command.help = _joined_lines(command.help or "")
    command.epilog = "\n\n".join(filter(None, (command.epilog, _GLOBAL_OPTIONS)))
    for inner in getattr(command, "commands", {}).values():
        if not isinstance(inner, LazyVerb):
            with_global_options(inner)
    return command


def _joined_lines(text: str) -> str:
    """The paragraphs of a docstring without its line breaks, which Typer keeps beside those of the terminal."""
    return "\n\n".join(_LINE_BREAK.sub(" ", paragraph) for paragraph in text.split("\n\n"))


#: A line break within a paragraph, but not before an item of a list or an indented line.
_LINE_BREAK = re.compile(r"\n(?![-\s])")


VERBS = (
    Verb(
        "demo",
        "core.cli.demo",
        "demo",
        "Create the demo workspace and open the desk; without a terminal, run label, retrain and evaluate unattended.",
    ),
    Verb("import", "core.cli.import_", "app", "Import product catalogues and labels."),
    Verb("fetch", "core.cli.fetch", "fetch", "Download a public benchmark."),
    Verb(
        "index",
        "core.cli.index",
        "index",
        "Encode new and changed products, update the index, and compute the candidates that this touches.",
    ),
    Verb(
        "match",
        "core.cli.match",
        "match",
        "Write the ranked candidates of every query, with similarity, probability and band.",
    ),
    Verb("score", "core.cli.match", "score", "Score the pairs of a file: similarity, probability and band."),
    Verb("cluster", "core.cli.cluster", "cluster", "Group the listings that are one product, across all sources."),
    Verb("labels", "core.cli.labels", "app", "The label ledger: statistics, export, import, backup, verification."),
    Verb("dataset", "core.cli.dataset", "app", "Weak labels, and training data as files; never validation data."),
    Verb(
        "retrain",
        "core.cli.retrain",
        "retrain",
        "Fine-tune the encoder on the labels, and promote it if it is significantly better than the champion.",
    ),
    Verb(
        "evaluate",
        "core.cli.evaluate",
        "evaluate",
        "Evaluate retrieval and pair classification, on the validation set or on a file.",
    ),
    Verb(
        "simulate",
        "core.cli.simulate",
        "simulate",
        "Replay a labelling campaign on known labels: the quality of the matcher by number of labels.",
    ),
    Verb("models", "core.cli.models", "app", "The encoders: list, show, compare, promote, roll back, merge, export."),
    Verb(
        "monitor",
        "core.cli.monitor",
        "monitor",
        "Compare listings, candidates and probabilities with a reference, by source and category.",
    ),
    Verb(
        "judge",
        "core.cli.judge",
        "app",
        "The judge, a second opinion: prepare, train, test, compare, run, label, choose, spent.",
    ),
    Verb("serve", "core.cli.serve", "app", "Serve matching, feedback and verdicts to other programs over HTTP."),
    Verb("jobs", "core.cli.jobs", "app", "Background jobs: list, watch, cancel, resume."),
    Verb(
        "settings",
        "core.cli.settings",
        "settings",
        "Print every setting in the format of samesku.toml: meaning, value, and default if it differs.",
    ),
    Verb(
        "doctor",
        "core.cli.doctor",
        "doctor",
        "Diagnose the installation, SQLite, the terminal and the workspace.",
    ),
)


class LazyVerb(TyperCommand):
    """Placeholder of a verb in the list of commands; loads it when it is called or its help is requested."""

    def __init__(self, verb: Verb) -> None:
        super().__init__(verb.name, help=verb.summary)
        self._verb = verb

    @cached_property
    def command(self) -> Any:
        """The loaded command."""
        return self._verb.load()

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """The context of the loaded command, which click then invokes."""
        return self.command.make_context(*args, **kwargs)


class LazyGroup(TyperGroup):
    """Group of the registered commands and of lazy ones; a subclass for each group names its own."""

    verbs: ClassVar[Sequence[Verb]] = VERBS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for command in self.commands.values():
            with_global_options(command)
        for verb in self.verbs:
            self.commands.setdefault(verb.name, LazyVerb(verb))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as click calls it
        """`demo` first, then the verbs of the desk, then all others."""
        return sorted(self.commands, key="demo".__ne__)


def load_all(root: Any) -> Any:
    """The program's command with every verb loaded, for what describes or checks the whole command line."""
    root.commands = {name: getattr(command, "command", command) for name, command in root.commands.items()}
    for command in root.commands.values():
        if hasattr(command, "commands"):
            load_all(command)
    return root
