"""The view of one query: its title, the candidates and the comparison; and the panel of an empty stream."""

from collections.abc import Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content

from core.queue.item import Progress, ReviewItem
from core.text.safe import safe
from labels.model import Stream
from labels.wording import counted
from tui.common.text import LEAD, Heading
from tui.common.words import display_title, join_names, source_and_id
from tui.keymap import Keymap
from tui.messages import ColumnsMoved, Highlighted, Scrolled
from tui.ports import GroupMember, Groups
from tui.review.candidates import CandidateList
from tui.review.comparison import Comparison, SameBrand
from tui.review.query_panel import QueryPanel
from tui.theme import CAREFUL, KEY, MUTED, STRONG

#: Lines reserved for the comparison on a low terminal.
_MIN_COMPARISON_LINES = 5
_LOOKED_UP = "Looked up: decide again, or Esc to return."
#: Headline and sentence before the first index run, and what that does.
NOT_INDEXED = "No candidates yet", "The products are imported, but their candidates have not been computed."
INDEXING = "computes them; this desk shows them as soon as they are ready."
#: Rows that a disputed query shows at least.
_MIN_DISPUTED_ROWS = 5
#: Cells between two labels of a rule, with their spaces.
_RULE_BETWEEN = 4
#: Lines of the status line, the key bar and the two headings.
_FIXED_LINES = 4


