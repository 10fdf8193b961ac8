"""The keys and what they do."""

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widget import Widget

from core.matching.bands import Band
from labels.model import Decision
from tui.actions import Act, help_groups
from tui.common.dialogs import PageDialog
from tui.common.text import AutoHeight, hanging
from tui.common.words import BAND_SIGNS, DECISION_SIGNS, IMPLIED_SIGN, JUDGE_SIGN
from tui.keymap import Keymap, keymap_of
from tui.review.diff import Mark
from tui.theme import BANDS, DECISIONS, KEY, MARKS, MUTED, STRONG

_KEY_WIDTH = 11


class HelpScreen(PageDialog):
    """All keys by group, and the signs."""

    HEADLINE = "Keys"

    def page(self) -> Iterable[Widget]:
        """Keys and signs."""
        keymap = keymap_of(self.app)
        yield AutoHeight(lambda width: _all_keys(keymap, width))


def key_lines(keys: Iterable[tuple[str, str]], width: int) -> Content:
    """Keys, each with its sentence, in lines of so many cells at most."""
    return Content("\n").join(line for shown, text in keys for line in _line(Content.styled(shown, KEY), text, width))


def _all_keys(keymap: Keymap, width: int) -> Content:
    lines: list[Content] = []
    for name, keys in help_groups(keymap.act):
        lines += [Content.styled(name, STRONG), key_lines(keys, width), Content.empty()]
    lines.append(Content.styled("Signs", STRONG))
    for sign, text in _signs():
        lines += _line(sign, text, width)
    return Content("\n").join(lines)


def _line(sign: Content, text: str, width: int) -> list[Content]:
    return hanging(sign.truncate(_KEY_WIDTH, pad=True), Content(text), width - 1)


def _signs() -> list[tuple[Content, str]]:
    signs = [(DECISION_SIGNS[d], DECISIONS[d], text) for d, text in _DECISIONS]
    signs.append((IMPLIED_SIGN, MUTED, "Not the same, because you accepted another one."))
    both = " ".join(f"{JUDGE_SIGN}{DECISION_SIGNS[said]}" for said in (Decision.MATCH, Decision.NO_MATCH))
    signs.append((both, MUTED, "The judge says: the same product, or another one."))
    signs += [(BAND_SIGNS[b], BANDS[b], text) for b, text in _BANDS]
    signs += [
        ("=", "", "The values say the same, however they are written."),
        ("≈", "", "One says all that the other says, and more."),
        ("≠", "", "The values differ."),
        ("–", MUTED, "One of the two says nothing."),
        ("words", MARKS[Mark.OWN], "Only in this title."),
        ("55 in", MARKS[Mark.STRONG], "Only in this title, and a number, a measure or a model number."),
    ]
    return [(Content.styled(sign, style), text) for sign, style, text in signs]


_DECISIONS = (
    (Decision.MATCH, "You said: the same product."),
    (Decision.NO_MATCH, "You said: not the same."),
    (Decision.UNSURE, "You said: cannot tell."),
)
_BANDS = (
    (Band.HIGH, "The machine finds them very similar."),
    (Band.MEDIUM, "The machine is in two minds."),
    (Band.LOW, "The machine finds them unlike."),
)


class PageKeys(PageDialog):
    """All of a page's keys, also those for which the bar has no room."""

    HEADLINE = "Keys of this page"

    def __init__(self, acts: Sequence[Act]) -> None:
        super().__init__()
        self._acts = acts

    def page(self) -> Iterable[Widget]:
        """Keys and sentences."""
        keymap = keymap_of(self.app)
        keys = [(act.shown, act.help) for act in map(keymap.act, self._acts)]
        yield AutoHeight(lambda width: key_lines(keys, width))
