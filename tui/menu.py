"""The command menu on ctrl+p: every command with a one-line description."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen

from labels.model import Stream
from tui.common.doctor import DoctorScreen
from tui.common.settings import SettingsScreen
from tui.common.text import hanging_indent
from tui.common.words import STREAM_HELP
from tui.evaluation.screen import EvaluationScreen
from tui.jobs.screen import JobsScreen
from tui.models.retrain import RetrainDialog
from tui.models.screen import ModelsScreen
from tui.monitoring.screen import MonitorScreen
from tui.practice.screen import PracticeScreen
from tui.services.desk import Desk
from tui.statistics.screen import StatisticsScreen
from tui.theme import MUTED
from tui.transfer.backup import BackupDialog
from tui.transfer.export import ExportDialog
from tui.transfer.import_ import ImportDialog

#: In cells: the column of names, the menu's maximum width as in app.tcss, and both edges together.
_NAME_WIDTH, _MAX_WIDTH, _MARGIN = 23, 110, 3
#: The score of a match in the description; lower than that of any match in the name.
_DESCRIPTION_SCORE = 0.001


class CommandTarget(Protocol):
    """The app, as far as the menu's commands use it.

    Attributes:
        backup_to_restore: the backup to restore after the desk is closed.
    """

    desk: Desk
    backup_to_restore: Path | None

    def open(self, screen: Screen[Any], then: Callable[[Any], None] | None = None) -> None:
        """Show a screen over the review screen, closing any other."""

    def start_job(self, *arguments: str) -> None:
        """Start `python -m core ARGUMENTS` as a job and show it."""

    def switch_stream(self, stream: Stream) -> None:
        """Switch to another stream."""

    def on_review(self, action: str) -> None:
        """Run an action of the review screen."""

    def toggle_light(self) -> None:
        """Switch between the light and the dark theme."""

    def action_change_theme(self) -> None:
        """Choose a theme."""

    def exit(self) -> None:
        """Close the desk."""


@dataclass(frozen=True, slots=True)
class Command:
    """An entry of the menu.

    Attributes:
        name: what is searched for.
        help: one sentence.
        lead: whether it is offered to leads only.
    """

    name: str
    help: str
    run: Callable[[], None]
    lead: bool = False


def commands(app: CommandTarget) -> list[Command]:
    """The commands that this annotator may use."""
    return [command for command in _all_commands(app) if app.desk.facts.lead or not command.lead]


def _all_commands(app: CommandTarget) -> list[Command]:
    return [
        *_model_commands(app),
        *_label_commands(app),
        *(_stream_command(app, stream) for stream in Stream),
        *(
            Command(name, description, lambda action=action: app.on_review(action))  # type: ignore[misc]
            for name, description, action in _REVIEW_ACTIONS
        ),
        *_desk_commands(app),
    ]


def _model_commands(app: CommandTarget) -> list[Command]:
    """Training, indexing, evaluation and jobs."""
    return [
        Command("Retrain", "Train the models on the labels in the background.", lambda: _retrain(app)),
        Command("Evaluate", "Measure the champion on the held-out labels.", lambda: app.start_job("evaluate")),
        Command(
            "Index",
            "Encode changed products and update the candidates.",
            lambda: app.start_job("index"),
            lead=True,
        ),
        Command(
            "Evaluation",
            "Retrieval and matching metrics, calibration, bands.",
            lambda: app.open(EvaluationScreen(app.desk)),
        ),
        Command(
            "Measure drift",
            "Compare catalogues and matches with the reference.",
            lambda: app.start_job("monitor"),
        ),
        Command(
            "Monitor",
            "What has moved: bands, similarities, probabilities.",
            lambda: app.open(MonitorScreen(app.desk)),
        ),
        Command(
            "Models",
            "Compare the encoders by query; choose the champion.",
            lambda: app.open(ModelsScreen(app.desk)),
        ),
        Command(
            "Train the judge",
            "Train the judge's cross-encoder on the labels.",
            lambda: app.start_job("judge", "train", "--cross-encoder"),
            lead=True,
        ),
        Command(
            "Measure the judge",
            "Its accuracy, and its gain over the matcher.",
            lambda: app.start_job("judge", "test"),
            lead=True,
        ),
        Command("Jobs", "Running and finished jobs, progress and results.", lambda: app.open(JobsScreen(app.desk))),
    ]


def _label_commands(app: CommandTarget) -> list[Command]:
    """Labelling progress, export, import and backups."""
    return [
        Command(
            "Streams",
            "Purpose, progress and time left of each stream.",
            lambda: app.on_review("streams"),
        ),
        Command(
            "Statistics",
            "Labelling progress and annotator agreement.",
            lambda: app.open(StatisticsScreen(app.desk)),
        ),
        Command("Export", "Write labels, or the whole ledger, to a file.", lambda: app.open(ExportDialog(app.desk))),
        Command(
            "Import",
            "Import labels or products from a file, with preview.",
            lambda: _import(app),
            lead=True,
        ),
        Command("Backup", "Make, verify and restore backups of the ledger.", lambda: _backup(app)),
    ]


def _desk_commands(app: CommandTarget) -> list[Command]:
    """Settings, help and appearance."""
    return [
        Command(
            "Settings",
            "Every setting: its value, origin and meaning.",
            lambda: app.open(SettingsScreen(app.desk)),
        ),
        Command(
            "Doctor",
            "Check this machine and the workspace.",
            lambda: app.open(DoctorScreen(app.desk.verbs)),
        ),
        Command("Practice", "Three invented queries, with feedback on each answer.", lambda: _practise(app)),
        Command("Light or dark", "Switch between the light and the dark theme.", app.toggle_light),
        Command("Theme", "Choose a colour theme.", app.action_change_theme),
        Command("Quit", "Close the desk; every decision is saved (q).", app.exit),
    ]


#: Actions of the review screen that the menu offers too: name, description, action.
_REVIEW_ACTIONS = (
    ("Past work", "Find your past decisions and revise them (o).", "past"),
    ("Flagged and commented", "Queries with a flag or a comment.", "noted"),
    ("Trail", "Your actions, latest first, and the undo position (t).", "trail"),
    ("Search", "Search the whole catalogue for a match (/).", "search"),
    ("Ask the judge", "Ask for a verdict on the highlighted candidate (v).", "judge"),
    ("Undo", "Undo your last action (z).", "undo"),
    ("Redo", "Redo the action that you undid last (Z).", "redo"),
    ("Blind", "Hide scores, or show them again (b).", "blind"),
    ("Flag", "Mark the query for a second look (f).", "flag"),
    ("Comment", "Write a comment on the query (c).", "comment"),
    ("Guidelines", "Your team's rules on what counts as a match (g).", "guidelines"),
    ("Keys", "All keys and signs (?).", "help"),
)


def _stream_command(app: CommandTarget, stream: Stream) -> Command:
    return Command(f"Stream: {stream.value}", STREAM_HELP[stream], lambda: app.switch_stream(stream))


def _retrain(app: CommandTarget) -> None:
    """Show the training plan; start the retrain if confirmed, or show the running one."""

    def on_result(arguments: list[str] | None) -> None:
        if arguments:
            app.start_job(*arguments)
        elif arguments is not None:
            app.open(JobsScreen(app.desk))

    app.open(RetrainDialog(app.desk), on_result)


def _import(app: CommandTarget) -> None:
    """Import a file; start an index run if confirmed."""
    app.open(ImportDialog(app.desk), lambda arguments: app.start_job(*arguments) if arguments else None)


def _backup(app: CommandTarget) -> None:
    """Show the backups; a restore closes the desk first, because nothing may hold the ledger open."""

    def on_result(backup: Path | None) -> None:
        if backup is not None:
            app.backup_to_restore = backup
            app.exit()

    app.open(BackupDialog(app.desk), on_result)


def _practise(app: CommandTarget) -> None:
    app.open(PracticeScreen(app.desk))


class DeskCommands(Provider):
    """Provides the commands to Textual's palette, each on one line where there is room."""

    async def discover(self) -> Hits:
        """All commands, before anything is typed."""
        for command in self._commands():
            yield DiscoveryHit(self._line(Content(command.name), command), command.run, text=command.name)

    async def search(self, query: str) -> Hits:
        """Commands whose name matches the query, then those whose description contains it."""
        matcher = self.matcher(query)
        for command in self._commands():
            score = matcher.match(command.name) or _DESCRIPTION_SCORE * (query.casefold() in command.help.casefold())
            if score > 0:
                line = self._line(matcher.highlight(command.name), command)
                yield Hit(score, line, command.run, text=command.name)

    def _line(self, name: Content, command: Command) -> Content:
        room = min(_MAX_WIDTH, self.screen.size.width) - _MARGIN
        sentence = Content.styled(command.help, f"not bold {MUTED}")
        return Content("\n").join(hanging_indent(name.pad_right(_NAME_WIDTH - name.cell_length), sentence, room))

    def _commands(self) -> list[Command]:
        return commands(cast("CommandTarget", self.app))
