"""The history of a query: who decided what and when, and the opinions on a disputed candidate."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from core.queue.item import Option, ReviewItem
from core.text.safe import safe
from labels.annotations import StandingDecision
from labels.history import PastAction
from labels.model import Decision, Judgement, ProductRef, Strength, Verb
from labels.wording import counted
from tui.background import failures_shown
from tui.common.dialogs import PageDialog
from tui.common.text import AutoHeight, hanging_indent
from tui.common.words import DECISION_SIGNS, DECISION_WORDS, IMPLIED_SIGN
from tui.key_bindings import HISTORY, LOOK_AT_OTHERS, Act, bindings
from tui.keymap import keymap_of
from tui.review.past_work import (
    ACTS,
    act_context,
    candidate_name,
    explicit_judgements,
    implied_count,
    local_time,
    machine_score,
    titles_of,
    viewing_context,
)
from tui.theme import CAREFUL, DECISIONS, MUTED, STRONG

#: More explicit non-matches than this are counted instead of listed.
_MAX_LISTED_NON_MATCHES = 3


def acts_content(acts: Sequence[PastAction], titles: Mapping[ProductRef, str], width: int, *, blind: bool) -> Content:
    """All actions on a query, with a blank line between two.

    Args:
        acts: oldest first.
        titles: of the candidates; one without a title is shown by its id.
        width: in cells.
        blind: whether scores are hidden.
    """
    lines: list[Content] = []
    for act in acts:
        lines += [*([Content.empty()] if lines else []), *act_lines(act, titles, width, blind=blind)]
    return Content("\n").join(lines)


def act_lines(act: PastAction, titles: Mapping[ProductRef, str], width: int, *, blind: bool) -> list[Content]:
    """One action: a line with time, annotator and circumstances, then its decisions or comment."""
    parts = [Content.styled(local_time(act.at), MUTED), Content.styled(safe(act.annotator), STRONG)]
    parts.append(Content.styled(act_context(act), MUTED))
    if act.undone_at is not None:
        parts.append(Content.styled("undone", CAREFUL))
    lines = Content("  ").join(parts).wrap(width)
    if act.verb is Verb.COMMENT:
        return lines + hanging_indent(Content.styled("  ✎ ", CAREFUL), Content(safe(act.text)), width)
    if not act.judgements:
        return lines + hanging_indent(Content.styled("  · ", MUTED), Content(ACTS.get(act.verb, act.verb.value)), width)
    lines += _explicit_lines(act, titles, width, blind=blind)
    if implied := implied_count(act):
        sign, text = Content.styled(f"  {IMPLIED_SIGN} ", MUTED), Content.styled(f"{implied} others, implied", MUTED)
        lines += hanging_indent(sign, text, width)
    return lines


def _explicit_lines(act: PastAction, titles: Mapping[ProductRef, str], width: int, *, blind: bool) -> list[Content]:
    """Explicit judgements, matches first; many of them without the non-matches, which are counted."""
    explicit = explicit_judgements(act)
    rejected = [judgement for judgement in explicit if judgement.decision is Decision.NO_MATCH]
    listed = [
        judgement
        for decision in (Decision.MATCH, Decision.UNSURE)
        for judgement in explicit
        if judgement.decision is decision
    ]
    count = 0
    if len(explicit) <= _MAX_LISTED_NON_MATCHES:
        listed += rejected
    else:
        count = len(rejected)
    lines = [line for judgement in listed for line in _judgement_lines(judgement, titles, width, blind=blind)]
    if count:
        sign = Content.styled(f"  {DECISION_SIGNS[Decision.NO_MATCH]} ", DECISIONS[Decision.NO_MATCH])
        lines += hanging_indent(sign, Content(f"no match: {counted(count, 'candidate')}"), width)
    return lines


def _judgement_lines(
    judgement: Judgement, titles: Mapping[ProductRef, str], width: int, *, blind: bool
) -> list[Content]:
    style = DECISIONS[judgement.decision]
    text = Content.assemble(
        (f"{DECISION_WORDS[judgement.decision]}: ", style), safe(candidate_name(judgement, titles))
    )  # fmt: skip
    score = "" if blind else machine_score(judgement.shown)
    if score:
        text += Content.styled(f"  (score then: {score})", MUTED)
    return hanging_indent(Content.styled(f"  {DECISION_SIGNS[judgement.decision]} ", style), text, width)


# -- opinions on a disputed candidate ----------------------------------------------------------------------

#: Cells of an annotator's name.
_MAX_NAME = 20
#: Characters of a reason that fits into the rule above the candidates.
_MAX_HEADING_REASON = 32


def opinion_lines(item: ReviewItem, option: Option | None, width: int) -> list[Content]:
    """For adjudication: the reason of the dispute, each annotator's label of the candidate, and all comments."""
    lines = []
    if len(item.reason) > _MAX_HEADING_REASON:
        lines += hanging_indent(Content.styled(" ! ", CAREFUL), Content(safe(item.reason)), width)
    opinions = option.opinions if option is not None else ()
    name_width = min(_MAX_NAME, max((cell_len(safe(opinion.annotator)) for opinion in opinions), default=0))
    decision_width = max((len(_decision_text(opinion)) for opinion in opinions), default=0)
    for opinion in opinions:
        lines += _opinion_row(opinion, name_width, decision_width, width)
    for name, text in item.comments:
        comment = Content.assemble((safe(name), STRONG), "  ", safe(text))
        lines += hanging_indent(Content.styled(" ✎ ", CAREFUL), comment, width)
    return lines


