"""The menu on ctrl+p: every command with a line that says what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen

from labels.model import Stream
from tui.common.doctor import DoctorScreen
from tui.common.full_page import TwoSidedScreen
from tui.common.settings import SettingsScreen
from tui.common.text import hanging
from tui.common.words import STREAM_HELP
from tui.evaluation.screen import EvaluationScreen
from tui.jobs.screen import JobsScreen
from tui.models.retrain import RetrainDialog
from tui.models.screen import ModelsScreen
from tui.practice.screen import PracticeScreen
from tui.services.desk import Desk
from tui.statistics.screen import StatisticsScreen
from tui.theme import MUTED
from tui.transfer.backup import BackupDialog
from tui.transfer.export import ExportDialog
from tui.transfer.import_ import ImportDialog

#: Cells of the names; of the menu, as app.tcss has it; and of these, on both sides together, for its edges.
_NAME, _WIDEST, _MARGIN = 23, 110, 3
#: Less than any name that fits is worth.
_IN_HELP = 0.001


class Commander(Protocol):
    """What the menu can have done.

    Attributes:
        backup_to_restore: the backup to restore once the desk is left.
    """

    desk: Desk
    backup_to_restore: Path | None

    def open(self, screen: Screen[Any], then: Callable[[Any], None] | None = None) -> None:
        """Put a screen over the review screen, and over nothing else."""

    def start_job(self, *arguments: str) -> None:
        """Start `python -m core ARGUMENTS` and show it."""

    def switch_stream(self, stream: Stream) -> None:
        """Go to another stream."""

    def on_review(self, action: str) -> None:
        """Do what a key of the review screen does."""

    def toggle_light(self) -> None:
        """Light or dark."""

    def action_change_theme(self) -> None:
        """Choose among all themes."""

    def exit(self) -> None:
        """Leave."""


@dataclass(frozen=True, slots=True)
class Command:
    """An entry of the menu.

    Attributes:
        name: what one types to find it.
        help: one sentence.
        lead: whether it is for leads; where leads are named, nobody else is offered it.
    """

    name: str
    help: str
    run: Callable[[], None]
    lead: bool = False


def commands(app: Commander) -> list[Command]:
    """All commands that are open to whoever sits here."""
    return [command for command in _all(app) if app.desk.facts.lead or not command.lead]


def _all(app: Commander) -> list[Command]:
    return [
        *_learning(app),
        *_ledger(app),
        *(_stream(app, stream) for stream in Stream),
        *(
            Command(name, help_, lambda action=action: app.on_review(action))  # type: ignore[misc]
            for name, help_, action in _KEYS
        ),
        *_around(app),
    ]


def _learning(app: Commander) -> list[Command]:
    """What has the models learn, and shows what became of it."""
    return [
        Command("Retrain", "Let the models learn from the labels, while you go on.", lambda: _retrain(app)),
        Command("Evaluate", "Measure the model in use on the labels kept apart.", lambda: app.start_job("evaluate")),
        Command(
            "Index",
            "Encode what changed, and find the candidates again.",
            lambda: app.start_job("index"),
            lead=True,
        ),
        Command(
            "Evaluation",
            "How good the machine is: figures, calibration, bands.",
            lambda: _with_job(app, EvaluationScreen(app.desk)),
        ),
        Command(
            "Models",
            "What each encoder changes, by query; put one in use.",
            lambda: _with_job(app, ModelsScreen(app.desk)),
        ),
        Command(
            "Train the judge",
            "A second opinion that learns from the labels.",
            lambda: app.start_job("judge", "train", "--cross-encoder"),
            lead=True,
        ),
        Command(
            "Measure the judge",
            "How right it is, and whether it adds to the matcher.",
            lambda: app.start_job("judge", "test"),
            lead=True,
        ),
        Command("Jobs", "What runs, how far it is, and what came out.", lambda: app.open(JobsScreen(app.desk))),
    ]


def _ledger(app: Commander) -> list[Command]:
    """What people have said: how far it is, out, in, and kept safe."""
    return [
        Command(
            "Streams",
            "What each is for, how far it is, how long is left.",
            lambda: app.on_review("streams"),
        ),
        Command(
            "Statistics",
            "How far the labelling is, and how far people agree.",
            lambda: app.open(StatisticsScreen(app.desk)),
        ),
        Command("Export", "Write labels, or the whole ledger, to a file.", lambda: app.open(ExportDialog(app.desk))),
        Command(
            "Import",
            "Bring labels or products in from a file, once seen.",
            lambda: _import(app),
            lead=True,
        ),
        Command("Backup", "Copies of the ledger: make, check, go back to one.", lambda: _backup(app)),
    ]


def _around(app: Commander) -> list[Command]:
    """What is about the desk itself."""
    return [
        Command(
            "Settings",
            "What is set, where that comes from, and what it is for.",
            lambda: app.open(SettingsScreen(app.desk)),
        ),
        Command(
            "Doctor",
            "Whether this machine and the workspace are well.",
            lambda: app.open(DoctorScreen(app.desk.verbs)),
        ),
        Command("Practice", "Three invented queries, with a word on each answer.", lambda: _practise(app)),
        Command("Light or dark", "Switch between a light and a dark desk.", app.toggle_light),
        Command("Theme", "Choose the colours of the desk.", app.action_change_theme),
        Command("Quit", "Leave the desk; everything you decided is saved (q).", app.exit),
    ]


#: What keys of the review screen do, for those who look for it here: name, help, action.
_KEYS = (
    ("Past work", "Find what you decided, and decide it anew (o).", "past"),
    ("Flagged and commented", "What somebody wants a second look at, or wrote about.", "noted"),
    ("Trail", "What you did last, and where undo stands (t).", "trail"),
    ("Search", "Look for a match in the whole catalogue (/).", "search"),
    ("Ask the judge", "A second opinion on the highlighted candidate (v).", "judge"),
    ("Undo", "Take back your last act (z).", "undo"),
    ("Redo", "Bring back what you took back last (Z).", "redo"),
    ("Blind", "Hide the machine's opinion, or show it again (b).", "blind"),
    ("Flag", "Mark the query for a second look (f).", "flag"),
    ("Comment", "Write a comment on the query (c).", "comment"),
    ("Guidelines", "What your team calls the same product (g).", "guidelines"),
    ("Keys", "All keys and signs, and what they mean (?).", "help"),
)


def _stream(app: Commander, stream: Stream) -> Command:
    return Command(f"Stream: {stream.value}", STREAM_HELP[stream], lambda: app.switch_stream(stream))


def _with_job(app: Commander, screen: TwoSidedScreen) -> None:
    """Open a screen from which a job can be asked for; start it if so told."""
    app.open(screen, lambda arguments: app.start_job(*arguments) if arguments else None)


def _retrain(app: Commander) -> None:
    """Show what would be trained on; start it if so told, or show the one that runs."""

    def chosen(arguments: list[str] | None) -> None:
        if arguments:
            app.start_job(*arguments)
        elif arguments is not None:
            app.open(JobsScreen(app.desk))

    app.open(RetrainDialog(app.desk), chosen)


def _import(app: Commander) -> None:
    """Bring a file in; start an index run if so told."""
    app.open(ImportDialog(app.desk), lambda arguments: app.start_job(*arguments) if arguments else None)


def _backup(app: Commander) -> None:
    """Show the backups; where the ledger is to go back to one, nothing may have it open, so the desk is left first."""

    def chosen(backup: Path | None) -> None:
        if backup is not None:
            app.backup_to_restore = backup
            app.exit()

    app.open(BackupDialog(app.desk), chosen)


def _practise(app: Commander) -> None:
    app.open(PracticeScreen(app.desk))


class DeskCommands(Provider):
    """Offers the commands to Textual's palette, each in one line where there is room."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for command in self._commands():
            yield DiscoveryHit(self._told(Content(command.name), command), command.run, text=command.name)

    async def search(self, query: str) -> Hits:
        """Those whose name fits what is typed; after them, those whose sentence holds it."""
        matcher = self.matcher(query)
        for command in self._commands():
            score = matcher.match(command.name) or _IN_HELP * (query.casefold() in command.help.casefold())
            if score > 0:
                told = self._told(matcher.highlight(command.name), command)
                yield Hit(score, told, command.run, text=command.name)

    def _told(self, name: Content, command: Command) -> Content:
        room = min(_WIDEST, self.screen.size.width) - _MARGIN
        sentence = Content.styled(command.help, f"not bold {MUTED}")
        return Content("\n").join(hanging(name.pad_right(_NAME - name.cell_length), sentence, room))

    def _commands(self) -> list[Command]:
        return commands(cast("Commander", self.app))
