"""An encoder in words: its rows in the list, and all that is known of it."""

from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from core.evaluation.comparison import RANKING_NAMES, Comparison, Figure, JudgedQuery, Outcome, Place
from core.evaluation.model_overview import EncoderEntry, Overview, RetrievalRecord
from core.retrieval.encoder_identity import Prefixes
from core.retrieval.registry import ModelCard
from core.text.safe import safe
from labels.wording import counted
from tui.common.figures import METRICS, change_between, measured, share
from tui.common.lists import Lines
from tui.common.text import Heading
from tui.common.words import moment_of
from tui.theme import BAD, CAREFUL, GOOD, MUTED, STRONG

#: Cells of the names of facts.
_LEAD = 12


def encoder_list(overview: Overview, current: EncoderEntry | None, width: int) -> Content:
    """Two lines for each encoder: its name, and how well it finds matches by itself."""
    rows = [row for each in overview.encoders for row in _rows(each, width, cursor=each is current)]
    rows += [line for text in overview.damaged for line in Content.styled(safe(text), CAREFUL).wrap(width)]
    return Content("\n").join(rows)


def _rows(listed: EncoderEntry, width: int, *, cursor: bool) -> list[Content]:
    bar = ("▌", "$accent") if cursor else " "
    name = Content.assemble(
        bar, ("●", GOOD) if listed.is_champion else " ", " ", (safe(listed.id), STRONG if cursor else ""),
        ("  in use", GOOD) if listed.is_champion else "",
    )  # fmt: skip
    judged_on = Content.styled(safe(listed.record.judged_on) if listed.record else "", MUTED)
    # Where there is no room for both, the facts tell what it was judged on.
    if name.cell_length + judged_on.cell_length + 3 <= width:
        name = name.truncate(width - judged_on.cell_length - 1, pad=True) + judged_on
    rows = [name, Content.assemble(bar, "   ", (_summary(listed), MUTED))]
    padded = [row.truncate(width, ellipsis=True, pad=True) for row in rows]
    return [row.stylize_before("on $primary 20%") for row in padded] if cursor else padded


def _summary(listed: EncoderEntry) -> str:
    alone = listed.record.alone if listed.record else {}
    figures = [f"{METRICS[name]} {_figure(alone, name)}" for name in ("hit@1", "mrr@10") if name in alone]
    return "  ".join(figures) or ("untuned, not judged yet" if listed.card is None else "not judged")


def encoder_facts(listed: EncoderEntry | None, overview: Overview, width: int) -> list[Content]:
    """All that is known of one encoder."""
    if listed is None:
        return _wrapped("Nothing is indexed yet: `samesku index` finds an encoder and the first candidates.", width)
    lines = _making(listed.card, width)
    if listed.record is not None:
        lines += _fact("judged on", _judges(listed.record), width)
    if listed.promoted is not None:
        lines += _fact("put in use", f"{moment_of(listed.promoted.at)}: {listed.promoted.why}", width)
    if listed.is_champion:
        lines += _fact("the queue", _queue(listed, overview), width)
    if listed.record is not None:
        lines += [Content.empty(), *_metrics(listed.record, width)]
    if listed.card is not None:
        recipe = ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in listed.card.recipe.items())
        lines += [Content.empty(), *_fact("recipe", recipe or "unknown", width)]
    return lines


def _making(card: ModelCard | None, width: int) -> list[Content]:
    if card is None:
        return _fact("learnt from", "no label: it is as it was published", width)
    # Each match that is learnt from is a triplet with products that are none.
    taught = ", ".join(
        f"{count:,} {'matches' if name == 'triplets' else name}" for name, count in card.trained_on.items()
    )
    prefixes = Prefixes(card.query_prefix, card.candidate_prefix, card.prefixes_from or "as it was trained")
    return [
        *_fact("made", f"{moment_of(card.created_at)}, from {card.parent}", width),
        *_fact("learnt from", taught or "unknown", width),
        *(_fact("prefixes", str(prefixes), width) if prefixes.query or prefixes.candidate else ()),
    ]


