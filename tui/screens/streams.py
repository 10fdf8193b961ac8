"""The streams: what each is for, how far it is, and which are open to one."""

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static

from core.queue.item import StreamState
from labels.model import Stream
from tui.actions import bindings
from tui.messages import Failed, StreamsRead
from tui.page_actions import STREAMS
from tui.ports.desk import Desk
from tui.screens.full_page import FullPage
from tui.widgets.key_bar import KeyBar
from tui.widgets.paged_list import PagedList
from tui.widgets.stream_text import stream_lines
from tui.workers import in_background, tell


class StreamsScreen(FullPage[Stream]):
    """Enter gives the highlighted stream, Escape nothing."""

    BINDINGS = bindings(STREAMS)
    ACTS = STREAMS

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def compose(self) -> ComposeResult:
        """Title, streams, keys."""
        yield Static("Streams", classes="page-title", markup=False)
        yield PagedList(self._drawn, id="stream-rows")
        yield Static("Counting …", id="stream-note", markup=False)
        yield KeyBar(STREAMS)

    def on_mount(self) -> None:
        """Count them beside the keyboard."""

        def work() -> Message:
            return StreamsRead(self._desk.streams.read())

        in_background(self, "streams", work)

    @on(StreamsRead)
    def _arrived(self, message: StreamsRead) -> None:
        here = [state.stream for state in message.states].index(self._desk.review.stream)
        self._rows.show(message.states, here)
        self.query_one("#stream-note", Static).update("")

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.query_one("#stream-note", Static).update("")
        tell(self.app, message)

    @property
    def _rows(self) -> PagedList[StreamState]:
        return self.query_one(PagedList)

    def _drawn(self, state: StreamState, width: int) -> Content:
        review = self._desk.review
        return stream_lines(state, review.tallies[state.stream], width, here=state.stream is review.stream)

    def action_move(self, step: int) -> None:
        """To a neighbouring stream."""
        self._rows.move(step)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._rows.highlighted = event.option_index
        self.action_open_row()

    def action_open_row(self) -> None:
        """Go to the highlighted stream, if it is open."""
        state = self._rows.current
        if state is None:
            return
        if state.refusal:
            self.query_one(KeyBar).say(state.refusal)
        else:
            self.dismiss(state.stream)
