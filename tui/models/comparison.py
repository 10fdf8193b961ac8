"""The right side of the models screen: two encoders compared query by query, for each ranking."""

from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from core.evaluation.comparison import PAIR_METRIC_NAMES, RANKING_NAMES, Change, Comparison, JudgedQuery, Outcome, Place
from core.text.safe import safe
from labels.wording import counted, evaluation_set
from tui.common.figures import change_between, share
from tui.common.lists import Lines
from tui.common.text import Heading
from tui.common.words import moment_of
from tui.theme import BAD, GOOD, MUTED, STRONG

#: The signs differ in shape too.
_SIGNS = {Outcome.BETTER: ("▲", GOOD), Outcome.WORSE: ("▼", BAD), Outcome.SAME: ("=", MUTED)}
_HEADS = {
    Outcome.BETTER: "Better: the match moved up",
    Outcome.WORSE: "Worse: the match moved down",
    Outcome.SAME: "The same",
}
#: Order of the outcomes: regressions first.
_OUTCOMES = (Outcome.WORSE, Outcome.BETTER, Outcome.SAME)
#: Values of the filter: everything, then each outcome by itself.
_FILTERS = (_OUTCOMES, *((outcome,) for outcome in _OUTCOMES))
_RANKING_HELP = {
    "encoder": "dense: the encoder alone",
    "fused": "hybrid: dense and lexical ranks fused",
    "matched": "matcher: the order shown at the desk",
}
_HIDDEN = (
    "Only leads see which queries these are: they belong to the validation set, which people label without seeing what "
    "any model says."
)


class ComparisonPane(Vertical):
    """A comparison, or a text why there is none.

    Args:
        named: whether the annotator may see which queries were compared.
    """

    def __init__(self, *, id: str, named: bool) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._named = named
        self._comparison: Comparison | None = None
        self._ranking = 0
        self._filter = 0

    def compose(self) -> ComposeResult:
        """Counts, ranking, queries."""
        yield Static(id="counted", markup=False)
        yield Heading(id="moved-name")
        yield Lines(id="moved")

    def show(self, comparison: Comparison) -> None:
        """Show a comparison by the ranking that was chosen last."""
        self._comparison = comparison
        self._draw()

    def show_text(self, headline: str, text: str) -> None:
        """Show a text in place of a comparison."""
        self._comparison = None
        self.query_one("#counted", Static).update(Content.styled(safe(headline), STRONG))
        self.query_one("#moved-name", Heading).show()
        self.query_one("#moved", Lines).show(lambda width: Content.styled(safe(text), MUTED).wrap(max(10, width)))

    def next_ranking(self) -> None:
        """List the queries by the next ranking."""
        self._ranking += 1
        self._draw()

    def next_filter(self) -> None:
        """List only the next outcome, or all again."""
        self._filter = (self._filter + 1) % len(_FILTERS)
        self._draw()

    def _draw(self) -> None:
        comparison = self._comparison
        if comparison is None:
            return
        ranking = comparison.rankings[self._ranking % len(comparison.rankings)]
        pane = self.query_one("#counted", Static)
        pane.update(outcome_counts(comparison, ranking, max(10, pane.content_region.width)))
        title = Content.styled(_RANKING_HELP.get(ranking, safe(ranking)), MUTED)
        self.query_one("#moved-name", Heading).show((1, title))
        outcomes = _FILTERS[self._filter]
        self.query_one("#moved", Lines).show(
            lambda width: (
                query_lines(comparison, ranking, outcomes, width)
                if self._named
                else Content.styled(_HIDDEN, MUTED).wrap(max(10, width))
            )
        )

    def on_resize(self) -> None:
        """Draw the counts for the new width."""
        self.call_after_refresh(self._draw)