def _judges(record: RetrievalRecord) -> str:
    count = f"{counted(record.queries, 'query', 'queries')} of " if record.queries else ""
    return count + (record.judged_on or "a set that nobody wrote down")


def _queue(listed: EncoderEntry, overview: Overview) -> str:
    if overview.indexed == listed.id:
        return "is ranked by it, and by a matcher that was fitted to it"
    return f"is still ranked by {overview.indexed or 'nothing'}, until an index run has ended"


def _metrics(record: RetrievalRecord, width: int) -> list[Content]:
    """Figures of the encoder alone, and fused with the lexical retriever."""
    rows = [(METRICS[n], _figure(record.alone, n), _figure(record.fused, n)) for n in METRICS if n in record.alone]
    column = max(len(text) for _, alone, _ in [("", "", ""), *rows] for text in (alone, RANKING_NAMES["encoder"])) + 2
    lines = [Content.styled(f"{'':<{_LEAD}}{RANKING_NAMES['encoder']:<{column}}{RANKING_NAMES['fused']}", MUTED)]
    lines += [Content.assemble((name.ljust(_LEAD), MUTED), alone.ljust(column), fused) for name, alone, fused in rows]
    return [line.truncate(width, ellipsis=True) for line in lines]


def _figure(figures: dict[str, Figure], name: str) -> str:
    return measured(figures[name].value, figures[name].interval) if name in figures else ""


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fact(name: str, text: str, width: int) -> list[Content]:
    first, *rest = _wrapped(text, width - _LEAD)
    return [Content.styled(name.ljust(_LEAD), MUTED) + first, *(Content(" " * _LEAD) + line for line in rest)]


def _wrapped(text: str, width: int) -> list[Content]:
    return list(Content(safe(text)).wrap(max(10, width))) or [Content.empty()]


#: Told apart without colour.
_SIGNS = {Outcome.BETTER: ("▲", GOOD), Outcome.WORSE: ("▼", BAD), Outcome.SAME: ("=", MUTED)}
_HEADS = {
    Outcome.BETTER: "Better: the match moved up",
    Outcome.WORSE: "Worse: the match moved down",
    Outcome.SAME: "The same",
}
#: The order in which anybody wants to see them.
ORDER = (Outcome.WORSE, Outcome.BETTER, Outcome.SAME)
#: Cells before a title: ` >10 → >10  `.


def move_counts(comparison: Comparison, ranking: str, width: int) -> Content:
    """What is compared, and one line for each ranking; the one whose queries are listed is marked."""
    lines = [
        Content.assemble((safe(comparison.before), MUTED), " → ", (safe(comparison.after), STRONG)),
        Content.styled(
            f"{counted(len(comparison.queries), 'query', 'queries')} of {safe(comparison.judged_on)},"
            f" {moment_of(comparison.at)}", MUTED
        ),
        Content.styled(
            f"{'':<12}{'better':>7}{'worse':>6}{'same':>6}   {'MRR@10':<13}change, 95 %", MUTED
        ),
        *(_row(comparison, name, cursor=name == ranking) for name in comparison.rankings),
    ]  # fmt: skip
    return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)


def _row(comparison: Comparison, name: str, *, cursor: bool) -> Content:
    counts, change = comparison.counts(name), comparison.changes[name]["mrr@10"]
    figures = " → ".join(share(each.value, each.interval) for each in (change.before, change.after))
    ranking = f"{RANKING_NAMES.get(name, safe(name)):<11.11}"
    return Content.assemble(
        ("▌", "$accent") if cursor else " ", (ranking, STRONG if cursor else ""),
        (f"{counts[Outcome.BETTER]:>7,}", GOOD), (f"{counts[Outcome.WORSE]:>6,}", BAD),
        f"{counts[Outcome.SAME]:>6,}", f"   {figures:<13}", change_between(change.interval),
    )  # fmt: skip


