"""One query on the screen: the query above, its candidates, and the highlighted one compared with it."""

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
from tui.common.words import listed, place, titled
from tui.keymap import Keymap
from tui.messages import Highlighted, Scrolled
from tui.review.candidates import CandidateList
from tui.review.comparison import Comparison, SameBrand
from tui.review.query_panel import QueryPanel
from tui.theme import CAREFUL, KEY, MUTED, STRONG

#: Lines that the comparison keeps on a low terminal.
_LEAST_FIELDS = 5
_LOOKED_UP = "Looked up: decide it anew, or Esc leads back."
#: Rows that a disputed query shows at least.
_LEAST_ROWS = 5
#: Status line, key bar, and the two headings.
_BARS = 4


class QueryView(Container):
    """Lays a query out; side by side from 120 columns on, one above the other below that.

    Args:
        same_brand: whether two names that are written differently are one brand.
    """

    def __init__(self, same_brand: SameBrand, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._same_brand = same_brand
        self._item: ReviewItem | None = None

    def compose(self) -> ComposeResult:
        """Top to bottom as it is read."""
        yield QueryPanel(id="query")
        yield Heading(id="reason")
        with Container(id="bench"):
            yield CandidateList(id="candidates")
            with Vertical(id="facts"):
                yield Heading(id="pair")
                yield Comparison(self._same_brand, id="comparison")

    @property
    def candidates(self) -> CandidateList:
        """The list."""
        return self.query_one(CandidateList)

    @property
    def comparison(self) -> Comparison:
        """The fields."""
        return self.query_one(Comparison)

    def clear(self) -> None:
        """Forget the query, so that the next one starts at its first candidate."""
        self._item = None

    def show(self, item: ReviewItem, highlight: int | None = None) -> None:
        """Show a query; the highlight stays where it is on the same one."""
        before, self._item = self._item, item
        same = before is not None and (before.query.ref, before.blind) == (item.query.ref, item.blind)
        if highlight is None:
            highlight = min(self.candidates.highlighted, max(0, len(item.options) - 1)) if same else 0
        self.candidates.show(item.options, titled(item.query), blind=item.blind, highlighted=highlight, same_query=same)
        self._fit()
        self._draw_reason()
        self._draw_pair()
        if item.disputed:
            # A shorter list may have got a scroll bar, and narrower columns.
            self.call_after_refresh(self._draw_reason)

    def prepare(self, item: ReviewItem) -> None:
        """Make ready what the query that comes next will need, while nobody waits for it."""
        self.candidates.prepare(item.options, titled(item.query), blind=item.blind)
        if item.options:
            self.comparison.prepare(item, item.options[0])

    def on_resize(self) -> None:
        """Lines and columns are counted anew."""
        self._fit()
        self.call_after_refresh(self._draw_reason)
        self.call_after_refresh(self._draw_pair)

    @on(Highlighted)
    def _draw_pair(self) -> None:
        item = self._item
        if item is None:
            return
        option = self.candidates.current
        panel = self.query_one(QueryPanel)
        panel.show(item.query, option.product if option else None)
        self.comparison.show(item, option, whole_query=panel.is_cut)
        self._draw_places()

    @on(Scrolled)
    def _draw_places(self) -> None:
        """Which candidate is compared, and that there is more below, if there is."""
        item = self._item
        if item is None:
            return
        heading, option = self.query_one("#pair", Heading), self.candidates.current
        below = self.comparison.below
        more = [(-1, Content.assemble("↓ ", ("J", KEY), f" {below} more"))] if below else []
        if option is None:
            heading.show((LEAD, Content.styled(place(item.query), MUTED)), *more)
            return
        count = Content.styled(f"{self.candidates.highlighted + 1}/{len(item.options)}", MUTED)
        heading.show((1, count), (LEAD, Content.styled(place(option.product), MUTED)), *more)

    def _draw_reason(self) -> None:
        """Why the query is shown; over a dispute, whose column is whose; what there is besides."""
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
        # A dispute says why it is one, however one came to it.
        by_queue = not item.looked_up or item.stream is Stream.ADJUDICATION
        cells = [(1, Content.styled(safe(item.reason) if by_queue else _LOOKED_UP, MUTED))]
        cells += [(at, Content.styled(name, STRONG)) for at, name in self.candidates.columns.headings()]
        if marks:
            cells.append((-1, Content("  ").join(marks)))
        self.query_one("#reason", Heading).show(*cells)

    def _fit(self) -> None:
        """Give the list its lines where it stands above the comparison, and all ten if at all possible."""
        if not self.size:
            return
        height = self.screen.size.height
        if self.screen.has_class("-wide"):
            self.candidates.styles.height, self.candidates.lines_given = "1fr", height
            return
        free = height - _BARS - self.query_one(QueryPanel).size.height
        wanted = len(self.candidates.options) or 1
        if self._item is not None and self._item.disputed:
            # Opinions and comments need the room more than what nobody disputes.
            wanted = min(wanted, max(_LEAST_ROWS, len(self._item.disputed) + 2))
        lines = max(2, min(wanted, free - _LEAST_FIELDS))
        self.candidates.styles.height, self.candidates.lines_given = lines, lines


def nothing_left(
    stream: Stream,
    progress: Progress,
    elsewhere: Mapping[str, int],
    others: Mapping[Stream, int],
    keymap: Keymap,
    *,
    indexed: bool,
) -> Content:
    """Why there is nothing to show, and what to do now.

    Args:
        stream: which.
        progress: how far it is.
        elsewhere: how many of its open queries other people have on their screens, by name.
        others: how many queries wait in the other streams.
        keymap: the keys in force.
        indexed: whether anybody has looked for candidates.
    """
    if not indexed:
        return panel(
            "No candidates yet",
            "The products are here, but nobody has looked for their likely matches.",
            [("samesku index", "finds them. This desk shows them as soon as they are there.")],
        )
    return panel(*why_nothing_left(stream, progress, elsewhere), _ways_on(stream, progress, others, keymap))


def why_nothing_left(stream: Stream, progress: Progress, elsewhere: Mapping[str, int]) -> tuple[str, str]:
    """A headline and a sentence."""
    if stream is Stream.ADJUDICATION:
        others = progress.total - progress.done - sum(elsewhere.values())
        parts = [f"{counted(others, 'waits', 'wait')} for somebody who has no part in it."] if others else []
        if elsewhere:
            parts.append(_on_screens(elsewhere))
        if parts:
            return "Nothing for you to settle", " ".join(parts)
        return "Nothing to settle", "Nobody disagrees about any pair now, and no labels contradict each other."
    if progress.total == 0:
        return f"The {stream.value} stream is empty", {
            Stream.VALIDATION: "No query was drawn for validation.",
            Stream.AUDIT: "The machine is sure of nothing yet. samesku labels audit --draw 200 draws a sample.",
        }.get(stream, "No query has a candidate.")
    if progress.done < progress.total:
        left = progress.total - progress.done
        words = _on_screens(elsewhere) if elsewhere else f"{left:,} came free just now: Enter takes the next."
        return "Nothing left for you now", words
    mine = f", {progress.own:,} of them by you in this sitting" if progress.own else ""
    return f"All of {stream.value} is answered", f"{counted(progress.total, 'query', 'queries')}{mine}."


def _on_screens(elsewhere: Mapping[str, int]) -> str:
    """Who has how many."""
    count = sum(elsewhere.values())
    names = [f"{safe(name)} ({many:,})" if len(elsewhere) > 1 else safe(name) for name, many in elsewhere.items()]
    return f"{counted(count, 'query is', 'queries are')} on the screen of {listed(names)}."


def next_steps(stream: Stream, progress: Progress, others: Mapping[Stream, int]) -> list[str]:
    """What to do when a stream has nothing left, the likeliest first, by the names that the menu has for it."""
    steps = []
    if stream is Stream.VALIDATION and 0 < progress.total == progress.done:
        steps.append("Evaluate: measure the models by these answers.")
    other = next(iter(others), None)
    if other is not None:
        wait = counted(others[other], "query waits", "queries wait")
        steps.append(f"Stream: go on with {other.value}, where {wait}.")
    return [*steps, "Retrain: let the models learn from the answers."]


def _ways_on(stream: Stream, progress: Progress, others: Mapping[Stream, int], keymap: Keymap) -> list[tuple[str, str]]:
    ways = [
        ("{next}", "Look again: what others leave comes back."),
        *(("ctrl+p", words) for words in next_steps(stream, progress, others)),
        ("{undo}", "Take back your last answer."),
        ("{quit}", "Leave."),
    ]
    return [(keymap.fill(key), words) for key, words in ways]


def panel(title: str, text: str, ways: Sequence[tuple[str, str]]) -> Content:
    """A headline, a sentence, and the keys that lead on."""
    width = max(len(key) for key, _ in ways)
    lines = [Content.styled(title, STRONG), Content.styled(text, MUTED), Content.empty()]
    lines += [Content.assemble((key.ljust(width), KEY), "  ", words) for key, words in ways]
    return Content("\n").join(lines)
