"""Certification of bands: whether audited labels prove that a band's precision is above the target."""

from dataclasses import dataclass

from core.matching.bands import Band, band_of
from core.retrieval.candidates import MatcherSummary
from core.stats.wilson import Precision, wilson
from labels.first_answers import audit_outcomes_by_query
from labels.model import Decision, ProductRef, Strength
from labels.store import LabelStore

#: The answer of each firm band.
ANSWERS = {Band.HIGH: Decision.MATCH, Band.LOW: Decision.NO_MATCH}


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit of one band.

    Attributes:
        precision: the share of audited pairs whose label is the band's answer, with its 95 % interval.
        certified: whether the lower end of the interval is above the target.
    """

    band: Band
    precision: Precision
    certified: bool


def audit(store: LabelStore, summary: MatcherSummary, target: float) -> dict[Band, Audit]:
    """The audits of the two firm bands.

    Only explicit decisions in the audit stream count: it is a random sample, whereas triage shows uncertain pairs, and
    implied decisions were not checked. A pair counts in the band of the probability that it was shown with, by the
    current bounds.

    Args:
        store: the ledger.
        summary: with the current bounds.
        target: the precision to prove.
    """
    audits = {}
    outcomes = [each for found in audited_bands(store, summary).values() for each in found]
    for band in ANSWERS:
        verdicts = [right for of, right in outcomes if of is band]
        precision = wilson(sum(verdicts), len(verdicts))
        audits[band] = Audit(band, precision, precision.low > target)
    return audits


def audited_bands(store: LabelStore, summary: MatcherSummary) -> dict[ProductRef, list[tuple[Band, bool]]]:
    """The audited pairs of each query that are in a firm band: the band, and whether its answer is right.

    Counted as in `audit`.
    """
    found: dict[ProductRef, list[tuple[Band, bool]]] = {}
    for query, outcomes in audit_outcomes_by_query(store).items():
        for probability, decision, strength in outcomes:
            if probability is None or strength is not Strength.EXPLICIT or decision is Decision.UNSURE:
                continue
            band = band_of(probability, summary.high, summary.low)
            if band in ANSWERS:
                found.setdefault(query, []).append((band, decision is ANSWERS[band]))
    return found
