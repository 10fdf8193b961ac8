"""Audit of the matcher on a stratified random sample: precision of each band, and recall.

A draw samples queries from each stratum; each has the inverse of its inclusion probability as its weight. Weighted sums
over the sample are unbiased estimates of the sums over all queries (Horvitz and Thompson 1952, JASA 47).
"""

from collections import Counter
from collections.abc import Collection, Container, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import CoreError
from core.matching.bands import Band, band_of
from core.matching.pair_rows import read_index_state
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.retrieval.manifest import no_candidates
from core.settings import Settings
from core.splits.class_balance import not_fitted_error
from core.stats.sampling import stratified
from core.stats.wilson import wilson_interval
from core.workspace import Workspace
from labels.first_answers import audit_outcomes_by_query, audited_queries
from labels.model import Decision, ProductRef, Stratum, Strength
from labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class ShareEstimate:
    """A share with its 95 % interval; all None without observations."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Results of one draw.

    Attributes:
        draw: number of the draw.
        drawn: queries in the draw.
        answered: queries of the draw that were answered; only these count.
        precision: by band, of `high` (match) and `low` (no match).
        recall: share of all matches that the matcher classifies as matches.
        matches: estimated matches in the population; None while a stratum has no answer.
        listed: estimated matches among the candidates of the population.
        expected: what the probabilities of the same candidates add up to; far from `listed`, they are not calibrated.
        draws: number of draws so far.
        all_drawn: queries in all draws.
        all_answered: answered queries in all draws.
    """

    draw: int
    drawn: int
    answered: int
    precision: dict[str, ShareEstimate]
    recall: ShareEstimate
    matches: float | None
    listed: float | None = None
    expected: float | None = None
    draws: int = 1
    all_drawn: int = 0
    all_answered: int = 0

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def draw_audit(
    workspace: Workspace, settings: Settings, count: int, among: Container[ProductRef] | None = None
) -> tuple[int, dict[ProductRef, Stratum]]:
    """Draw unanswered queries, stratified by the band of their best candidate.

    Args:
        workspace: with calibrated probabilities.
        settings: the seed.
        count: about how many.
        among: queries to draw from; all by default.

    Returns:
        the number of the draw, and the stratum of each drawn query.

    Raises:
        CoreError: there are no calibrated probabilities, or no unanswered queries.
    """
    candidates = CandidateStore(workspace.derived)
    try:
        if candidates.model is None:
            raise no_candidates(workspace.index)
        matcher, top = candidates.matcher_summary, candidates.top_probabilities()
    finally:
        candidates.close()
    if matcher is None or not matcher.calibrated:
        raise not_fitted_error(workspace, settings)
    with LabelStore(workspace.labels) as store:
        _, answered = store.changed_since(0)
        excluded = {query for query, (people, _) in answered.items() if people} | store.validation_queries()
        excluded |= read_index_state(workspace).removed
        strata = {q: str(band_of(p, matcher.high, matcher.low)) for q, p in top.items() if q not in excluded}
        if among is not None:
            strata = {query: name for query, name in strata.items() if query in among}
        if not strata:
            raise CoreError("Every query is answered already.", "There is nothing left to audit.")
        # A later draw has another seed; the same ledger gives the same draw.
        seed = settings.validation.seed + store.audit_version()
        drawn = stratified(strata, count, seed)
        return store.draw_audit(drawn, seed), drawn


