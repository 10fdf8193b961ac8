"""The base of the review and the practice screen: one query, and the keys that decide on it."""

from collections.abc import Callable
from functools import partial

from textual import events
from textual.screen import Screen

from core.queue.item import Option, ReviewItem
from tui.common.dismissal import DismissedOnce
from tui.common.guidelines import GuidelinesScreen
from tui.common.help import HelpScreen
from tui.common.key_bar import KeyBar
from tui.key_bindings import REVIEW
from tui.keymap import Keymap, keymap_of
from tui.layout_hint import LayoutHint
from tui.ports import DecisionSession
from tui.review.candidates import CandidateList, next_undecided
from tui.review.query_view import QueryView
from tui.services.files import TeamGuidelines


class DecisionScreen(DismissedOnce, Screen[None]):
    """Passes decisions to a review session; subclasses implement `_decide`."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual's own kind of constant
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]  # noqa: RUF012

    def __init__(self, session: DecisionSession, guidelines: TeamGuidelines) -> None:
        super().__init__()
        self.session = session
        self._guidelines = guidelines
        self._layout_hint = LayoutHint()

    @property
    def query_view(self) -> QueryView:
        """The widget that shows the query."""
        return self.query_one(QueryView)

    @property
    def candidates(self) -> CandidateList:
        """The list of candidates."""
        return self.query_view.candidates

    @property
    def keymap(self) -> Keymap:
        """The keymap of the app."""
        return keymap_of(self.app)

    def on_key(self, event: events.Key) -> None:
        """Show a hint after repeated unbound keys, which suggest another keyboard layout."""
        bound = any(event.key in self.keymap.act(act).keys.split(",") for act in REVIEW)
        if hint := self._layout_hint.on_key(event.key, event.character, self.keymap.fill("{help}"), bound=bound):
            self.say(hint)

    def say(self, text: str) -> None:
        """Show a notice in the key bar."""
        self.query_one(KeyBar).say(text)

    def _decide(self, act: Callable[[], object]) -> bool:
        """Run a decision. Returns whether it was carried out."""
        raise NotImplementedError

    def _decide_on(self, act: Callable[[Option], object]) -> bool:
        option = self.candidates.current
        if self.session.item is not None and option is None:
            self.say(
                self.keymap.fill("There is no candidate to decide on. {search} searches the catalogue, {none} goes on.")
            )
            return False
        return option is not None and self._decide(partial(act, option))

    # -- deciding ------------------------------------------------------------------------------------------

    def action_accept(self) -> None:
        """Accept the highlighted candidate and go to the next query."""
        self._decide_on(lambda option: self.session.accept(option, self.candidates.seen))

    def action_accept_stay(self) -> None:
        """Accept the highlighted candidate and stay."""
        self._decide_on(lambda option: self.session.accept(option, self.candidates.seen, stay=True))

    def action_reject(self) -> None:
        """Reject the highlighted candidate and go to the next undecided one."""
        item, index = self.session.item, self.candidates.highlighted
        if self._decide_on(self.session.reject) and item is not None and is_same_query(self.session.item, item):
            self.candidates.move_to(next_undecided(self.candidates.options, index))

    def action_unsure(self) -> None:
        """Abstain on the highlighted candidate."""
        self._decide_on(self.session.unsure)

    def action_none_match(self) -> None:
        """Reject all candidates that were visible."""
        self._decide(lambda: self.session.none_match(self.candidates.seen))

    def action_skip(self) -> None:
        """Skip the query."""
        self._decide(self.session.skip)

    # -- looking -------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """Move the highlight by `step` candidates."""
        self.action_pick(self.candidates.highlighted + step)

    def action_pick(self, index: int) -> None:
        """Highlight the candidate at an index."""
        self.candidates.move_to(index)

    def action_scroll_fields(self, step: int) -> None:
        """Scroll the comparison by a page, in the direction of `step`."""
        pane = self.query_view.comparison
        pane.scroll_lines(step * max(1, pane.size.height - 2))

    def action_guidelines(self) -> None:
        """Show the guidelines."""
        self.app.push_screen(GuidelinesScreen(self._guidelines))

    def action_help(self) -> None:
        """Show all keys."""
        self.app.push_screen(HelpScreen())


def is_same_query(item: ReviewItem | None, before: ReviewItem) -> bool:
    """Whether both are the same query."""
    return item is not None and item.query.ref == before.query.ref


def write_failure(item: ReviewItem | None, before: ReviewItem) -> str:
    """The notice after a failed write, as on a full disk: of the decision, or of the claim on the next query."""
    if is_same_query(item, before):
        return "Not saved: decide again once the problem is fixed."
    return "Saved, but the next query could not be reserved. Enter tries again."
