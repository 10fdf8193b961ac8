"""The sitting that the review screen and the plain desk drive."""

from collections.abc import Sequence
from typing import Protocol

from core.catalog.product import Product
from core.queue.item import Option, Progress, ReviewItem
from core.queue.tally import Tally
from labels.model import Action, ProductRef, Stream


class Deciding(Protocol):
    """What the deciding keys drive; each of its methods returns when what it does is done for good."""

    @property
    def item(self) -> ReviewItem | None:
        """The query on the screen."""

    def accept(self, option: Option, on_screen: Sequence[Option], *, stay: bool = False) -> None:
        """Accept one candidate; the others that were on the screen are rejected, implied."""

    def reject(self, option: Option) -> bool:
        """Reject one candidate. Returns whether that closed the query."""

    def none_match(self, on_screen: Sequence[Option]) -> None:
        """Reject what was on the screen."""

    def unsure(self, option: Option) -> None:
        """Abstain on one candidate, and with it on the query."""

    def skip(self) -> None:
        """Put the query off."""

    def advance(self) -> ReviewItem | None:
        """Show the next open query."""


class Review(Deciding, Protocol):
    """One annotator's sitting; every deciding method returns when the decision is on disk."""

    annotator: str
    stream: Stream
    is_looking_up: bool
    tallies: dict[Stream, Tally]

    def ahead(self) -> ReviewItem | None:
        """The query that would come next as things stand, to be prepared; nobody has claimed it yet."""

    def switch(self, stream: Stream) -> ReviewItem | None:
        """Go to another stream."""

    def look_up(self, query: ProductRef) -> ReviewItem:
        """Show a query of before; `advance` leads back.

        Raises:
            SameskuError: somebody else has it on the screen, or its stream is not open; nothing has changed.
        """

    def elsewhere(self) -> dict[str, int]:
        """How many open queries of the stream other people have on their screens, by name."""

    def other_streams(self) -> dict[Stream, int]:
        """How many queries wait in each of the other streams that are open to the annotator."""

    def toggle_blind(self) -> ReviewItem | None:
        """Hide or show scores by choice."""

    def progress(self) -> Progress:
        """How far the stream is."""

    def flag(self) -> None:
        """Mark the query, or take the mark away."""

    def comment(self, text: str) -> None:
        """Write something about the query."""

    def undo(self) -> Action | None:
        """Take back the latest action and show its query if nobody else has it."""

    def redo(self) -> Action | None:
        """Bring back what was undone last and show its query if nobody else has it."""

    def found(self, product: Product) -> Option:
        """A product found by search as an option."""
