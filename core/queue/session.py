"""A sitting at the desk, without the desk: what is shown, and what each deciding key does.

The Textual screen and the plain line mode both drive this one class, so that a key means the same in both.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from core.catalog.product import Product
from core.permissions import open_streams, require_stream
from core.queue.item import Option, Progress, ReviewItem, found_by_search
from core.queue.session_stats import SessionStats
from core.queue.source import QueueSource
from labels.leases import Leases
from labels.model import Action, ActionDetails, Decision, Judgement, ProductRef, Stream, Strength, Verb
from labels.store import LabelStore


class ReviewSession:
    """One annotator's sitting on one stream.

    Every deciding method returns after the decision is on disk.

    Args:
        store: the ledger.
        claims: the leases of the workspace.
        source: which queries there are, in which order, with which candidates.
        annotator: who sits here.
        clock: seconds, monotonic; for how long someone looked.

    Attributes:
        item: what is on the screen; None where nothing is left.
        is_looking_up: whether it was looked up, so that `advance` leads back to what was left for it.
        tallies: what this sitting has done, by stream.

    Raises:
        CoreError: the stream is not open to this annotator.
    """

    def __init__(
        self, store: LabelStore, claims: Leases, source: QueueSource, annotator: str, *,
        stream: Stream = Stream.TRIAGE, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.store = store
        self.claims = claims
        self.source = source
        self.annotator = annotator
        require_stream(source.settings, annotator, stream)
        self.stream = stream
        self.item: ReviewItem | None = None
        self.is_looking_up = False
        self.tallies = {each: SessionStats() for each in Stream}
        self._counted: dict[str, SessionStats] = {}
        self._left: ReviewItem | None = None
        self._accepted: set[ProductRef] = set()
        self._clock = clock
        self._shown_at = clock()
        self.blind_by_choice = False

    # -- moving --------------------------------------------------------------------------------------------

    def advance(self) -> ReviewItem | None:
        """Show the next open query of the stream; None when there is none left.

        From a query that was looked up it is the way back, to the query that was on the screen before.
        """
        before, left = self.item, self._left
        self.item, self._left, self.is_looking_up = left, None, False
        if left is None or not self.claims.take(left.query.ref, self.annotator):
            self.item = None
            free = (query for query in self._waiting() if self.claims.take(query, self.annotator))
            if query := next(free, None):
                self.show(query)
        else:
            self.show(left.query.ref)
        self._let_go(before)
        return self.item

    def ahead(self) -> ReviewItem | None:
        """The query that would come next as things stand, to be prepared; nobody has claimed it yet."""
        here = self._left or self.item
        query = next((each for each in self._waiting() if here is None or each != here.query.ref), None)
        item, blind = self.source.item, self.blind_by_choice
        return item(self.store, query, self.stream, self.annotator, blind=blind) if query else None

    def _waiting(self) -> Iterator[ProductRef]:
        """The open queries of the stream that nobody else has."""
        taken = self.claims.held_by_others(self.annotator)
        waiting = self.source.open_queries(self.store, self.stream, self.annotator)
        return (query for query in waiting if query not in taken)

    def resume(self, query: ProductRef | None) -> ReviewItem | None:
        """Show the query that one left, if it still waits and nobody else has it; else the next."""
        if query is not None and query in self._waiting() and self.claims.take(query, self.annotator):
            return self.show(query)
        return self.advance()

    def show(self, query: ProductRef, *, stream: Stream | None = None, anew: bool = False) -> ReviewItem:
        """Show a query whatever the queue says.

        The query that is on the screen keeps its candidates in their order, unless they are to be read `anew`.

        Args:
            query: which.
            stream: why it is shown; by default the sitting's, or what it was for the query on the screen.
            anew: whether the candidates were replaced.
        """
        here = self.item if self.item is not None and self.item.query.ref == query else None
        stream = stream or (here.stream if here else self.stream)
        kept = None if anew else here
        self._accepted &= {option.product.ref for option in (here.options if here else ())}
        item = self.source.item(self.store, query, stream, self.annotator, blind=self.blind_by_choice, kept=kept)
        self.item = replace(item, looked_up=self.is_looking_up)
        self._shown_at = self._clock()
        return self.item

    def look_up(self, query: ProductRef) -> ReviewItem:
        """Show a query that was worked on before, for as long as one likes; `advance` leads back.

        Raises:
            SameskuError: somebody else has it on the screen, or its stream is not open; nothing has changed.
        """
        if self.item is not None and self.item.query.ref == query:
            return self.item
        stream = self._stream_of(query)
        require_stream(self.source.settings, self.annotator, stream)
        self.claims.require(query, self.annotator)
        self._left, self.is_looking_up = self._left or self.item, True
        return self._go_to(query, stream)

    def keep(self) -> bool:
        """Renew the lease on the query that is shown; False where somebody else has it by now."""
        if self._left is not None and not self.claims.take(self._left.query.ref, self.annotator):
            self._left = None
        return self.item is None or self.claims.take(self.item.query.ref, self.annotator)

    def elsewhere(self) -> dict[str, int]:
        """How many open queries of the stream other people have on their screens, by name."""
        taken = self.claims.held_by_others(self.annotator)
        waiting = self.source.open_queries(self.store, self.stream, self.annotator)
        return dict(Counter(taken[query] for query in waiting if query in taken).most_common())

    def other_streams(self) -> dict[Stream, int]:
        """How many queries wait in each of the other streams that are open to this annotator, where there are any.

        An audit waits for nobody until a sample is drawn.
        """
        others = [stream for stream in open_streams(self.source.settings, self.annotator) if stream is not self.stream]
        if not self.store.audit_version():
            others = [stream for stream in others if stream is not Stream.AUDIT]
        left = {stream: self.source.progress(self.store, stream, 0) for stream in others}
        return {stream: each.total - each.done for stream, each in left.items() if each.total > each.done}

    def switch(self, stream: Stream) -> ReviewItem | None:
        """Go to another stream.

        Raises:
            CoreError: it is not open to this annotator.
        """
        require_stream(self.source.settings, self.annotator, stream)
        self.claims.release_all(self.annotator)
        self.stream, self._left = stream, None
        return self.advance()

    def toggle_blind(self) -> ReviewItem | None:
        """Hide or show scores by choice; the validation stream is always blind."""
        self.blind_by_choice = not self.blind_by_choice
        return self.show(self.item.query.ref) if self.item else None

    def progress(self) -> Progress:
        """How far the stream is, and how fast it goes."""
        tally = self.tallies[self.stream]
        return replace(self.source.progress(self.store, self.stream, tally.mine), hourly=tally.hourly)

    def close(self) -> None:
        """Leave: what is on the screen goes back into the queue."""
        self.claims.release_all(self.annotator)

    # -- deciding ------------------------------------------------------------------------------------------

    def accept(self, option: Option, on_screen: Sequence[Option], *, stay: bool = False) -> None:
        """Accept one candidate; what else was on the screen becomes `no_match`, implied.

        Candidates that this annotator decided on explicitly keep their decision.
        """
        implied = [
            other.judged(Decision.NO_MATCH, self.source.model, Strength.IMPLIED)
            for other in on_screen
            if other.product.ref != option.product.ref and other.strength is not Strength.EXPLICIT
        ]
        accepted = option.judged(Decision.MATCH, self.source.model)
        self._accepted.add(option.product.ref)
        self._record(Verb.ACCEPT, [accepted, *implied], closes=True, stay=stay)

    def reject(self, option: Option) -> bool:
        """Reject one candidate. Returns whether that was the last one open, which closes the query.

        A query that was looked up stays: what was accepted may be wrong, and another one right.
        """
        item = self._require_item()
        last = all(o.decision is not None for o in item.options if o.product.ref != option.product.ref)
        self._record(
            Verb.REJECT,
            [option.judged(Decision.NO_MATCH, self.source.model)],
            closes=last,
            stay=not last or self.is_looking_up,
        )
        return last

    def none_match(self, on_screen: Sequence[Option]) -> None:
        """Reject everything on the screen that this annotator has not accepted.

        In a query that was looked up, what was accepted before is rejected too.
        """
        rejected = [
            o.judged(Decision.NO_MATCH, self.source.model)
            for o in on_screen
            if o.decision is not Decision.MATCH or (self.is_looking_up and o.product.ref not in self._accepted)
        ]
        self._record(Verb.NONE, rejected, closes=True)

    def unsure(self, option: Option) -> None:
        """Abstain on one candidate, and with it on the query."""
        self._record(Verb.UNSURE, [option.judged(Decision.UNSURE, self.source.model)], closes=True)

    def skip(self) -> None:
        """Put the query off; nothing is decided."""
        self._record(Verb.SKIP, [], closes=False, stay=False)

    def flag(self) -> None:
        """Mark the query for a second look, or take the mark away."""
        self._record(Verb.FLAG, [], closes=False, stay=True)

    def comment(self, text: str) -> None:
        """Write something about the query."""
        self._record(Verb.COMMENT, [], closes=False, stay=True, text=text)

    def undo(self) -> Action | None:
        """Take back the latest action, also one of an earlier sitting, and show its query if it is free."""
        return self._return_to(self.store.undo(self.annotator), -1)

    def redo(self) -> Action | None:
        """Bring back what was undone last, and show its query if it is free."""
        return self._return_to(self.store.redo(self.annotator), +1)

    def found(self, product: Product) -> Option:
        """A product found by search as an option, which can be accepted like the others."""
        return found_by_search(product)

    def _return_to(self, action: Action | None, step: int) -> Action | None:
        if action is not None:
            # Only what this sitting counted: not an earlier sitting's, nor a second answer to the same query.
            if action.id in self._counted:
                self._counted[action.id].mine += step
            # What one said is one's own to take back; a query on somebody else's screen stays there alone.
            if (self.item and self.item.query.ref == action.query) or self.claims.take(action.query, self.annotator):
                self._go_to(action.query, self._stream_of(action.query))
        return action

    def _go_to(self, query: ProductRef, stream: Stream) -> ReviewItem:
        """Show a query that is reserved already, and free the one that was shown, unless one is to come back to it."""
        before, left = self.item, self._left
        if left is not None and left.query.ref == query:
            self.item, self._left, self.is_looking_up = left, None, False
        self.show(query, stream=stream)
        self._let_go(before)
        return self._require_item()

    def _let_go(self, before: ReviewItem | None) -> None:
        """Free a query that was on the screen, and is not any more."""
        kept = {item.query.ref for item in (self.item, self._left) if item is not None}
        if before is not None and before.query.ref not in kept:
            self.claims.release(before.query.ref, self.annotator)

    def _stream_of(self, query: ProductRef) -> Stream:
        """Why a query is shown that is reached by another way than its queue: as when this person decided on it last.

        A ruling is edited as a ruling, and an opinion as an opinion. What one had no part in is ruled on where one
        sits to rule, and else a plain answer: a check at random is not looked up.
        """
        last = self.store.last_stream(query, self.annotator)
        return last or (self.stream if self.stream is Stream.ADJUDICATION else Stream.TRIAGE)

    def _record(
        self, verb: Verb, judgements: Sequence[Judgement], *, closes: bool, stay: bool = False, text: str = ""
    ) -> None:
        item = self._require_item()
        looked_s = self._clock() - self._shown_at
        details = ActionDetails(
            stream=item.stream, blind=item.blind, closes=closes, look_ms=round(looked_s * 1000), text=text
        )
        action = self.store.record(self.annotator, verb, item.query.ref, judgements, details)
        tally = self.tallies[item.stream]
        tally.looked(looked_s)
        if closes and not item.answered:
            self._counted[action] = tally
            tally.mine += 1
        if stay:
            self.show(item.query.ref)
        else:
            # Put off, or answered: somebody else may have it now, as the second of two for one.
            self.advance()

    def _require_item(self) -> ReviewItem:
        if self.item is None:
            raise RuntimeError("nothing is on the screen")
        return self.item
