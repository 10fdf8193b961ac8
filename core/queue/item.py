"""View objects of the review: a query with its options, and the progress of a stream."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.derived_db import REBUILD_HINT
from core.errors import DamagedError
from core.matching.bands import Band, band_of
from core.queue.refit_result import RefitResult
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from labels.annotations import StandingDecision
from labels.model import CurrentDecision, Decision, Judgement, ProductRef, ShownScores, Stream, Strength

if TYPE_CHECKING:
    # With pydantic, which the desk loads later than its first modules.
    from core.settings import BandSettings


@dataclass(frozen=True, slots=True)
class Option:
    """A candidate as shown on the screen.

    Attributes:
        rank: rank by the matcher, from 1; None for a product found by search.
        similarity: the encoder's cosine; None for a product found by search.
        dense_rank: rank by the encoder alone; None beyond the searched depth.
        lexical_rank: rank by lexical retrieval alone; None beyond the searched depth.
        band: by the probability; before the first labels by the packaged prior.
        decision: this annotator's decision; None before one.
        strength: whether the decision is explicit or implied.
        others: other annotators' decisions, by name; empty where the annotator decides alone.
        probability: the matcher's P(match); None before the first labels, and for a product found by search.
        retrieved: rank after retrieval, before the matcher.
        opinions: other annotators' decisions with their circumstances, for adjudication.
        verdict: the judge's answer; None where there is none, or where it is hidden.
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
    opinions: tuple[StandingDecision, ...] = ()
    verdict: bool | None = None

    def with_decisions(self, decisions: Iterable[CurrentDecision], annotator: str, *, alone: bool) -> "Option":
        """The option with this annotator's decision, and with those of others unless one decides alone."""
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

    def judgement(self, decision: Decision, model: str | None, strength: Strength = Strength.EXPLICIT) -> Judgement:
        """A judgement of it, with the scores that were shown.

        Args:
            decision: the decision.
            model: id of the encoder that the similarity comes from.
            strength: whether the decision is explicit, or implied by another one.
        """
        shown = ShownScores(self.rank, self.similarity, self.probability, model)
        return Judgement(self.product.ref, decision, strength, shown)


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A query with its options in the order in which they are shown.

    Attributes:
        blind: whether scores and bands are hidden; the options are then shuffled.
        reason: why this query is shown, one sentence.
        always_blind: whether hiding is required, not chosen.
        alone: whether other people's decisions are hidden: the query is blind, or labelled independently by several.
        answered: whether the query is closed; where one decides alone, whether one closed it oneself.
        disputed: the candidates to adjudicate; they come first.
        looked_up: whether the annotator looked it up, as opposed to the queue.
        flagged: whether it is marked for a second look.
        comments: annotator and text of each.
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
    """The progress of a stream.

    Attributes:
        done: answered queries.
        total: all queries.
        own: queries answered by the annotator, in this session if not said otherwise.
        hourly: answers per hour in this session without pauses; None while there are too few.
    """

    done: int
    total: int
    own: int
    hourly: float | None = None

    @property
    def left_s(self) -> float | None:
        """The estimated seconds for the remaining queries."""
        return (self.total - self.done) / self.hourly * 3600 if self.hourly else None


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream, as one annotator may use it.

    Attributes:
        progress: `own` counts the annotator's answers of all sessions.
        refusal: why the annotator may not work on it; empty where they may.
        drawn: whether it is a sample; without one the audit stream shows all queries in firm bands.
    """

    stream: Stream
    progress: Progress
    refusal: str = ""
    drawn: bool = True


def options_of(
    query: ProductRef,
    candidates: CandidateStore,
    catalog: CatalogStore,
    bands: "BandSettings",
    summary: MatcherSummary | None,
    refit: RefitResult | None,
    removed: Collection[ProductRef] = (),
) -> list[Option]:
    """The candidates of a query as options, best first by the matcher, or in retrieval order without one.

    Args:
        query: the query.
        candidates: of the last index run.
        catalog: with the products.
        bands: lower bounds for the cosine, which are used without a matcher.
        summary: the matcher behind the probabilities; None without one.
        refit: the latest refit, whose probabilities replace the stored ones.
        removed: products that left the catalogue.

    Raises:
        DamagedError: the candidates are damaged, or there are none at all.
    """
    found = candidates.for_query(query)
    if not found and candidates.model is None:
        raise DamagedError("The candidates in derived.db are gone.", REBUILD_HINT)
    if summary is None:
        found.sort(key=lambda c: c.rank)
    elif refit is not None and query in refit.probabilities:
        probabilities = refit.probabilities[query]
        found = [replace(c, probability=probabilities.get(c.ref, c.probability)) for c in found]
        found.sort(key=lambda c: (-(c.probability if c.probability is not None else -1.0), c.rank))
    products = catalog.get_many(c.ref for c in found)
    present = [c for c in found if c.ref in products and c.ref not in removed]
    return [_option(products[c.ref], rank, c, bands, summary) for rank, c in enumerate(present, 1)]


def search_option(product: Product) -> Option:
    """A product found by search, as an option."""
    return Option(product, None, None, None, None, Band.LOW)


def _option(
    product: Product, rank: int, candidate: Candidate, bands: "BandSettings", summary: MatcherSummary | None
) -> Option:
    if summary is None or candidate.probability is None:
        band = band_of(candidate.similarity, bands.high, bands.medium)
    else:
        band = band_of(candidate.probability, summary.high, summary.low)
    probability = candidate.probability if summary is not None and summary.calibrated else None
    return Option(
        product, rank, candidate.similarity, candidate.dense_rank, candidate.lexical_rank, band,
        probability=probability, retrieved=candidate.rank,
    )  # fmt: skip
