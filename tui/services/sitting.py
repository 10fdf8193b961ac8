"""The sitting of somebody at a workspace."""

from dataclasses import dataclass

from core.catalog.store import CatalogStore
from core.queue.session import ReviewSession
from core.sitting.record import Ending, Place
from core.sitting.sitting import Sitting
from labels.claims import Claims
from labels.model import ProductRef
from labels.since import decided_since
from tui.last_time import how_it_ended


@dataclass
class DeskSitting:
    """A `tui.ports.sitting.Sitting`: what the review shows, noted in the sitting's file."""

    sitting: Sitting
    review: ReviewSession
    catalog: CatalogStore

    @property
    def theme(self) -> str:
        """The colours that were chosen at the desk; empty while they are the team's."""
        return self.sitting.place.theme

    @property
    def news(self) -> str:
        """How the last sitting ended, where it was not left; else nothing."""
        last = self.sitting.interrupted
        if last is None:
            return ""
        latest = decided_since(self.review.store, last.annotator, last.after)
        query = self.catalog.get(latest.query) if latest else None
        return how_it_ended(last, latest, query.title if query else "")

    def resume(self) -> int:
        """Show the query that was left, if it still waits, else the next; returns the candidate to highlight."""
        place, review = self.sitting.place, self.review
        query = place.query if place.stream is review.stream else None
        reserved = self._reserved()
        review.blind_by_choice = place.blind
        item = review.resume(query or reserved)
        if item is None or item.query.ref != query:
            return 0
        places = (at for at, option in enumerate(item.options) if option.product.ref == place.candidate)
        return next(places, 0)

    def _reserved(self) -> ProductRef | None:
        """What a sitting that was killed had on its screen: nobody else has it yet. Its other claims go back."""
        if not self.sitting.alone:
            return None
        held = self.review.claims.held(self.review.annotator)
        self.review.claims.give_back(self.review.annotator)
        return held[0] if held else None

    def note(self, candidate: ProductRef | None, theme: str) -> None:
        """Remember where one is."""
        review = self.review
        query = review.item.query.ref if review.item else None
        self.sitting.move(Place(review.stream, query, candidate, review.blind_by_choice, theme))

    def end(self, ending: Ending) -> None:
        """Remember how it ends; only the first word counts."""
        self.sitting.end(ending)

    def abandon(self, ending: Ending) -> None:
        """Give the claims back and end, from any thread: SQLite's connections stay in theirs."""
        claims = Claims(self.review.store.path)
        claims.give_back(self.review.annotator)
        claims.close()
        self.end(ending)
