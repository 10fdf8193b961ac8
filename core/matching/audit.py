"""Certification of bands: whether audited labels prove that a band's precision is above the target."""

from dataclasses import dataclass

from core.matching.bands import Band, band_of
from core.retrieval.candidates import MatcherSummary
from core.stats.wilson import Precision, wilson
from labels.first_answers import audit_outcomes
from labels.model import Decision
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
    shown = audit_outcomes(store)
    for band, answer in ANSWERS.items():
        verdicts = [
            decision is answer
            for probability, decision in shown
            if probability is not None and band_of(probability, summary.high, summary.low) is band
        ]
        precision = wilson(sum(verdicts), len(verdicts))
        audits[band] = Audit(band, precision, precision.low > target)
    return audits
