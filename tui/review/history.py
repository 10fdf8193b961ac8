"""Who decided what about a query, and when."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from core.queue.item import ReviewItem
from core.text.safe import safe
from labels.history import PastAction
from labels.model import Decision, Judgement, ProductRef, Verb
from labels.wording import counted
from tui.actions import HISTORY, LEAVE, LOOK_AT_OTHERS, PAGE_SCROLL, bindings
from tui.background import failures_shown
from tui.common.dialogs import PageDialog
from tui.common.key_bar import KeyBar
from tui.common.text import hanging
from tui.common.words import DECISION_SIGNS, DECISION_WORDS, IMPLIED_SIGN
from tui.keymap import keymap_of
from tui.review.past_work import ACTS, circumstances, explicit, implied, machine_then, moment, named, titles_of
from tui.theme import CAREFUL, DECISIONS, MUTED, STRONG

#: Rejections beyond so many are counted, and not listed.
_LISTED = 3


class ActsPage(Widget):
    """Acts, the latest last.

    Args:
        acts: oldest first.
        titles: of the candidates that are known; others go by their id.
        blind: whether the machine's opinion must not be told.
    """

    def __init__(self, acts: Sequence[PastAction], titles: Mapping[ProductRef, str], *, blind: bool) -> None:
        super().__init__()
        self._acts, self._titles, self._blind = acts, titles, blind

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as the words need at that width."""
        return len(self._lines(width))

    def render(self) -> Content:
        """All lines; the page scrolls."""
        return Content("\n").join(self._lines(self.size.width))

    def _lines(self, width: int) -> list[Content]:
        lines: list[Content] = []
        for act in self._acts:
            lines += [*([Content.empty()] if lines else []), *act_lines(act, self._titles, width, blind=self._blind)]
        return lines


def act_lines(act: PastAction, titles: Mapping[ProductRef, str], width: int, *, blind: bool) -> list[Content]:
    """One act: a line on who, when and how, and the lines of what it said."""
    parts = [Content.styled(moment(act.at), MUTED), Content.styled(safe(act.annotator), STRONG)]
    parts.append(Content.styled(circumstances(act), MUTED))
    if act.undone_at is not None:
        parts.append(Content.styled("taken back", CAREFUL))
    lines = Content("  ").join(parts).wrap(width)
    if act.verb is Verb.COMMENT:
        return lines + hanging(Content.styled("  ✎ ", CAREFUL), Content(safe(act.text)), width)
    said = [
        judgement
        for decision in (Decision.MATCH, Decision.UNSURE, Decision.NO_MATCH)
        for judgement in explicit(act)
        if judgement.decision is decision
    ]
    told = said if len(said) <= _LISTED else [j for j in said if j.decision is not Decision.NO_MATCH]
    for judgement in told:
        lines += _judged(judgement, titles, width, blind=blind)
    if len(said) > len(told):
        sign = Content.styled(f"  {DECISION_SIGNS[Decision.NO_MATCH]} ", DECISIONS[Decision.NO_MATCH])
        lines += hanging(sign, Content(f"no match: {counted(len(said) - len(told), 'candidate')}"), width)
    if implied(act):
        lines += hanging(
            Content.styled(f"  {IMPLIED_SIGN} ", MUTED), Content.styled(f"{implied(act)} others, implied", MUTED), width
        )
    if not act.judgements:
        lines += hanging(Content.styled("  · ", MUTED), Content(ACTS.get(act.verb, act.verb.value)), width)
    return lines


def _judged(judgement: Judgement, titles: Mapping[ProductRef, str], width: int, *, blind: bool) -> list[Content]:
    style = DECISIONS[judgement.decision]
    words = Content.assemble(
        (f"{DECISION_WORDS[judgement.decision]}: ", style), safe(named(judgement, titles))
    )  # fmt: skip
    machine = "" if blind else machine_then(judgement.shown)
    if machine:
        words += Content.styled(f"  (machine then: {machine})", MUTED)
    return hanging(Content.styled(f"  {DECISION_SIGNS[judgement.decision]} ", style), words, width)


_HIDDEN = "What others did is hidden while you decide alone."
_OFFER = " {key} shows it: that is recorded, and agreement counts no answer that you give after it."


class HistoryDialog(PageDialog):
    """Every act on the query, the latest last.

    Args:
        look: gives the acts of others too, and records that; None for whoever must not see them, or sees them already.
    """

    BINDINGS = bindings((*HISTORY, LOOK_AT_OTHERS))
    HEADLINE = "What happened to this query"

    def __init__(
        self, item: ReviewItem, past: Sequence[PastAction], look: Callable[[], Sequence[PastAction]] | None = None
    ) -> None:
        super().__init__()
        self._item, self._past, self._look = item, past, look
        self._hides = item.alone

    def page(self) -> Iterable[Widget]:
        """The query, and each act."""
        yield Static(Content(safe(self._item.query.title)), classes="dialog-text dialog-short", markup=False)
        if self._hides:
            key = keymap_of(self.app).act(LOOK_AT_OTHERS).shown
            words = _HIDDEN + (_OFFER.format(key=key) if self._look else "")
            yield Static(Content.styled(words, MUTED), classes="dialog-text", markup=False)
        if self._past:
            yield ActsPage(self._past, titles_of(self._item.options), blind=self._item.blind)
        else:
            yield Static(Content.styled("Nothing yet.", MUTED), markup=False)

    def _offer(self, scrolls: bool) -> None:
        look = (LOOK_AT_OTHERS,) if self._look else ()
        self.query_one(KeyBar).offer((*look, *(PAGE_SCROLL[:1] if scrolls else ()), LEAVE))

    async def action_look_at_others(self) -> None:
        """Show what others did."""
        if self._look is None:
            return
        with failures_shown(self.app):
            self._past, self._hides, self._look = self._look(), False, None
            await self._pane.remove_children()
            await self._pane.mount(*self.page())
            self._offer(self._pane.show_vertical_scrollbar)
