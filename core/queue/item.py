"""One query under review, with everything that a front end shows of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.catalog.product import Product
from core.match.bands import Band
from labels.model import CurrentDecision, Decision, Judgement, ProductRef, Shown, Stream, Strength
from labels.said import Opinion


@dataclass(frozen=True, slots=True)
class Option:
    """A candidate as it stands on the screen.

    Attributes:
        rank: place in the machine's order, from 1; None for a product found by search.
        similarity: the encoder's cosine; None for a product found by search.
        band: by the probability; before the first labels by the packaged prior.
        probability: the matcher's P(match); None before the first labels, and for a product found by search.
        retrieved: place after retrieval, before the matcher spoke.
        decision: what this annotator has said of it; None so far.
        others: what other people said of it, by name. Empty while blind.
        verdict: whether the judge calls it a match; None where it has not said, or must not be heard.
        opinions: the same with all circumstances, for whoever is to settle it.
    """

    product: Product
    rank: int | None
    similarity: float | None
    dense_rank: int | None
    lexical_rank: int | None
    band: Band
    decision: Decision | None = None
    strength: Strength | None = None
    others: tuple[tuple[str, Decision], ...] = ()
    probability: float | None = None
    retrieved: int | None = None
    opinions: tuple[Opinion, ...] = ()
    verdict: bool | None = None

    def with_decisions(self, decisions: Iterable[CurrentDecision], annotator: str, *, alone: bool) -> "Option":
        """The same with what was said of it: by this annotator, and by others unless one is to decide alone."""
        here = [d for d in decisions if d.pair.candidate == self.product.ref]
        mine = next((d for d in here if d.annotator == annotator), None)
        others = () if alone else tuple((d.annotator, d.decision) for d in here if d.annotator != annotator)
        return replace(
            self,
            decision=mine.decision if mine else None,
            strength=mine.strength if mine else None,
            others=others,
            opinions=(),
        )

    def judged(self, decision: Decision, model: str | None, strength: Strength = Strength.EXPLICIT) -> Judgement:
        """A decision on it, with what the machine said of it at that moment.

        Args:
            decision: which.
            model: id of the encoder behind the similarity.
            strength: whether it was said, or follows from what was.
        """
        shown = Shown(self.rank, self.similarity, self.probability, model)
        return Judgement(self.product.ref, decision, strength, shown)


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A query with its options in the order in which they are shown.

    Attributes:
        blind: whether scores and bands must not be shown (the options' order then says nothing either).
        always_blind: whether that is no choice of the person's.
        alone: whether nothing must be shown of what others said: blind, or one of several independent opinions.
        reason: why this query is shown, one sentence.
        answered: whether somebody closed it already; where one decides alone, whether one did oneself.
        disputed: the candidates that are to be ruled on; they come first.
        looked_up: whether it is shown because somebody wanted to see it again, and not by the queue.
    """

    query: Product
    options: tuple[Option, ...]
    stream: Stream
    blind: bool
    reason: str
    always_blind: bool = False
    alone: bool = False
    answered: bool = False
    disputed: frozenset[ProductRef] = frozenset()
    looked_up: bool = False
    flagged: bool = False
    comments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stream is: queries answered, all of them, and this sitting's own share.

    Attributes:
        hourly: answers an hour of this sitting, pauses left out; None while there are too few to tell.
    """

    done: int
    total: int
    mine: int
    hourly: float | None = None

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest would take at this pace."""
        return (self.total - self.done) / self.hourly * 3600 if self.hourly else None


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream.

    Attributes:
        progress: how far it is; `mine` is what the person answered in all their sittings.
        refusal: why it is not open to them; empty where it is.
        drawn: whether it is a sample; without one the audit stream shows all queries that the machine is sure of.
    """

    stream: Stream
    progress: Progress
    refusal: str = ""
    drawn: bool = True