def audit_report(workspace: Workspace, version: int | None = None) -> AuditReport:
    """Results of a draw, by default the latest.

    Raises:
        CoreError: there is no such draw.
    """
    candidates = CandidateStore(workspace.derived)
    try:
        if candidates.model is None:
            raise no_candidates(workspace.index)
        matcher, shown = (
            candidates.matcher_summary,
            candidates.top_similarities().keys() - read_index_state(workspace).removed,
        )
    finally:
        candidates.close()
    with LabelStore(workspace.labels) as store:
        latest = store.audit_version()
        sample = store.audit_sample(version or latest)
        if not latest or matcher is None:
            raise CoreError("Nothing was drawn for audit yet.", "Draw some: samesku labels audit --draw 200")
        if not sample:
            raise CoreError(f"There is no draw {version}.", f"Draws are numbered from 1 to {latest}.")
        # Like the desk, without queries that can no longer be shown.
        sample = {query: stratum for query, stratum in sample.items() if query in shown}
        answered, drawn = audited_queries(store), store.audit_queries() & shown
        by_query = audit_outcomes_by_query(store)
        answers = {query: by_query.get(query, []) for query in sample}
    weights = _weights(sample, {query for query, decisions in answers.items() if decisions})
    observed = [_observed(answers[query], matcher, weight) for query, weight in weights.items()]
    complete = {sample[query].name for query in weights} == {stratum.name for stratum in sample.values()}
    found = _report(version or latest, len(sample), observed, complete=complete)
    return replace(found, draws=latest, all_drawn=len(drawn), all_answered=len(drawn & answered))


def _weights(sample: Mapping[ProductRef, Stratum], answered: Collection[ProductRef]) -> dict[ProductRef, float]:
    """The weight of each answered query, scaled up for the unanswered queries of its stratum.

    The stream shows a draw in random order, so that the answered queries are a random sample of it.
    """
    drawn = Counter(stratum.name for stratum in sample.values())
    counts = Counter(sample[query].name for query in answered)
    return {
        query: stratum.weight * drawn[stratum.name] / counts[stratum.name]
        for query, stratum in sample.items()
        if query in answered
    }


def _observed(
    decisions: list[tuple[float | None, Decision, Strength]], matcher: MatcherSummary, weight: float
) -> dict[str, float]:
    """Weighted contributions of one query: the probabilities shown when it was decided, against the decisions.

    Current probabilities do not count, since the matcher has been trained on these decisions.
    """
    counts = dict.fromkeys(("high", "high right", "low", "low right", "matches", "found", "listed", "expected"), 0.0)
    for probability, decision, strength in decisions:
        match = decision is Decision.MATCH
        # A match without a probability was found by search, so that the matcher missed it.
        counts["matches"] += match
        if probability is not None and decision is not Decision.UNSURE:
            counts["listed"] += match
            counts["expected"] += probability
        counts["found"] += match and probability is not None and probability >= matcher.threshold
        band = band_of(probability, matcher.high, matcher.low)
        # Implied decisions were not checked by a person.
        explicit = strength is Strength.EXPLICIT and decision is not Decision.UNSURE
        if explicit and probability is not None and band is not Band.MEDIUM:
            counts[band] += 1
            counts[f"{band} right"] += match is (band is Band.HIGH)
    return {name: weight * count for name, count in counts.items()}


def _report(version: int, drawn: int, observed: list[dict[str, float]], *, complete: bool) -> AuditReport:
    names = ("high right", "high", "low right", "low", "found", "matches", "listed", "expected")
    sums = np.array([[each[name] for name in names] for each in observed], float).reshape(len(observed), len(names))
    matches, listed, expected = (float(sum_) if complete else None for sum_ in sums[:, 5:].sum(axis=0))
    shares = [_ratio(sums[:, column], sums[:, column + 1]) for column in (0, 2, 4)]
    return AuditReport(
        draw=version,
        drawn=drawn,
        answered=len(observed),
        precision={"high": shares[0], "low": shares[1]},
        recall=shares[2],
        matches=matches,
        listed=listed,
        expected=expected,
    )


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> ShareEstimate:
    """A ratio of weighted sums over queries, shape (n,) each, with the Wilson interval.

    The number of observations is the effective sample size in queries (Kish 1965), not in pairs, since the pairs of one
    query are dependent. A bootstrap would give 1.000 to 1.000 after a dozen answers without an error.
    """
    total = float(whole.sum())
    if not total:
        return ShareEstimate(None, None, None)
    share = float(part.sum()) / total
    return ShareEstimate(share, *wilson_interval(share, total**2 / float((whole**2).sum())))