def moved_lines(comparison: Comparison, ranking: str, shown: Sequence[Outcome], width: int) -> list[Content]:
    """The queries by what became of them, the farthest moved first: their titles, their matches, what stands first."""
    lines: list[Content] = []
    for outcome in shown:
        queries = [query for query in comparison.queries if query.moves[ranking].outcome is outcome]
        sign, style = _SIGNS[outcome]
        head = Content.assemble((f"{sign} {_HEADS[outcome]}", f"bold {style}"), (f"  {len(queries):,}", MUTED))
        lines += [Content.empty()] * bool(lines) + [head]
        for query in sorted(queries, key=lambda each: -_distance(each, ranking)):
            lines += _entry(query, ranking, width)
    return lines


def _distance(query: JudgedQuery, ranking: str) -> int:
    move = query.moves[ranking]
    return abs(_rank(move.before) - _rank(move.after))


def _rank(place: Place) -> int:
    return place.rank or 11


def _entry(query: JudgedQuery, ranking: str, width: int) -> Iterable[Content]:
    move = query.moves[ranking]
    ranks = f"{_place(move.before):>4} → {_place(move.after)}"
    yield from _titled(Content.styled(ranks, STRONG), query.title, STRONG, width)
    yield from _titled(Content.styled(f"{'match':>{_LEAD - 2}}", MUTED), query.match_title, "", width)
    if move.after.rank != 1:
        yield from _titled(Content.styled(f"{'first now':>{_LEAD - 2}}", MUTED), move.after.first, MUTED, width)


def _place(place: Place) -> str:
    return ">10" if place.rank is None else str(place.rank)


def _titled(lead: Content, title: str, style: str, width: int) -> Iterable[Content]:
    first, *rest = Content.styled(safe(title) or "–", style).wrap(max(10, width - _LEAD))
    yield lead.truncate(_LEAD, pad=True) + first
    yield from (Content(" " * _LEAD) + line for line in rest)


#: What is listed: everything, then each outcome by itself.
_SHOWN = (ORDER, *((outcome,) for outcome in ORDER))
_MEANINGS = {
    "encoder": "dense: the encoder alone",
    "fused": "hybrid: encoder and shared words",
    "matched": "matcher: the order that the desk shows",
}
_HIDDEN = (
    "Which queries these are is for leads to see: they belong to the validation set, which people answer without "
    "knowing what any machine says."
)


class ComparedPane(Vertical):
    """A comparison, or why there is none.

    Args:
        named: whether the queries may be named to whoever sits here.
    """

    def __init__(self, *, id: str, named: bool) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._named = named
        self._comparison: Comparison | None = None
        self._ranking = 0
        self._shown = 0

    def compose(self) -> ComposeResult:
        """Counts, ranking, queries."""
        yield Static(id="counted", markup=False)
        yield Heading(id="moved-name")
        yield Lines(id="moved")

    def show(self, comparison: Comparison) -> None:
        """Show a comparison by the ranking that was looked at last."""
        self._comparison = comparison
        self._draw()

    def say(self, headline: str, text: str) -> None:
        """Say something in the place of a comparison."""
        self._comparison = None
        self.query_one("#counted", Static).update(Content.styled(safe(headline), STRONG))
        self.query_one("#moved-name", Heading).show()
        self.query_one("#moved", Lines).show(lambda width: Content.styled(safe(text), MUTED).wrap(max(10, width)))

    def next_ranking(self) -> None:
        """Count and list by another ranking."""
        self._ranking += 1
        self._draw()

    def next_outcome(self) -> None:
        """List only what got worse, only what got better, only what stayed; then all again."""
        self._shown = (self._shown + 1) % len(_SHOWN)
        self._draw()

    def _draw(self) -> None:
        found = self._comparison
        if found is None:
            return
        ranking = found.rankings[self._ranking % len(found.rankings)]
        pane = self.query_one("#counted", Static)
        pane.update(move_counts(found, ranking, max(10, pane.content_region.width)))
        self.query_one("#moved-name", Heading).show((1, Content.styled(_MEANINGS.get(ranking, safe(ranking)), MUTED)))
        shown = _SHOWN[self._shown]
        self.query_one("#moved", Lines).show(
            lambda width: (
                moved_lines(found, ranking, shown, width)
                if self._named
                else Content.styled(_HIDDEN, MUTED).wrap(max(10, width))
            )
        )

    def on_resize(self) -> None:
        """The counts are made for the width."""
        self.call_after_refresh(self._draw)
