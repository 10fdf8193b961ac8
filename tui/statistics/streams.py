"""The streams screen: purpose and progress of each stream, and which are open to the annotator."""

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static

from core.queue.item import Progress, StreamState
from core.queue.session_stats import SessionStats
from core.text.safe import safe
from labels.model import Stream
from labels.wording import counted
from tui.background import in_background, tell
from tui.common.full_page import FullPage
from tui.common.key_bar import KeyBar
from tui.common.lists import PagedList
from tui.common.words import STREAM_HELP, duration
from tui.key_bindings import STREAMS, bindings
from tui.messages import Failed, StreamsRead
from tui.services.desk import Desk
from tui.theme import MUTED, STREAM_STYLES, STRONG

#: Indentation of the lines: behind the longest name.
_LEAD = 15
#: Cells of a progress bar at most.
_BAR = 36
_HERE = "you are here"


def stream_lines(state: StreamState, session: SessionStats, width: int, *, here: bool) -> Content:
    """Name and purpose, progress, the annotator's own count and rate, and why it is closed if it is.

    Args:
        state: the stream.
        session: the annotator's work in it in this session.
        width: columns to fill.
        here: whether the annotator works in it now.
    """
    progress = state.progress
    name = Content.styled(f" {state.stream.value.upper()} ", MUTED if state.refusal else STREAM_STYLES[state.stream])
    own = _own_work(progress, session)
    if here:
        own = own.pad_right(max(2, width - _LEAD - own.cell_length - len(_HERE))) + Content.styled(_HERE, STRONG)
    lines = [
        name.pad_right(_LEAD - name.cell_length) + Content.styled(STREAM_HELP[state.stream], STRONG),
        _indented(_bar(progress, width - _LEAD) if state.drawn else Content.styled(_not_drawn(progress), MUTED)),
        _indented(own),
    ]
    if state.refusal:
        lines.append(_indented(Content.styled(safe(state.refusal), MUTED)))
    return Content("\n").join([*(line.truncate(width, ellipsis=True) for line in lines), Content(" ")])


def stream_sentence(state: StreamState, session: SessionStats) -> str:
    """The same as a line for the plain desk."""
    progress = state.progress
    done = f"{progress.done:,} of {progress.total:,} done, {progress.total - progress.done:,} left"
    done = done if state.drawn else _not_drawn(progress)
    sentence = f"{state.stream.value}: {STREAM_HELP[state.stream]} {done}; {_own_work(progress, session).plain}."
    return f"{sentence} {safe(state.refusal)}".rstrip()


def _not_drawn(progress: Progress) -> str:
    return f"No sample is drawn; the matcher is certain about {counted(progress.total, 'query', 'queries')}"


def _bar(progress: Progress, width: int) -> Content:
    if not progress.total:
        return Content.styled("This stream is empty.", MUTED)
    counts = Content.assemble(
        (f"{progress.done:,}", STRONG), (f" of {progress.total:,}, ", MUTED),
        (f"{progress.total - progress.done:,}", STRONG), (" left", MUTED),
    )  # fmt: skip
    cells = max(0, min(_BAR, width - counts.cell_length - 2))
    full = round(progress.done / progress.total * cells) if progress.total else 0
    return Content.assemble(("█" * full, "$primary"), ("░" * (cells - full), MUTED), "  ", counts)


def _own_work(progress: Progress, session: SessionStats) -> Content:
    """The annotator's own answers, and their rate, in this session if there are enough, else over the latest ones."""
    own = f"{progress.own:,} yours"
    if session.answered:
        own = f"{session.answered:,} yours in this session, {progress.own:,} in all"
    hourly = session.hourly or progress.hourly
    rate = ""
    if hourly:
        left_s = (progress.total - progress.done) / hourly * 3600
        rate = f"; {hourly:,.0f} an hour" + (f", {duration(left_s)} to go" if left_s else "")
    return Content.styled(f"{own}{rate}", MUTED)


def _indented(line: Content) -> Content:
    return Content(" " * _LEAD) + line


class StreamsScreen(FullPage[Stream]):
    """Answers with the stream to switch to."""

    BINDINGS = bindings(STREAMS)
    ACTS = STREAMS

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def compose(self) -> ComposeResult:
        """Title, streams, keys."""
        yield Static("Streams", classes="page-title", markup=False)
        yield PagedList(self._render_row, id="stream-rows")
        yield Static("Counting …", id="stream-note", markup=False)
        yield KeyBar(STREAMS)

    def on_mount(self) -> None:
        """Count the streams in the background."""

        def work() -> Message:
            return StreamsRead(self._desk.stream_states())

        in_background(self, "streams", work)

    @on(StreamsRead)
    def _show(self, message: StreamsRead) -> None:
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

    def _render_row(self, state: StreamState, width: int) -> Content:
        review = self._desk.review
        return stream_lines(state, review.stats[state.stream], width, here=state.stream is review.stream)

    def action_move(self, step: int) -> None:
        """Highlight a neighbouring stream."""
        self._rows.move(step)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._rows.highlighted = event.option_index
        self.action_open_row()

    def action_open_row(self) -> None:
        """Switch to the highlighted stream, if it is open."""
        state = self._rows.current
        if state is None:
            return
        if state.refusal:
            self.query_one(KeyBar).say(state.refusal)
        else:
            self.dismiss(state.stream)
