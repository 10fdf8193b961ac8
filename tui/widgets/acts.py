"""What people did with a query, act by act: who and when, then what they said and what the machine said then."""

from collections.abc import Mapping, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from core.text.safe import safe
from labels.history import Past
from labels.model import Decision, Judgement, ProductRef, Verb
from labels.wording import counted
from tui.hanging import hanging
from tui.past import ACTS, circumstances, explicit, implied, machine_then, moment, named
from tui.style import CAREFUL, DECISIONS, MUTED, STRONG
from tui.words import DECISION_SIGNS, DECISION_WORDS, IMPLIED_SIGN

#: Rejections beyond so many are counted, and not listed.
_LISTED = 3


class ActsPage(Widget):
    """Acts, the latest last.

    Args:
        acts: oldest first.
        titles: of the candidates that are known; others go by their id.
        blind: whether the machine's opinion must not be told.
    """

    def __init__(self, acts: Sequence[Past], titles: Mapping[ProductRef, str], *, blind: bool) -> None:
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


def act_lines(act: Past, titles: Mapping[ProductRef, str], width: int, *, blind: bool) -> list[Content]:
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
    if not act.said:
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