class QueryView(Container):
    """Candidates and comparison, side by side from 120 columns on, stacked below that.

    Args:
        same_brand: whether two names that are written differently are one brand.
    """

    def __init__(self, same_brand: SameBrand, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._same_brand = same_brand
        self._item: ReviewItem | None = None
        self._groups: Groups = {}

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield QueryPanel(id="query")
        yield Heading(id="reason")
        with Container(id="bench"):
            yield CandidateList(id="candidates")
            with Vertical(id="facts"):
                yield Heading(id="pair")
                yield Comparison(self._same_brand, id="comparison")

    @property
    def candidates(self) -> CandidateList:
        """The list of candidates."""
        return self.query_one(CandidateList)

    @property
    def comparison(self) -> Comparison:
        """The field comparison."""
        return self.query_one(Comparison)

    def clear(self) -> None:
        """Remove the query; the next one starts at its first candidate."""
        self._item = None

    def show(self, item: ReviewItem, highlight: int | None = None) -> None:
        """Show a query; the highlight does not move if it is the same one."""
        before, self._item = self._item, item
        if item.alone or item.blind or before is None or before.query.ref != item.query.ref:
            self._groups = {}  # what is decided alone is decided without what others have led to
        same = before is not None and (before.query.ref, before.blind) == (item.query.ref, item.blind)
        if highlight is None:
            highlight = min(self.candidates.highlighted, max(0, len(item.options) - 1)) if same else 0
        self.candidates.show(
            item.options, display_title(item.query), blind=item.blind, highlighted=highlight, same_query=same
        )
        self._fit()
        self._draw_reason()
        self._draw_pair()

    def show_groups(self, groups: Groups) -> None:
        """Show the other listings of the candidates' products."""
        if groups != self._groups:
            self._groups = groups
            self._draw_pair()

    def prepare(self, item: ReviewItem) -> None:
        """Build the rows and the first comparison of the next query in advance."""
        self.candidates.prepare(item.options, display_title(item.query), blind=item.blind)
        if item.options:
            self.comparison.prepare(item, item.options[0])

    def on_resize(self) -> None:
        """Lay out again."""
        self._fit()
        self.call_after_refresh(self._draw_pair)

    @on(Highlighted)
    def _draw_pair(self) -> None:
        item = self._item
        if item is None:
            return
        option = self.candidates.current
        panel = self.query_one(QueryPanel)
        panel.show(item.query, option.product if option else None)
        group = self._groups.get(option.product.ref, ()) if option else ()
        self.comparison.show(item, option, group, whole_query=panel.is_cut)
        self._draw_pair_heading()

    @on(Scrolled)
    def _draw_pair_heading(self) -> None:
        """The rule above the comparison: the candidate's number, id and group, and how many lines are below."""
        item = self._item
        if item is None:
            return
        heading, option = self.query_one("#pair", Heading), self.candidates.current
        below = self.comparison.below
        more = [(-1, Content.assemble("↓ ", ("J", KEY), f" {below} more"))] if below else []
        if option is None:
            heading.show((LEAD, Content.styled(source_and_id(item.query), MUTED)), *more)
            return
        count = Content.styled(f"{self.candidates.highlighted + 1}/{len(item.options)}", MUTED)
        name = Content.styled(source_and_id(option.product), MUTED)
        cells = [(1, count), (LEAD, name)]
        if group := self._groups.get(option.product.ref):
            start = LEAD + name.cell_length + _RULE_BETWEEN
            end = heading.size.width - sum(text.cell_length + 2 for _, text in more)
            cells.append((start, _group_name(group, end - start - 2)))
        heading.show(*cells, *more)

    @on(ColumnsMoved)
    def _draw_reason(self) -> None:
        """The rule above the candidates: why the query is shown, annotators' names, flag and comments."""
        item = self._item
        if item is None:
            return
        marks = []
        if item.answered:
            marks.append(Content.styled("answered", MUTED))
        if item.flagged:
            marks.append(Content.styled("⚑ flagged", CAREFUL))
        if item.comments:
            marks.append(Content.styled(f"✎ {len(item.comments)}", CAREFUL))
        # In adjudication the reason is shown even for a query that was looked up.
        by_queue = not item.looked_up or item.stream is Stream.ADJUDICATION
        cells = [(1, Content.styled(safe(item.reason) if by_queue else _LOOKED_UP, MUTED))]
        cells += [(at, Content.styled(name, STRONG)) for at, name in self.candidates.columns.headings()]
        if marks:
            cells.append((-1, Content("  ").join(marks)))
        self.query_one("#reason", Heading).show(*cells)

    def _fit(self) -> None:
        """Set the height of the list when it is above the comparison: all ten rows if possible."""
        if not self.size:
            return
        height = self.screen.size.height
        if self.screen.has_class("-wide"):
            self.candidates.styles.height, self.candidates.lines_given = "1fr", height
            return
        free = height - _FIXED_LINES - self.query_one(QueryPanel).size.height
        wanted = len(self.candidates.options) or 1
        if self._item is not None and self._item.disputed:
            # Leave room for opinions and comments rather than undisputed candidates.
            wanted = min(wanted, max(_MIN_DISPUTED_ROWS, len(self._item.disputed) + 2))
        lines = max(2, min(wanted, free - _MIN_COMPARISON_LINES))
        self.candidates.styles.height, self.candidates.lines_given = lines, lines


def _group_name(group: Sequence[GroupMember], room: int) -> Content:
    """The other listings of a candidate's product; only how many where the first one's id would be cut.

    The comparison lists them all.
    """
    others = f" +{len(group) - 1}" if len(group) > 1 else ""
    text = f"grouped with {source_and_id(group[0].ref)}{others}"
    name = Content.styled(text, MUTED)
    return name if name.cell_length <= room else Content.styled(f"in a group of {len(group) + 1}", MUTED)


def empty_stream_panel(
    stream: Stream,
    progress: Progress,
    elsewhere: Mapping[str, int],
    others: Mapping[Stream, int],
    keymap: Keymap,
    *,
    indexed: bool,
) -> Content:
    """Why a stream is empty, and what to do next.

    Args:
        stream: which.
        progress: of the stream.
        elsewhere: number of its open queries on other annotators' screens, by name.
        others: number of open queries in the other streams.
        keymap: of the app.
        indexed: whether candidates have been computed.
    """
    if not indexed:
        return panel(*NOT_INDEXED, [("samesku index", INDEXING)])
    return panel(*empty_stream_text(stream, progress, elsewhere), _ways_on(stream, progress, others, keymap))


def empty_stream_text(stream: Stream, progress: Progress, elsewhere: Mapping[str, int]) -> tuple[str, str]:
    """Why a stream is empty, as (headline, sentence)."""
    if stream is Stream.ADJUDICATION:
        others = progress.total - progress.done - sum(elsewhere.values())
        parts = (
            [f"{counted(others, 'dispute waits', 'disputes wait')} for someone who has no part in it."]
            if others
            else []
        )
        if elsewhere:
            parts.append(_on_screens(elsewhere))
        if parts:
            return "Nothing for you to adjudicate", " ".join(parts)
        return "Nothing to adjudicate", "There are no disagreements and no contradictory labels."
    if progress.total == 0:
        return f"The {stream.value} stream is empty", {
            Stream.VALIDATION: "No query was drawn for validation.",
            Stream.AUDIT: "There is no audit sample yet; samesku labels audit --draw 200 draws one.",
        }.get(stream, "No query has a candidate.")
    if progress.done < progress.total:
        left = progress.total - progress.done
        words = (
            _on_screens(elsewhere)
            if elsewhere
            else f"{counted(left, 'query was', 'queries were')} just released: Enter shows the next."
        )
        return "Nothing left for you now", words
    mine = f", {progress.own:,} of them by you in this session" if progress.own else ""
    return (
        f"The {stream.value} stream is finished",
        f"{counted(progress.total, 'query is', 'queries are')} answered{mine}.",
    )


def _on_screens(elsewhere: Mapping[str, int]) -> str:
    """How many queries are on whose screens."""
    count = sum(elsewhere.values())
    names = [f"{safe(name)} ({many:,})" if len(elsewhere) > 1 else safe(name) for name, many in elsewhere.items()]
    return f"{counted(count, 'query is', 'queries are')} on the screen of {join_names(names)}."


def next_steps(stream: Stream, progress: Progress, others: Mapping[Stream, int]) -> list[str]:
    """Next steps when a stream is empty, most likely first, by the names of the menu's commands."""
    steps = []
    if stream is Stream.VALIDATION and 0 < progress.total == progress.done:
        steps.append("Evaluate: measure the models on these labels.")
    other = next(iter(others), None)
    if other is not None:
        count = counted(others[other], "open query", "open queries")
        steps.append(f"Stream: continue with {other.value} ({count}).")
    return [*steps, "Retrain: train the models on these labels."]


def _ways_on(stream: Stream, progress: Progress, others: Mapping[Stream, int], keymap: Keymap) -> list[tuple[str, str]]:
    ways = [
        ("{next}", "Refresh: released queries reappear."),
        *(("ctrl+p", words) for words in next_steps(stream, progress, others)),
        ("{undo}", "Undo your last answer."),
        ("{quit}", "Quit."),
    ]
    return [(keymap.fill(key), words) for key, words in ways]


def panel(title: str, text: str, ways: Sequence[tuple[str, str]]) -> Content:
    """A headline, a sentence, and a list of keys with what they do."""
    width = max(len(key) for key, _ in ways)
    lines = [Content.styled(title, STRONG), Content.styled(text, MUTED), Content.empty()]
    lines += [Content.assemble((key.ljust(width), KEY), "  ", words) for key, words in ways]
    return Content("\n").join(lines)
