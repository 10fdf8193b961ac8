"""The review session, independent of the user interface: the current query, and the actions on it.

The Textual screen and the plain line mode both use this class, so that a key means the same in both.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from core.catalog.product import Product, ordered_pair
from core.permissions import open_streams, require_stream
from core.queue.item import Option, Progress, ReviewItem, search_option
from core.queue.session_stats import SessionStats
from core.queue.source import QueueSource
from labels.leases import Leases
from labels.model import Action, ActionDetails, Decision, Judgement, Pair, ProductRef, Stream, Strength, Verb
from labels.store import LabelStore


class ReviewSession:
    """One annotator's session, on one stream at a time.

    Every action returns after the decision is on disk.

    Args:
        store: the ledger.
        leases: reserve a query for one annotator while it is on the screen.
        source: queries and candidates.
        annotator: name of the annotator.
        stream: the first stream.
        clock: monotonic seconds, for the duration of a look.

    Attributes:
        item: the query on the screen; None where none is left.
        is_looking_up: whether it was looked up; `advance` then returns to the query before it.
        stats: this session's statistics, by stream.
        blind_by_choice: whether the annotator hides scores.

    Raises:
        CoreError: the stream is not open to this annotator.
    """

    def __init__(
        self, store: LabelStore, leases: Leases, source: QueueSource, annotator: str, *,
        stream: Stream = Stream.TRIAGE, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.store = store
        self.leases = leases
        self.source = source
        self.annotator = annotator
        require_stream(source.settings, annotator, stream)
        self.stream = stream
        self.item: ReviewItem | None = None
        self.is_looking_up = False
        self.stats = {each: SessionStats() for each in Stream}
        self._counted: dict[str, SessionStats] = {}
        self._suspended: ReviewItem | None = None
        self._accepted: set[ProductRef] = set()
        self._notice = ""
        self._clock = clock
        self._shown_at = clock()
        self.blind_by_choice = False

    # -- moving --------------------------------------------------------------------------------------------

    def advance(self) -> ReviewItem | None:
        """Show the next open query of the stream; None when there is none left.

        From a query that was looked up, return to the query that was on the screen before.
        """
        previous, suspended = self.item, self._suspended
        self.item, self._suspended, self.is_looking_up = suspended, None, False
        if suspended is None or not self.leases.take(suspended.query.ref, self.annotator):
            self.item = None
            free = (query for query in self._waiting() if self.leases.take(query, self.annotator))
            if query := next(free, None):
                self.show(query)
        else:
            self.show(suspended.query.ref)
        self._release(previous)
        return self.item

    def peek(self) -> ReviewItem | None:
        """The query that is likely next, without a lease, for prefetching."""
        here = self._suspended or self.item
        query = next((each for each in self._waiting() if here is None or each != here.query.ref), None)
        item, blind = self.source.item, self.blind_by_choice
        return item(self.store, query, self.stream, self.annotator, blind=blind) if query else None

    def _waiting(self) -> Iterator[ProductRef]:
        """The open queries of the stream that no one else has on the screen."""
        taken = self.leases.held_by_others(self.annotator)
        waiting = self.source.open_queries(self.store, self.stream, self.annotator)
        return (query for query in waiting if query not in taken)

    def resume(self, query: ProductRef | None) -> ReviewItem | None:
        """Show the given query if it is still open and free; else the next one."""
        if query is not None and query in self._waiting() and self.leases.take(query, self.annotator):
            return self.show(query)
        return self.advance()

    def show(self, query: ProductRef, *, stream: Stream | None = None, reload: bool = False) -> ReviewItem:
        """Show a query regardless of the queue.

        The query that is on the screen keeps the order of its candidates, unless `reload` is set.

        Args:
            query: the query.
            stream: why it is shown; by default the session's stream, or that of the query on the screen.
            reload: whether the candidates were replaced.
        """
        here = self.item if self.item is not None and self.item.query.ref == query else None
        stream = stream or (here.stream if here else self.stream)
        current = None if reload else here
        self._accepted &= {option.product.ref for option in (here.options if here else ())}
        item = self.source.item(self.store, query, stream, self.annotator, blind=self.blind_by_choice, current=current)
        self.item = replace(item, looked_up=self.is_looking_up)
        self._shown_at = self._clock()
        return self.item

    def look_up(self, query: ProductRef) -> ReviewItem:
        """Show a query that was worked on before; `advance` returns to the current one.

        Raises:
            SameskuError: another annotator has it on the screen, or its stream is not permitted; nothing has changed.
        """
        if self.item is not None and self.item.query.ref == query:
            return self.item
        stream = self._stream_of(query)
        require_stream(self.source.settings, self.annotator, stream)
        self.leases.require(query, self.annotator)
        self._suspended, self.is_looking_up = self._suspended or self.item, True
        return self._go_to(query, stream)

    def renew_lease(self) -> bool:
        """Renew the lease on the current query; False where another annotator has it by now."""
        if self._suspended is not None and not self.leases.take(self._suspended.query.ref, self.annotator):
            self._suspended = None
        return self.item is None or self.leases.take(self.item.query.ref, self.annotator)

    def held_by_others(self) -> dict[str, int]:
        """The number of open queries of the stream on other people's screens, by name."""
        taken = self.leases.held_by_others(self.annotator)
        waiting = self.source.open_queries(self.store, self.stream, self.annotator)
        return dict(Counter(taken[query] for query in waiting if query in taken).most_common())

    def other_streams(self) -> dict[Stream, int]:
        """The number of open queries in each other permitted stream that has some.

        The audit stream counts only once a sample is drawn.
        """
        others = [stream for stream in open_streams(self.source.settings, self.annotator) if stream is not self.stream]
        if not self.store.audit_version():
            others = [stream for stream in others if stream is not Stream.AUDIT]
        progress = {stream: self.source.progress(self.store, stream, 0) for stream in others}
        return {stream: each.total - each.done for stream, each in progress.items() if each.total > each.done}

    def switch(self, stream: Stream) -> ReviewItem | None:
        """Go to another stream.

        Raises:
            CoreError: the annotator may not work on it.
        """
        require_stream(self.source.settings, self.annotator, stream)
        self.leases.release_all(self.annotator)
        self.stream, self._suspended = stream, None
        return self.advance()

    def toggle_blind(self) -> ReviewItem | None:
        """Hide or show scores by choice; the validation stream is always blind."""
        self.blind_by_choice = not self.blind_by_choice
        return self.show(self.item.query.ref) if self.item else None

    def progress(self) -> Progress:
        """The progress of the stream, with this session's rate."""
        stats = self.stats[self.stream]
        return replace(self.source.progress(self.store, self.stream, stats.answered), hourly=stats.hourly)

    def close(self) -> None:
        """End the session: its queries return to the queue."""
        self.leases.release_all(self.annotator)

    # -- deciding ------------------------------------------------------------------------------------------

    def accept(self, option: Option, on_screen: Sequence[Option], *, stay: bool = False) -> None:
        """Accept one candidate; the others on the screen become an implied `no_match`.

        Candidates that this annotator decided on explicitly keep their decision. A source in both roles may list a
        product any number of times: accepting one of its listings implies nothing, and none of them is implied.
        """
        both = self.source.both
        implied = [
            other.judgement(Decision.NO_MATCH, self.source.model, Strength.IMPLIED)
            for other in on_screen
            if other.product.ref != option.product.ref
            and other.strength is not Strength.EXPLICIT
            and both.isdisjoint({option.product.source, other.product.source})
        ]
        accepted = option.judgement(Decision.MATCH, self.source.model)
        self._accepted.add(option.product.ref)
        self._record(Verb.ACCEPT, [accepted, *implied], closes=True, stay=stay)

    def reject(self, option: Option) -> bool:
        """Reject one candidate. Returns whether it was the last open one, which closes the query.

        A query that was looked up stays on the screen, since another candidate may be accepted instead.
        """
        item = self._require_item()
        last = all(o.decision is not None for o in item.options if o.product.ref != option.product.ref)
        self._record(
            Verb.REJECT,
            [option.judgement(Decision.NO_MATCH, self.source.model)],
            closes=last,
            stay=not last or self.is_looking_up,
        )
        return last

    def none_match(self, on_screen: Sequence[Option]) -> None:
        """Reject all candidates on the screen that this annotator has not accepted.

        In a query that was looked up, candidates accepted before that are rejected too.
        """
        rejected = [
            o.judgement(Decision.NO_MATCH, self.source.model)
            for o in on_screen
            if o.decision is not Decision.MATCH or (self.is_looking_up and o.product.ref not in self._accepted)
        ]
        self._record(Verb.NONE, rejected, closes=True)

    def unsure(self, option: Option) -> None:
        """Abstain on one candidate, and so on the query."""
        self._record(Verb.UNSURE, [option.judgement(Decision.UNSURE, self.source.model)], closes=True)

    def skip(self) -> None:
        """Postpone the query without a decision."""
        self._record(Verb.SKIP, [], closes=False, stay=False)

    def flag(self) -> None:
        """Mark the query for a second look, or remove the mark."""
        self._record(Verb.FLAG, [], closes=False, stay=True)

    def comment(self, text: str) -> None:
        """Add a comment to the query."""
        self._record(Verb.COMMENT, [], closes=False, stay=True, text=text)

    def undo(self) -> Action | None:
        """Undo the latest action, also of an earlier session, and show its query if it is free."""
        return self._return_to(self.store.undo(self.annotator), -1)

    def redo(self) -> Action | None:
        """Redo the action that was undone last, and show its query if it is free."""
        return self._return_to(self.store.redo(self.annotator), +1)

    def take_notice(self) -> str:
        """A sentence on the latest decision that the annotator should know, once; empty if there is none."""
        notice, self._notice = self._notice, ""
        return notice

    def search_option(self, product: Product) -> Option:
        """A product found by search as an option, which can be accepted like a candidate."""
        return search_option(product)

    def _return_to(self, action: Action | None, step: int) -> Action | None:
        if action is not None:
            # Only actions counted in this session: no earlier session's, and no second answer to the same query.
            if action.id in self._counted:
                self._counted[action.id].answered += step
            # The action is undone in any case; its query is shown only if no one else has it on the screen.
            if (self.item and self.item.query.ref == action.query) or self.leases.take(action.query, self.annotator):
                self._go_to(action.query, self._stream_of(action.query))
        return action

    def _go_to(self, query: ProductRef, stream: Stream) -> ReviewItem:
        """Show a query that is leased already, and release the previous one unless it is suspended."""
        previous, suspended = self.item, self._suspended
        if suspended is not None and suspended.query.ref == query:
            self.item, self._suspended, self.is_looking_up = suspended, None, False
        self.show(query, stream=stream)
        self._release(previous)
        return self._require_item()

    def _release(self, previous: ReviewItem | None) -> None:
        """Release the lease on a query that is neither on the screen any more nor suspended."""
        needed = {item.query.ref for item in (self.item, self._suspended) if item is not None}
        if previous is not None and previous.query.ref not in needed:
            self.leases.release(previous.query.ref, self.annotator)

    def _stream_of(self, query: ProductRef) -> Stream:
        """The stream of a query that is not reached through the queue: that of this annotator's last decision on it.

        An adjudication is edited as an adjudication, and an answer as an answer. Without a decision it is adjudicated
        in an adjudication session, and otherwise triaged.
        """
        last = self.store.last_stream(query, self.annotator)
        return last or (self.stream if self.stream is Stream.ADJUDICATION else Stream.TRIAGE)

    def _record(
        self, verb: Verb, judgements: Sequence[Judgement], *, closes: bool, stay: bool = False, text: str = ""
    ) -> None:
        item = self._require_item()
        seconds = self._clock() - self._shown_at
        details = ActionDetails(
            stream=item.stream, blind=item.blind, closes=closes, look_ms=round(seconds * 1000), text=text
        )
        stats = self.stats[item.stream]
        if judgements and self.source.catalog.get(item.query.ref) is None:
            self._notice = (
                f"The query {item.query.id} has left the catalogue. The answer is kept, and is not used until the"
                " product is imported again."
            )
        own, before = self._by_order(item.query.ref, judgements)
        for query, judgement in before:
            self.store.record(self.annotator, verb, query, [judgement], replace(details, closes=False))
        if before and not own:
            stats.add_look(seconds)
            self.show(item.query.ref)
            return
        action = self.store.record(self.annotator, verb, item.query.ref, own, details)
        stats.add_look(seconds)
        if closes and not item.answered:
            self._counted[action] = stats
            stats.answered += 1
        if stay:
            self.show(item.query.ref)
        else:
            self.advance()

    def _by_order(
        self, query: ProductRef, judgements: Sequence[Judgement]
    ) -> tuple[list[Judgement], list[tuple[ProductRef, Judgement]]]:
        """The judgements on the query's own candidates; and those on listings that the query is a candidate of.

        The latter are found by search, or shown since they were accepted. Each is given as it is recorded: with that
        listing as the query.
        """
        own: list[Judgement] = []
        before: list[tuple[ProductRef, Judgement]] = []
        for judgement in judgements:
            pair = ordered_pair(Pair(query, judgement.candidate), self.source.both)
            if pair.query == query:
                own.append(judgement)
            else:
                before.append((pair.query, replace(judgement, candidate=query)))
        return own, before

    def _require_item(self) -> ReviewItem:
        if self.item is None:
            raise RuntimeError("no query is on the screen")
        return self.item
