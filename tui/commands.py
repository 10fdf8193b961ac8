"""The menu on ctrl+p: every command with a line that says what it does."""

from collections.abc import Callable
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from labels.model import Stream
from tui.words import STREAM_HELP


class Commander(Protocol):
    """What the menu can have done."""

    def open_retrain(self) -> None:
        """Show what would be trained on."""

    def start_job(self, verb: str) -> None:
        """Start a job and show it."""

    def open_jobs(self) -> None:
        """Show the jobs."""

    def export_labels(self) -> None:
        """Write the labels to a file."""

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


Command = tuple[str, str, Callable[[], None]]


def commands(desk: Commander) -> list[Command]:
    """All commands: name, help, what they do."""
    streams: list[Command] = [
        (f"Stream: {stream.value}", STREAM_HELP[stream], lambda stream=stream: desk.switch_stream(stream))  # type: ignore[misc]
        for stream in Stream
    ]
    return [
        ("Retrain", "Let the models learn from the labels, while you go on.", desk.open_retrain),
        ("Evaluate", "Measure the model in use on the labels kept apart for it.", lambda: desk.start_job("evaluate")),
        ("Jobs", "What runs, how far it is, and what came out.", desk.open_jobs),
        ("Export labels", "Write the agreed labels to a CSV file in the workspace's reports.", desk.export_labels),
        *streams,
        ("Search", "Look for a match in the whole catalogue (/).", lambda: desk.on_review("search")),
        ("Undo", "Take back your last act (z).", lambda: desk.on_review("undo")),
        ("Redo", "Bring back what you took back last (Z).", lambda: desk.on_review("redo")),
        ("Blind", "Hide the machine's opinion, or show it again (b).", lambda: desk.on_review("blind")),
        ("Flag", "Mark the query for a second look (f).", lambda: desk.on_review("flag")),
        ("Comment", "Write a comment on the query (c).", lambda: desk.on_review("comment")),
        ("Light or dark", "Switch between a light and a dark desk.", desk.toggle_light),
        ("Theme", "Choose the colours of the desk.", desk.action_change_theme),
        ("Keys", "All keys and signs, and what they mean (?).", lambda: desk.on_review("help")),
        ("Quit", "Leave the desk; everything you decided is saved (q).", desk.exit),
    ]


class DeskCommands(Provider):
    """Offers the commands to Textual's palette."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for name, text, run in self._commands():
            yield DiscoveryHit(name, run, help=text)

    async def search(self, query: str) -> Hits:
        """Those whose name fits what is typed."""
        matcher = self.matcher(query)
        for name, text, run in self._commands():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), run, text=name, help=text)

    def _commands(self) -> list[Command]:
        return commands(cast("Commander", self.app))
