"""A sitting at the desk, without the desk: what is shown, and what each deciding key does.

The Textual screen and the plain line mode both drive this one class, so that a key means the same in both.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from core.catalog.product import Product
from core.queue.item import Option, Progress, ReviewItem
from core.queue.source import QueueSource
from core.rights import require_stream
from labels.claims import Claims
from labels.model import Action, Decision, Judgement, ProductRef, Shown, Stream, Strength, Verb
from labels.store import LabelStore

#: Seconds of looking at one query that count as work at most; who is away longer has a coffee.
_PAUSE_S = 120.0
#: Fewer answers say nothing of a pace.
_PACE_FROM = 5


class ReviewSession:
    """One annotator's sitting on one stream.

    Every deciding method returns after the decision is on disk.

    Args:
        store: the ledger.
        claims: the leases of the workspace.
        source: which queries there are, in which order, with which candidates.
        annotator: who sits here.
        clock: seconds, monotonic; for how long someone looked.

    Raises:
        CoreError: the stream is not open to this annotator.
    """

    def __init__(
        self,
        store: LabelStore,
        claims: Claims,
        source: QueueSource,
        annotator: str,
        *,
        stream: Stream = Stream.TRIAGE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.claims = claims
        self.source = source
        self.annotator = annotator
        require_stream(source.settings, annotator, stream)
        self.stream = stream
        self.item: ReviewItem | None = None
        self.mine = 0
        self._counted: set[str] = set()
        self._clock = clock
        self._shown_at = clock()
        self._worked_s = 0.0
        self._blind_by_choice = False

    # -- moving --------------------------------------------------------------------------------------------

    def advance(self) -> ReviewItem | None:
        """Show the next open query of the stream; None when there is none left."""
        self.item = None
        taken = self.claims.held_by_others(self.annotator)
        for query in self.source.open_queries(self.store, self.stream, self.annotator):
            if query not in taken and self.claims.take(query, self.annotator):
                return self.show(query)
        return None

    def show(self, query: ProductRef, *, anew: bool = False) -> ReviewItem:
        """Show a query whatever the queue says, as after an undo.

        The query that is on the screen keeps its candidates in their order, unless they are to be read `anew`.
        """
        kept = self.item.options if self.item and self.item.query.ref == query and not anew else ()
        self.item = self.source.item(
            self.store, query, self.stream, self.annotator, blind=self._blind_by_choice, kept=kept
        )
        self._shown_at = self._clock()
        return self.item

    def switch(self, stream: Stream) -> ReviewItem | None:
        """Go to another stream.

        Raises:
            CoreError: it is not open to this annotator.
        """
        require_stream(self.source.settings, self.annotator, stream)
        self.claims.give_back(self.annotator)
        self.stream = stream
        return self.advance()

    def toggle_blind(self) -> ReviewItem | None:
        """Hide or show scores by choice; the validation stream is always blind."""
        self._blind_by_choice = not self._blind_by_choice
        return self.show(self.item.query.ref) if self.item else None

    def progress(self) -> Progress:
        """How far the stream is, and how fast it goes."""
        known = self.mine >= _PACE_FROM and self._worked_s > 0
        progress = self.source.progress(self.store, self.stream, self.mine)
        return replace(progress, hourly=self.mine / self._worked_s * 3600) if known else progress

    def close(self) -> None:
        """Leave: what is on the screen goes back into the queue."""
        self.claims.give_back(self.annotator)

    # -- deciding ------------------------------------------------------------------------------------------

    def accept(self, option: Option, on_screen: Sequence[Option], *, stay: bool = False) -> None:
        """Accept one candidate; what else was on the screen becomes `no_match`, implied.

        Candidates that this annotator decided on explicitly keep their decision.
        """
        implied = [
            _judgement(other, self.source.model, Decision.NO_MATCH, Strength.IMPLIED)
            for other in on_screen
            if other.product.ref != option.product.ref and other.strength is not Strength.EXPLICIT
        ]
        accepted = _judgement(option, self.source.model, Decision.MATCH)
        self._record(Verb.ACCEPT, [accepted, *implied], closes=True, stay=stay)

    def reject(self, option: Option) -> bool:
        """Reject one candidate. Returns whether that was the last one open, which closes the query."""
        item = self._require_item()
        last = all(o.decision is not None for o in item.options if o.product.ref != option.product.ref)
        self._record(
            Verb.REJECT,
            [_judgement(option, self.source.model, Decision.NO_MATCH)],
            closes=last,
            stay=not last,
        )
        return last

    def none_match(self, on_screen: Sequence[Option]) -> None:
        """Reject everything on the screen that this annotator has not accepted."""
        rejected = [
            _judgement(o, self.source.model, Decision.NO_MATCH)
            for o in on_screen
            if not (o.decision is Decision.MATCH and o.strength is Strength.EXPLICIT)
        ]
        self._record(Verb.NONE, rejected, closes=True)

    def unsure(self, option: Option) -> None:
        """Abstain on one candidate, and with it on the query."""
        self._record(Verb.UNSURE, [_judgement(option, self.source.model, Decision.UNSURE)], closes=True)

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
        """Take back the latest action, also one of an earlier sitting, and show its query."""
        return self._return_to(self.store.undo(self.annotator), -1)

    def redo(self) -> Action | None:
        """Bring back what was undone last, and show its query."""
        return self._return_to(self.store.redo(self.annotator), +1)

    def found(self, product: Product) -> Option:
        """A product found by search as an option, which can be accepted like the others."""
        return self.source.found(product)

    def _return_to(self, action: Action | None, step: int) -> Action | None:
        if action is not None:
            # Only what this sitting counted: not an earlier sitting's, nor a second answer to the same query.
            self.mine += step if action.id in self._counted else 0
            self.claims.take(action.query, self.annotator)
            self.show(action.query)
        return action

    def _record(
        self, verb: Verb, judgements: Sequence[Judgement], *, closes: bool, stay: bool = False, text: str = ""
    ) -> None:
        item = self._require_item()
        looked_s = self._clock() - self._shown_at
        action = self.store.record(
            self.annotator, verb, item.query.ref, judgements,
            stream=item.stream, blind=item.blind, closes=closes,
            look_ms=round(looked_s * 1000), text=text,
        )  # fmt: skip
        self._worked_s += min(looked_s, _PAUSE_S)
        if closes and not item.answered:
            self._counted.add(action)
            self.mine += 1
        if stay:
            self.show(item.query.ref)
        elif self.advance() is None or self._require_item().query.ref != item.query.ref:
            # Put off, or answered: somebody else may have it now, as the second of two for one.
            self.claims.release(item.query.ref, self.annotator)

    def _require_item(self) -> ReviewItem:
        if self.item is None:
            raise RuntimeError("nothing is on the screen")
        return self.item


def _judgement(
    option: Option, model: str | None, decision: Decision, strength: Strength = Strength.EXPLICIT
) -> Judgement:
    shown = Shown(option.rank, option.similarity, option.probability, model)
    return Judgement(option.product.ref, decision, strength, shown)
