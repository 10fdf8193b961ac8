"""Whether a band has earned it to decide by itself: what the audit stream says of it (design, rule 8)."""

from dataclasses import dataclass

from core.matching.bands import Band, band_of
from core.retrieval.candidates import MatcherSummary
from core.stats.wilson import Precision, wilson
from labels.first_answers import audit_outcomes
from labels.model import Decision
from labels.store import LabelStore

#: What a firm band says of every pair in it.
ANSWERS = {Band.HIGH: Decision.MATCH, Band.LOW: Decision.NO_MATCH}


@dataclass(frozen=True, slots=True)
class Audit:
    """What people found in one band.

    Attributes:
        precision: the share of audited pairs that bear the band's answer out, with its 95 % interval.
        certified: whether the lower end of the interval is above the target.
    """

    band: Band
    precision: Precision
    certified: bool


def audit(store: LabelStore, standing: MatcherSummary, target: float) -> dict[Band, Audit]:
    """The audits of the two firm bands.

    Only what people said in the audit stream counts, pair by pair: it is drawn at random, whereas triage shows what
    the machine is unsure of, and what follows from another decision was not looked at. A pair is counted in the
    band that the machine gave it at the moment it was shown, by today's cuts.

    Args:
        store: the ledger.
        standing: today's cuts.
        target: the precision to prove.
    """
    found = {}
    shown = audit_outcomes(store)
    for band, answer in ANSWERS.items():
        verdicts = [
            decision is answer
            for probability, decision in shown
            # What was shown without a probability was in no band of the matcher's.
            if probability is not None and band_of(probability, standing.high, standing.low) is band
        ]
        precision = wilson(sum(verdicts), len(verdicts))
        found[band] = Audit(band, precision, precision.low > target)
    return found
