"""The verbs of the command line by name: what each is for, and the module that is loaded when it is called.

A verb's module imports what the verb needs, model libraries' wrappers included. Loading it only when the verb is
called keeps `samesku --help`, and the desk, free of all that.
"""

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb that is loaded when it is called.

    Attributes:
        module: full name of its module.
        attribute: a function, or a `typer.Typer` with verbs of its own.
        summary: the first sentence of its help.
    """

    name: str
    module: str
    attribute: str
    summary: str

    def load(self) -> Any:
        """The command itself."""
        found = getattr(import_module(self.module), self.attribute)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = self.name
            return group
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
        single.command(self.name)(found)
        return typer.main.get_command(single)


VERBS = (
    Verb(
        "demo",
        "core.cli.demo",
        "demo",
        "Create the demo workspace and open the desk; without a terminal, run the whole loop unattended.",
    ),
    Verb("import", "core.cli.import_", "app", "Bring catalogues in."),
    Verb("fetch", "core.cli.fetch", "fetch", "Download a benchmark; import it afterwards."),
    Verb("index", "core.cli.index", "index", "Encode what changed, build the index, fill the candidates."),
    Verb(
        "match",
        "core.cli.match",
        "match",
        "The candidates of every query: query_id, rank, candidate_id, similarity, probability, band.",
    ),
    Verb("score", "core.cli.match", "score", "The same for given pairs."),
    Verb("labels", "core.cli.labels", "app", "The ledger: statistics, export, import, check."),
    Verb("dataset", "core.cli.dataset", "app", "Training data as files: the training side alone, never validation."),
    Verb(
        "retrain",
        "core.cli.retrain",
        "retrain",
        "Train on the labels, compare with the champion, promote if better beyond chance, index again.",
    ),
    Verb(
        "evaluate",
        "core.cli.evaluate",
        "evaluate",
        "Measure retrieval and pairs on the validation set, or on matches or pairs from a file.",
    ),
    Verb(
        "simulate",
        "core.cli.simulate",
        "simulate",
        "Replay a labelling campaign against known answers: how good is the matcher after how many labels?",
    ),
    Verb("models", "core.cli.models", "app", "The encoders: list, show, compare, promote, roll back."),
    Verb("judge", "core.cli.judge", "app", "The second opinion: prepare, train, test, compare, run, choose, spent."),
    Verb("jobs", "core.cli.jobs", "app", "Detached work: list, watch, cancel, resume."),
    Verb(
        "settings",
        "core.cli.settings",
        "settings",
        "Every setting in the form of samesku.toml: meaning, value, and default where it differs.",
    ),
    Verb(
        "doctor",
        "core.cli.doctor",
        "doctor",
        "What is installed, SQLite and its journal, the terminal, the workspace's health.",
    ),
)


class LazyVerb(TyperCommand):
    """Stands for a verb in the list of verbs, and loads it when it is called or asked for its help."""

    def __init__(self, verb: Verb) -> None:
        super().__init__(verb.name, help=verb.summary)
        self._verb = verb

    @cached_property
    def command(self) -> Any:
        """The verb's own command."""
        return self._verb.load()

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """The context of the verb's own command, which goes on from there."""
        return self.command.make_context(*args, **kwargs)


class LazyGroup(TyperGroup):
    """The verbs that were registered as usual, and those of `VERBS`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for verb in VERBS:
            self.commands.setdefault(verb.name, LazyVerb(verb))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as click calls it
        """`demo` first, then the desk's verbs, then all others."""
        return sorted(self.commands, key="demo".__ne__)


def load_all(root: Any) -> Any:
    """The program's command with every verb loaded, for what describes or checks the whole command line."""
    root.commands = {name: getattr(command, "command", command) for name, command in root.commands.items()}
    return root
