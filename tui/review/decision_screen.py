"""A sheet under the keys that decide: what the review screen and the practice have in common."""

from collections.abc import Callable
from functools import partial

from textual import events
from textual.screen import Screen

from core.queue.item import Option, ReviewItem
from tui.actions import REVIEW
from tui.common.guidelines import GuidelinesScreen
from tui.common.help import HelpScreen
from tui.common.key_bar import KeyBar
from tui.keymap import Keymap, keymap_of
from tui.layout_hint import LayoutHint
from tui.ports import DecisionSession
from tui.review.candidates import CandidateList, next_undecided
from tui.review.query_view import QueryView
from tui.services.files import TeamGuidelines


class DecisionScreen(Screen[None]):
    """Hands its keys to a sitting; `_decide` says what goes with a decision."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual's own kind of constant
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]  # noqa: RUF012

    def __init__(self, sitting: DecisionSession, guidelines: TeamGuidelines) -> None:
        super().__init__()
        self.sitting = sitting
        self._guidelines = guidelines
        self._strange = LayoutHint()

    @property
    def sheet(self) -> QueryView:
        """The query on the screen."""
        return self.query_one(QueryView)

    @property
    def candidates(self) -> CandidateList:
        """The list of candidates."""
        return self.sheet.candidates

    @property
    def keymap(self) -> Keymap:
        """The keys in force."""
        return keymap_of(self.app)

    def on_key(self, event: events.Key) -> None:
        """Where one types again and again what is no key, another layout may be the reason."""
        known = any(event.key in self.keymap.act(act).keys.split(",") for act in REVIEW)
        if said := self._strange.typed(event.key, event.character, self.keymap.fill("{help}"), known=known):
            self.say(said)

    def say(self, text: str) -> None:
        """A word in the bottom line."""
        self.query_one(KeyBar).say(text)

    def _decide(self, act: Callable[[], object]) -> bool:
        """Do what a key decides. Returns whether it was done."""
        raise NotImplementedError

    def _decide_on(self, act: Callable[[Option], object]) -> bool:
        option = self.candidates.current
        if self.sitting.item is not None and option is None:
            self.say(
                self.keymap.fill("There is no candidate to decide on. {search} searches the catalogue, {none} goes on.")
            )
            return False
        return option is not None and self._decide(partial(act, option))

    # -- deciding ------------------------------------------------------------------------------------------

    def action_accept(self) -> None:
        """The highlighted candidate is the same product."""
        self._decide_on(lambda option: self.sitting.accept(option, self.candidates.seen))

    def action_accept_stay(self) -> None:
        """The same, and there may be more."""
        self._decide_on(lambda option: self.sitting.accept(option, self.candidates.seen, stay=True))

    def action_reject(self) -> None:
        """Not the same; on to the next that is undecided."""
        item, index = self.sitting.item, self.candidates.highlighted
        if self._decide_on(self.sitting.reject) and item is not None and is_at(self.sitting.item, item):
            self.candidates.move_to(next_undecided(self.candidates.options, index))

    def action_unsure(self) -> None:
        """Cannot tell."""
        self._decide_on(self.sitting.unsure)

    def action_none_match(self) -> None:
        """None of what is on the screen."""
        self._decide(lambda: self.sitting.none_match(self.candidates.seen))

    def action_skip(self) -> None:
        """Later."""
        self._decide(self.sitting.skip)

    # -- looking -------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """To a neighbouring candidate."""
        self.action_pick(self.candidates.highlighted + step)

    def action_pick(self, index: int) -> None:
        """To a candidate by its place."""
        self.candidates.move_to(index)

    def action_scroll_fields(self, step: int) -> None:
        """Scroll the comparison by most of its height."""
        pane = self.sheet.comparison
        pane.scroll_lines(step * max(1, pane.size.height - 2))

    def action_guidelines(self) -> None:
        """What the team calls the same product."""
        self.app.push_screen(GuidelinesScreen(self._guidelines))

    def action_help(self) -> None:
        """All keys."""
        self.app.push_screen(HelpScreen())


def is_at(item: ReviewItem | None, before: ReviewItem) -> bool:
    """Whether the query is still the one from before."""
    return item is not None and item.query.ref == before.query.ref


def unwritten(item: ReviewItem | None, before: ReviewItem) -> str:
    """What became of a key where a write failed, as on a full disk: the decision's, or what follows it."""
    if is_at(item, before):
        return "That is not saved: decide again once the trouble is mended."
    return "That is saved, but no other query can be reserved now. Enter looks again."
