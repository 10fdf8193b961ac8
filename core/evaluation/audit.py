"""What an audit says of the whole queue: the precision of each band, and how many matches the machine misses.

A draw takes queries at random from each stratum; each stands for as many as its weight says. Sums of weighted
observations are unbiased estimates of the sums over all queries (Horvitz and Thompson 1952, JASA 47), whatever the
strata were.
"""

from collections import Counter
from collections.abc import Collection, Mapping
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
class Estimate:
    """A share with its 95 % interval; all None where nothing was observed."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What one draw says.

    Attributes:
        draw: its number.
        drawn: queries in it.
        answered: of which people have answered so many; only they are counted.
        precision: of each firm band's answer, by band.
        recall: the share of all matches that the machine calls matches; the rest it misses.
        matches: how many matches there are among what was drawn from; None while a stratum has no answer.
        draws: how many draws there are.
        all_drawn: queries in all of them.
        all_answered: of which people have answered so many in the audit stream.
    """

    draw: int
    drawn: int
    answered: int
    precision: dict[str, Estimate]
    recall: Estimate
    matches: float | None
    draws: int = 1
    all_drawn: int = 0
    all_answered: int = 0

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def draw_audit(workspace: Workspace, settings: Settings, count: int) -> tuple[int, dict[ProductRef, Stratum]]:
    """Draw queries that no person has answered, from each band of their best candidate.

    Returns:
        the number of the draw, and what was drawn.

    Raises:
        CoreError: there are no probabilities, or nothing is left to draw from.
    """
    candidates = CandidateStore(workspace.derived)
    try:
        if candidates.model is None:
            raise no_candidates(workspace.index)
        standing, top = candidates.standing, candidates.top_probabilities()
    finally:
        candidates.close()
    if standing is None or not standing.calibrated:
        raise not_fitted_error(workspace, settings)
    with LabelStore(workspace.labels) as store:
        _, turned = store.changed_since(0)
        left_out = {query for query, (people, _) in turned.items() if people} | store.validation_queries()
        left_out |= read_index_state(workspace).removed
        strata = {q: str(band_of(p, standing.high, standing.low)) for q, p in top.items() if q not in left_out}
        if not strata:
            raise CoreError("Every query is answered already.", "There is nothing left to audit.")
        # Another draw draws others, and the same ledger the same.
        seed = settings.validation.seed + store.audit_version()
        drawn = stratified(strata, count, seed)
        return store.draw_audit(drawn, seed), drawn


def audit_report(workspace: Workspace, version: int | None = None) -> AuditReport:
    """What people found in a draw, the latest one if none is named.

    Raises:
        CoreError: there is no such draw.
    """
    candidates = CandidateStore(workspace.derived)
    try:
        if candidates.model is None:
            raise no_candidates(workspace.index)
        standing, shown = (
            candidates.standing,
            candidates.top_similarities().keys() - read_index_state(workspace).removed,
        )
    finally:
        candidates.close()
    with LabelStore(workspace.labels) as store:
        latest = store.audit_version()
        sample = store.audit_sample(version or latest)
        if not latest or standing is None:
            raise CoreError("Nothing was drawn for audit yet.", "Draw some: samesku labels audit --draw 200")
        if not sample:
            raise CoreError(f"There is no draw {version}.", f"Draws are numbered from 1 to {latest}.")
        # As the desk counts them: what cannot be shown any more is no part of the draw.
        sample = {query: stratum for query, stratum in sample.items() if query in shown}
        answered, drawn = audited_queries(store), store.audit_queries() & shown
        by_query = audit_outcomes_by_query(store)
        answers = {query: by_query.get(query, []) for query in sample}
    weights = _weights(sample, {query for query, said in answers.items() if said})
    seen = [_observed(answers[query], standing, weight) for query, weight in weights.items()]
    whole = {sample[query].name for query in weights} == {stratum.name for stratum in sample.values()}
    found = _report(version or latest, len(sample), seen, whole=whole)
    return replace(found, draws=latest, all_drawn=len(drawn), all_answered=len(drawn & answered))


def _weights(sample: Mapping[ProductRef, Stratum], answered: Collection[ProductRef]) -> dict[ProductRef, float]:
    """The weight of each answered query: those of a stratum stand for all of it, however many are answered so far.

    The stream shows a draw in random order, so that what is answered is a sample of what was drawn.
    """
    drawn = Counter(stratum.name for stratum in sample.values())
    so_far = Counter(sample[query].name for query in answered)
    return {
        query: stratum.weight * drawn[stratum.name] / so_far[stratum.name]
        for query, stratum in sample.items()
        if query in answered
    }


def _observed(
    said: list[tuple[float | None, Decision, Strength]], standing: MatcherSummary, weight: float
) -> dict[str, float]:
    """What one query adds to each sum: what the machine said of its pairs then, against what people say.

    Not what it says now: it has learnt from these very answers since.
    """
    counts = dict.fromkeys(("high", "high right", "low", "low right", "matches", "found"), 0.0)
    for probability, decision, strength in said:
        match = decision is Decision.MATCH
        # A match without a probability was found by search: the machine has missed it.
        counts["matches"] += match
        counts["found"] += match and probability is not None and probability >= standing.threshold
        band = band_of(probability, standing.high, standing.low)
        # What follows from another decision was not looked at.
        looked = strength is Strength.EXPLICIT and decision is not Decision.UNSURE
        if looked and probability is not None and band is not Band.MEDIUM:
            counts[band] += 1
            counts[f"{band} right"] += match is (band is Band.HIGH)
    return {name: weight * count for name, count in counts.items()}


def _report(version: int, drawn: int, seen: list[dict[str, float]], *, whole: bool) -> AuditReport:

    names = ("high right", "high", "low right", "low", "found", "matches")
    sums = np.array([[each[name] for name in names] for each in seen], float).reshape(len(seen), len(names))
    shares = [_ratio(sums[:, place], sums[:, place + 1]) for place in (0, 2, 4)]
    return AuditReport(
        draw=version,
        drawn=drawn,
        answered=len(seen),
        precision={"high": shares[0], "low": shares[1]},
        recall=shares[2],
        matches=float(sums[:, 5].sum()) if whole else None,
    )


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> Estimate:
    """A ratio of weighted sums over queries, shape (n,) each, with Wilson's interval.

    The interval is for as many observations as there are queries, less where some weigh more than others (Kish 1965's
    effective sample size): the pairs of one query stand or fall together. A bootstrap would give 1.000 to 1.000 after
    a dozen answers without a mistake.
    """
    total = float(whole.sum())
    if not total:
        return Estimate(None, None, None)
    share = float(part.sum()) / total
    return Estimate(share, *wilson_interval(share, total**2 / float((whole**2).sum())))
