"""One query under review, with everything that a front end shows of it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.derived_db import CURE
from core.errors import DamagedError
from core.matching.bands import Band, band_of
from core.queue.refit_result import RefitResult
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from core.settings import BandSettings
from labels.annotations import Opinion
from labels.model import CurrentDecision, Decision, Judgement, ProductRef, Shown, Stream, Strength


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


def options_of(
    query: ProductRef,
    candidates: CandidateStore,
    catalog: CatalogStore,
    bands: BandSettings,
    standing: MatcherSummary | None,
    live: RefitResult | None,
    removed: Collection[ProductRef] = (),
) -> list[Option]:
    """The query's candidates, best first: by the matcher, and where none has spoken as they were retrieved.

    Args:
        query: which.
        candidates: as the last index run left them.
        catalog: what they are.
        bands: where the cosine is cut while no matcher has spoken.
        standing: what the probabilities are worth; None while no matcher has spoken.
        live: the word of the latest refit.
        removed: products that are candidates no more.

    Raises:
        DamagedError: the candidates are damaged, or those of all queries are gone.
    """
    found = candidates.for_query(query)
    if not found and candidates.model is None:
        # To show a query without its candidates would be to ask for an answer that nobody can give.
        raise DamagedError("The candidates in derived.db are gone.", CURE)
    if standing is None:
        found.sort(key=lambda c: c.rank)
    elif live is not None and query in live.probabilities:
        told = live.probabilities[query]
        found = [replace(c, probability=told.get(c.ref, c.probability)) for c in found]
        found.sort(key=lambda c: (-(c.probability if c.probability is not None else -1.0), c.rank))
    products = catalog.get_many(c.ref for c in found)
    known = [c for c in found if c.ref in products and c.ref not in removed]
    return [_option(products[c.ref], place, c, bands, standing) for place, c in enumerate(known, 1)]


def found_by_search(product: Product) -> Option:
    """A product that is not among the candidates, as an option."""
    return Option(product, None, None, None, None, Band.LOW)


def _option(
    product: Product, place: int, candidate: Candidate, bands: BandSettings, standing: MatcherSummary | None
) -> Option:
    if standing is None or candidate.probability is None:
        band = band_of(candidate.similarity, bands.high, bands.medium)
    else:
        band = band_of(candidate.probability, standing.high, standing.low)
    probability = candidate.probability if standing is not None and standing.calibrated else None
    return Option(
        product, place, candidate.similarity, candidate.dense_rank, candidate.lexical_rank, band,
        probability=probability, retrieved=candidate.rank,
    )  # fmt: skip
