"""The review screen: one query, its candidates, and the keys that decide on them."""

import time
from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from core.catalog.product import Product
from core.jobs.job import Job
from core.queue.item import ReviewItem
from core.queue.past_work import Scope
from core.text.safe import safe
from labels.model import Decision, ProductRef, Stream
from tui.background import failures_shown, in_background
from tui.common.key_bar import KeyBar
from tui.common.status import DeskStatus, StatusLine
from tui.common.words import STREAM_HELP, copy_text, why_blind
from tui.key_bindings import LOOKED_UP, NOTHING_LEFT, REVIEW, bindings
from tui.messages import Copied, Learnt
from tui.review.comment import CommentDialog
from tui.review.decision_screen import DecisionScreen, is_same_query, write_failure
from tui.review.groups import GroupLookup
from tui.review.history import HistoryDialog
from tui.review.judge_scores import JudgeRequests
from tui.review.learner import Learner
from tui.review.past_work import PastPlace, PastScreen, undo_summary
from tui.review.prefetch import Prefetch
from tui.review.query_view import QueryView, empty_stream_panel
from tui.review.search import SearchDialog
from tui.review.trail import TrailScreen
from tui.review.why import WhyDialog
from tui.services.desk import Desk
from tui.statistics.streams import StreamsScreen


