"""What people said of the highlighted candidate, for whoever is to settle it: who, what, when, and what they saw."""

from rich.cells import cell_len
from textual.content import Content

from core.queue.item import Option, ReviewItem
from core.text.safe import safe
from labels.model import Strength
from labels.said import Opinion
from tui.hanging import hanging
from tui.past import looked, machine_then, moment
from tui.style import CAREFUL, DECISIONS, MUTED, STRONG
from tui.words import DECISION_SIGNS, DECISION_WORDS, IMPLIED_SIGN

_LONGEST_NAME = 20
#: A reason of so many characters stands whole in the line over the candidates.
_SHORT_REASON = 32


def opinion_lines(item: ReviewItem, option: Option | None, width: int) -> list[Content]:
    """Why there is a dispute, each one's word on the candidate, and all comments in full."""
    lines = []
    if len(item.reason) > _SHORT_REASON:
        lines += hanging(Content.styled(" ! ", CAREFUL), Content(safe(item.reason)), width)
    opinions = option.opinions if option is not None else ()
    names = min(_LONGEST_NAME, max((cell_len(safe(opinion.annotator)) for opinion in opinions), default=0))
    words = max((len(_words(opinion)) for opinion in opinions), default=0)
    for opinion in opinions:
        lines += _opinion(opinion, names, words, width)
    for name, text in item.comments:
        lines += hanging(
            Content.styled(" ✎ ", CAREFUL), Content.assemble((safe(name), STRONG), "  ", safe(text)), width
        )
    return lines


def _opinion(opinion: Opinion, names: int, words: int, width: int) -> list[Content]:
    """One person's word and its circumstances; on lines of their own where there is no room beside it."""
    implied = opinion.strength is Strength.IMPLIED
    style = MUTED if implied else DECISIONS[opinion.decision]
    sign = IMPLIED_SIGN if implied else DECISION_SIGNS[opinion.decision]
    name = Content.styled(safe(opinion.annotator), STRONG).truncate(names, ellipsis=True)
    machine = machine_then(opinion.shown)
    facts = [moment(opinion.at), looked(opinion.stream, opinion.look_ms, blind=opinion.blind)]
    facts += [f"machine: {machine}"] if machine else []
    lead = Content.assemble(" ", (sign, style), " ")
    head = name.pad_right(names - name.cell_length) + Content.assemble(
        "  ", (_words(opinion).ljust(words), style), "  "
    )
    rest = Content.styled("  ".join(facts), MUTED)
    if lead.cell_length + head.cell_length + rest.cell_length <= width:
        return [lead + head + rest]
    return [lead + head.rstrip(), *hanging(Content("   "), rest, width)]


def _words(opinion: Opinion) -> str:
    return DECISION_WORDS[opinion.decision] + (", implied" if opinion.strength is Strength.IMPLIED else "")
