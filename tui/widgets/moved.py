"""Two encoders side by side in words: how many queries got better or worse, and which."""

from collections.abc import Iterable, Sequence

from textual.content import Content

from core.evaluate.comparison import Comparison, JudgedQuery, Outcome, Place
from core.evaluate.rankings import RANKING_NAMES
from core.text.safe import safe
from labels.wording import counted
from tui.figures import change_between, share
from tui.style import BAD, GOOD, MUTED, STRONG
from tui.words import moment_of

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
_LEAD = 12


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