class ReviewScreen(DecisionScreen):
    """Shows the review session's current query and passes keys to the session.

    A decision is on disk before the screen changes; if it cannot be written, the screen does not change.
    """

    BINDINGS = bindings(REVIEW)

    def __init__(self, desk: Desk, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(desk.review, desk.guidelines)
        self.desk = desk
        self._clock = clock
        self._active_at = clock()
        self._past = PastPlace()

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield StatusLine(id="status")
        yield QueryView(self.desk.same_brand, id="sheet")
        yield Static(id="empty", markup=False)
        yield KeyBar(REVIEW)
        yield Learner(self.desk)
        yield Prefetch(self.desk.review)
        yield JudgeRequests(self.desk.judge)
        yield GroupLookup(self.desk)

    def on_mount(self) -> None:
        """Resume the last query, or show the first, and renew its lease while the annotator is active."""
        highlight = 0
        with failures_shown(self.app):
            highlight = self.desk.sitting.resume()
        self.draw(highlight)
        self.set_interval(self.desk.facts.lease_s / 3, self.renew)

    # -- drawing -------------------------------------------------------------------------------------------

    def draw(self, highlight: int | None = None) -> None:
        """Show the session's current query; the highlight does not move on the same query."""
        item = self.desk.review.item
        self.query_view.display = item is not None
        self.query_one("#empty").display = item is None
        acts = LOOKED_UP if self.desk.review.is_looking_up else REVIEW
        self.query_one(KeyBar).offer(NOTHING_LEFT if item is None else acts)
        with failures_shown(self.app):
            self._draw_status(item)
        if item is None:
            self.query_view.clear()
        else:
            self.query_view.show(item, highlight)
            self.query_one(Prefetch).schedule()
            self.query_one(JudgeRequests).schedule(item)
            self.query_one(GroupLookup).schedule(item)

    @on(Learnt)
    def _draw_learnt(self) -> None:
        """Update the status after a refit; the candidates on the screen do not change."""
        self._draw_status(self.desk.review.item)
        self.query_one(Prefetch).schedule()

    def draw_jobs(self, running: Sequence[Job]) -> None:
        """Show the running jobs in the status line."""
        # A message may arrive while the desk is closing and the status line is gone.
        for line in self.query(StatusLine):
            line.show_jobs(running)

    @property
    def highlighted(self) -> ProductRef | None:
        """The highlighted candidate; None if there is none."""
        option = self.candidates.current if self.is_mounted and self.desk.review.item is not None else None
        return option.product.ref if option is not None else None

    def _draw_status(self, item: ReviewItem | None) -> None:
        review = self.desk.review
        progress = review.progress()
        status = DeskStatus(
            stream=review.stream if item is None else item.stream,
            progress=progress,
            annotator=review.annotator,
            model=self.desk.model,
            matcher=self.desk.matcher_summary,
            one_class=self.desk.has_single_class,
            blind=item is not None and item.blind,
        )
        self.query_one(StatusLine).show(status)
        if item is None:
            text = empty_stream_panel(
                review.stream, progress, review.held_by_others(), review.other_streams(), self.keymap,
                indexed=bool(self.desk.model),
            )  # fmt: skip
            self.query_one("#empty", Static).update(text)

    # -- deciding ------------------------------------------------------------------------------------------

    def action_flag(self) -> None:
        """Flag or unflag the query."""
        self._decide(self.desk.review.flag)

    def action_next(self) -> None:
        """Go to the next query if this one is answered; if the stream was empty, refresh."""
        item, review = self.desk.review.item, self.desk.review
        if item is None:
            with failures_shown(self.app):
                review.advance()
            self.draw()
        elif item.answered or review.is_looking_up:
            self._decide(review.advance)
        else:
            self.say(self.keymap.fill("Not answered yet: {skip} skips it, {none} rejects what is on the screen."))

    def action_back(self) -> None:
        """Return from a query that was looked up."""
        if self.desk.review.is_looking_up:
            self._decide(self.desk.review.advance)

    def action_undo(self) -> None:
        """Undo."""
        self.say(self._turn(back=False))

    def action_redo(self) -> None:
        """Redo."""
        self.say(self._turn(back=True))

    def _decide(self, act: Callable[[], object]) -> bool:
        """Run a decision if its query was visible. Returns whether it was carried out."""
        item = self.desk.review.item
        if item is None or (item.options and not self.candidates.seen):
            # A key typed ahead was meant for the previous query: this one is not visible yet.
            return False
        tried = done = False
        with failures_shown(self.app):
            if self._still_ours():
                tried = True
                act()
                done = True
                self.query_one(KeyBar).stop()
                self.query_one(Learner).schedule()
            # Only between two queries, so that a visible list does not change.
            if not is_same_query(self.desk.review.item, item) and self.desk.reload_candidates():
                self._show_news()
        self.draw()
        if notice := self.desk.review.take_notice():
            self.notify(safe(notice), severity="warning", markup=False)
        if tried and not done:
            self.say(write_failure(self.desk.review.item, item))
        return done

    def _show_news(self) -> None:
        """Notify of problems with the candidates that were read."""
        if news := self.desk.take_notice():
            self.notify(safe(news), severity="warning", markup=False)

    def _turn(self, *, back: bool) -> str:
        """Undo or redo; returns a sentence on what it did."""
        self._active_at = self._clock()
        summary = ""
        with failures_shown(self.app):
            act = self.desk.review.redo() if back else self.desk.review.undo()
            self.query_one(Learner).schedule()
            if act is None:
                summary = f"There is nothing to {'redo' if back else 'undo'}."
            else:
                summary = undo_summary(
                    act.verb, self.desk.past.title(act.query), back=back, redo=self.keymap.fill("{redo}")
                )
                if (item := self.desk.review.item) is None or item.query.ref != act.query:
                    summary += " Another annotator has it now."
        self.draw()
        return summary

    # -- keeping the query reserved --------------------------------------------------------------------------

    def _still_ours(self) -> bool:
        """Whether the query is still claimed by this annotator, who may have been idle longer than the lease."""
        away = self._clock() - self._active_at > self.desk.facts.lease_s
        self._active_at = self._clock()
        if away and not self.desk.renew_lease():
            self.desk.review.advance()
            self.say("Another annotator has taken that query; here is the next one.")
            return False
        return True

    def renew(self) -> None:
        """Renew the lease, unless the annotator has been idle longer than it lasts."""
        if self._clock() - self._active_at < self.desk.facts.lease_s:
            with failures_shown(self.app):
                self.desk.renew_lease()

    # -- looking -------------------------------------------------------------------------------------------

    def action_pick(self, index: int) -> None:
        """Highlight the candidate at an index."""
        self._active_at = self._clock()
        super().action_pick(index)

    def action_blind(self) -> None:
        """Hide or show scores."""
        item = self.desk.review.item
        if item is not None and item.always_blind:
            self.say(why_blind(item))
            return
        with failures_shown(self.app):
            self.desk.review.toggle_blind()
        self.draw()

    def action_search(self) -> None:
        """Search for a product that is not listed."""
        if self.desk.review.item is not None:
            self.app.push_screen(SearchDialog(self.desk), self._accept_found)

    def _accept_found(self, product: Product | None) -> None:
        if product is None or self.desk.review.item is None:
            return
        listed = (o for o in self.candidates.options if o.product.ref == product.ref)
        option = next(listed, None) or self.desk.review.search_option(product)
        self._decide(lambda: self.desk.review.accept(option, self.candidates.seen))

    def action_comment(self) -> None:
        """Write a comment."""
        if self.desk.review.item is not None:
            self.app.push_screen(CommentDialog(self.desk.review.item), self._comment)

    def _comment(self, text: str | None) -> None:
        if text:
            self._decide(lambda: self.desk.review.comment(text))

    def action_why(self) -> None:
        """Explain the highlighted candidate's score."""
        item, option = self.desk.review.item, self.candidates.current
        if item is not None and option is not None:
            self.app.push_screen(WhyDialog(item, option, self.desk))

    def action_history(self) -> None:
        """Show the history of the query."""
        if (item := self.desk.review.item) is not None:
            look = self.desk.full_history if self.desk.facts.lead and item.alone else None
            with failures_shown(self.app):
                self.app.push_screen(HistoryDialog(item, self.desk.history(), look))

    def action_past(self) -> None:
        """Open past work in its previous state."""
        self.app.push_screen(PastScreen(self.desk, self._past), self._looked_up)

    def action_noted(self) -> None:
        """Open the list of flagged and commented queries."""
        self._past = PastPlace(Scope.NOTED)
        self.action_past()

    def action_trail(self) -> None:
        """Open the trail."""
        self.app.push_screen(TrailScreen(self.desk, lambda back: self._turn(back=back)), self._looked_up)

    def action_streams(self) -> None:
        """Open the list of streams."""
        self.app.push_screen(StreamsScreen(self.desk), lambda stream: self.switch(stream) if stream else None)

    def switch(self, stream: Stream) -> None:
        """Switch to another stream, and say what it is for."""
        with failures_shown(self.app):
            self.desk.review.switch(stream)
            self.say(f"{stream.value.capitalize()}: {STREAM_HELP[stream]}")
        self.draw(highlight=0)

    def _looked_up(self, shown: ProductRef | None) -> None:
        """Draw the query that was looked up, with its accepted candidate highlighted."""
        item = self.desk.review.item
        accepted = (at for at, o in enumerate(item.options if item else ()) if o.decision is Decision.MATCH)
        self.draw(highlight=next(accepted, 0) if shown is not None else None)

    def action_copy(self) -> None:
        """Copy the query and the highlighted candidate."""
        item, option = self.desk.review.item, self.candidates.current
        if item is not None:
            text = copy_text(item.query, *([option.product] if option else []))
            self.app.copy_to_clipboard(text)
            in_background(self, "copy", lambda: Copied(self.desk.save_copy(text)))

    def action_judge(self) -> None:
        """Ask the judge about the highlighted candidate."""
        self.query_one(JudgeRequests).ask(self.desk.review.item, self.candidates.current)