def _opinion_row(opinion: StandingDecision, name_width: int, decision_width: int, width: int) -> list[Content]:
    """Name, decision and circumstances; the circumstances on lines of their own if the row is too narrow."""
    implied = opinion.strength is Strength.IMPLIED
    style = MUTED if implied else DECISIONS[opinion.decision]
    sign = IMPLIED_SIGN if implied else DECISION_SIGNS[opinion.decision]
    name = Content.styled(safe(opinion.annotator), STRONG).truncate(name_width, ellipsis=True)
    score = machine_score(opinion.shown)
    facts = [local_time(opinion.at), viewing_context(opinion.stream, opinion.look_ms, blind=opinion.blind)]
    facts += [f"score: {score}"] if score else []
    lead = Content.assemble(" ", (sign, style), " ")
    decision = Content.assemble("  ", (_decision_text(opinion).ljust(decision_width), style), "  ")
    head = name.pad_right(name_width - name.cell_length) + decision
    rest = Content.styled("  ".join(facts), MUTED)
    if lead.cell_length + head.cell_length + rest.cell_length <= width:
        return [lead + head + rest]
    return [lead + head.rstrip(), *hanging_indent(Content("   "), rest, width)]


def _decision_text(opinion: StandingDecision) -> str:
    return DECISION_WORDS[opinion.decision] + (", implied" if opinion.strength is Strength.IMPLIED else "")


# -- the dialog --------------------------------------------------------------------------------------------

_HIDDEN = "Others' decisions are hidden while you label independently."
_LOOK_OFFER = " {key} shows them: this is recorded, and your later answers are excluded from agreement."


class HistoryDialog(PageDialog):
    """All actions on the query, latest last.

    Args:
        item: the query.
        past: the actions that the annotator may see, oldest first.
        look: returns others' actions too and records the look; None if not permitted or not needed.
    """

    BINDINGS = bindings((*HISTORY, LOOK_AT_OTHERS))
    HEADLINE = "History of this query"

    def __init__(
        self, item: ReviewItem, past: Sequence[PastAction], look: Callable[[], Sequence[PastAction]] | None = None
    ) -> None:
        super().__init__()
        self._item, self._past, self._look = item, past, look
        self._hides = item.alone

    def page(self) -> Iterable[Widget]:
        """The query's title and the actions."""
        yield Static(Content(safe(self._item.query.title)), classes="dialog-text dialog-short", markup=False)
        if self._hides:
            key = keymap_of(self.app).act(LOOK_AT_OTHERS).shown
            text = _HIDDEN + (_LOOK_OFFER.format(key=key) if self._look else "")
            yield Static(Content.styled(text, MUTED), classes="dialog-text", markup=False)
        if self._past:
            past, titles, blind = self._past, titles_of(self._item.options), self._item.blind
            yield AutoHeight(lambda width: acts_content(past, titles, width, blind=blind))
        else:
            yield Static(Content.styled("No actions yet.", MUTED), markup=False)

    def acts(self, *, scrolls: bool) -> tuple[Act, ...]:
        """The keys of a page, and the one that shows others' actions."""
        return (*((LOOK_AT_OTHERS,) if self._look else ()), *super().acts(scrolls=scrolls))

    async def action_look_at_others(self) -> None:
        """Show others' actions."""
        if self._look is None:
            return
        with failures_shown(self.app):
            self._past, self._hides, self._look = self._look(), False, None
            await self._pane.remove_children()
            await self._pane.mount(*self.page())
            self.offer_keys()
