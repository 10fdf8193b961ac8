"""The help: all keys of the review screen with the signs, and the keys of another page."""

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widget import Widget

from core.matching.bands import Band
from core.text.title_diff import Mark
from labels.model import Decision
from tui.common.dialogs import PageDialog
from tui.common.text import AutoHeight, hanging_indent
from tui.common.words import BAND_SIGNS, DECISION_SIGNS, IMPLIED_SIGN, JUDGE_SIGN
from tui.key_bindings import Act, help_groups
from tui.keymap import Keymap, keymap_of
from tui.theme import BANDS, DECISIONS, KEY, MARKS, MUTED, STRONG

_KEY_WIDTH = 11


class HelpScreen(PageDialog):
    """All keys of the review screen by group, and the signs."""

    HEADLINE = "Keys"

    def page(self) -> Iterable[Widget]:
        """Keys and signs."""
        keymap = keymap_of(self.app)
        yield AutoHeight(lambda width: _help_content(keymap, width))


def key_lines(keys: Iterable[tuple[str, str]], width: int) -> Content:
    """Keys with their sentences, wrapped at a width in cells."""
    return Content("\n").join(line for shown, text in keys for line in _line(Content.styled(shown, KEY), text, width))


def _help_content(keymap: Keymap, width: int) -> Content:
    lines: list[Content] = []
    for name, keys in help_groups(keymap.act):
        lines += [Content.styled(name, STRONG), key_lines(keys, width), Content.empty()]
    lines.append(Content.styled("Signs", STRONG))
    for sign, text in _sign_rows():
        lines += _line(sign, text, width)
    return Content("\n").join(lines)


def _line(sign: Content, text: str, width: int) -> list[Content]:
    return hanging_indent(sign.truncate(_KEY_WIDTH, pad=True), Content(text), width - 1)


def _sign_rows() -> list[tuple[Content, str]]:
    signs = [(DECISION_SIGNS[d], DECISIONS[d], text) for d, text in _DECISIONS]
    signs.append((IMPLIED_SIGN, MUTED, "Implied no match: you accepted another candidate."))
    both = " ".join(f"{JUDGE_SIGN}{DECISION_SIGNS[decision]}" for decision in (Decision.MATCH, Decision.NO_MATCH))
    signs.append((both, MUTED, "The judge's verdict: match, no match."))
    signs += [(BAND_SIGNS[b], BANDS[b], text) for b, text in _BANDS]
    signs += [
        ("=", "", "The values are equal, apart from spelling."),
        ("≈", "", "One value has all of the other, and more."),
        ("≠", "", "The values differ."),
        ("–", MUTED, "One value is missing, or they are not comparable."),
        ("words", MARKS[Mark.OWN], "Only in this title."),
        ("55 in", MARKS[Mark.STRONG], "The same for a number, a measure or a model number."),
    ]
    return [(Content.styled(sign, style), text) for sign, style, text in signs]


_DECISIONS = (
    (Decision.MATCH, "Your label: match."),
    (Decision.NO_MATCH, "Your label: no match."),
    (Decision.UNSURE, "Your label: unsure."),
)
_BANDS = (
    (Band.HIGH, "High band: very likely the same product."),
    (Band.MEDIUM, "Medium band: uncertain."),
    (Band.LOW, "Low band: unlikely to be the same product."),
)


class PageKeys(PageDialog):
    """All keys of a page, including those for which the key bar has no room."""

    HEADLINE = "Keys of this page"

    def __init__(self, acts: Sequence[Act]) -> None:
        super().__init__()
        self._acts = acts

    def page(self) -> Iterable[Widget]:
        """Keys with their sentences."""
        keymap = keymap_of(self.app)
        keys = [(act.shown, act.help) for act in map(keymap.act, self._acts)]
        yield AutoHeight(lambda width: key_lines(keys, width))