def outcome_counts(comparison: Comparison, ranking: str, width: int) -> Content:
    """The two encoders, and a line for each ranking; the one whose queries are listed is marked."""
    lines = [
        Content.assemble((safe(comparison.before), MUTED), " → ", (safe(comparison.after), STRONG)),
        Content.styled(
            f"{counted(len(comparison.queries), 'query', 'queries')} of {safe(evaluation_set(comparison.judged_on))},"
            f" {moment_of(comparison.at)}", MUTED
        ),
        Content.styled(
            f"{'':<12}{'better':>7}{'worse':>6}{'same':>6}   {'MRR@10':<13}change, 95 %", MUTED
        ),
        *(_ranking_row(comparison, name, cursor=name == ranking) for name in comparison.rankings),
        *(_pair_row(PAIR_METRIC_NAMES.get(name, safe(name)), change) for name, change in comparison.pairs.items()),
    ]  # fmt: skip
    return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)


def _ranking_row(comparison: Comparison, name: str, *, cursor: bool) -> Content:
    counts, change = comparison.counts(name), comparison.changes[name]["mrr@10"]
    figures = " → ".join(share(each.value, each.interval) for each in (change.before, change.after))
    ranking = f"{RANKING_NAMES.get(name, safe(name)):<11.11}"
    return Content.assemble(
        ("▌", "$accent") if cursor else " ", (ranking, STRONG if cursor else ""),
        (f"{counts[Outcome.BETTER]:>7,}", GOOD), (f"{counts[Outcome.WORSE]:>6,}", BAD),
        f"{counts[Outcome.SAME]:>6,}", f"   {figures:<13}", change_between(change.interval),
    )  # fmt: skip


def _pair_row(name: str, change: Change) -> Content:
    """A metric of the similarity on the labelled pairs, below the figures of the rankings."""
    figures = " → ".join(share(each.value, each.interval) for each in (change.before, change.after))
    return Content.assemble(f" {name:<30.30}", f"   {figures:<13}", change_between(change.interval))


#: Cells before a title: ` >10 → >10  `.
_LEAD = 12


def query_lines(comparison: Comparison, ranking: str, outcomes: Sequence[Outcome], width: int) -> list[Content]:
    """The queries by outcome, largest change of rank first: ranks and title, its match, and the first candidate now."""
    lines: list[Content] = []
    for outcome in outcomes:
        queries = [query for query in comparison.queries if query.moves[ranking].outcome is outcome]
        sign, style = _SIGNS[outcome]
        head = Content.assemble((f"{sign} {_HEADS[outcome]}", f"bold {style}"), (f"  {len(queries):,}", MUTED))
        lines += [Content.empty()] * bool(lines) + [head]
        for query in sorted(queries, key=lambda each: -_rank_change(each, ranking)):
            lines += _query(query, ranking, width)
    return lines


def _rank_change(query: JudgedQuery, ranking: str) -> int:
    move = query.moves[ranking]
    return abs((move.before.rank or 11) - (move.after.rank or 11))  # ranks beyond 10 are not recorded


def _query(query: JudgedQuery, ranking: str, width: int) -> Iterable[Content]:
    move = query.moves[ranking]
    ranks = f"{_rank(move.before):>4} → {_rank(move.after)}"
    yield from _titled(Content.styled(ranks, STRONG), query.title, STRONG, width)
    yield from _titled(Content.styled(f"{'match':>{_LEAD - 2}}", MUTED), query.match_title, "", width)
    if move.after.rank != 1:
        yield from _titled(Content.styled(f"{'first now':>{_LEAD - 2}}", MUTED), move.after.first, MUTED, width)


def _rank(place: Place) -> str:
    return ">10" if place.rank is None else str(place.rank)


def _titled(lead: Content, title: str, style: str, width: int) -> Iterable[Content]:
    first, *rest = Content.styled(safe(title) or "–", style).wrap(max(10, width - _LEAD))
    yield lead.truncate(_LEAD, pad=True) + first
    yield from (Content(" " * _LEAD) + line for line in rest)
