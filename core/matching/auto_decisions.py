"""Certified bands decide by themselves: decisions of the annotator `machine`, revocable as one act."""

import uuid
from dataclasses import dataclass
from itertools import groupby

from core.errors import CoreError
from core.matching.audit import ANSWERS, Audit, audit
from core.matching.bands import Band, band_of
from core.matching.pair_rows import state_of
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from core.retrieval.manifest import no_candidates
from core.settings import Settings
from core.splits.class_balance import not_fitted
from core.stats.wilson import more_needed
from core.workspace import Workspace
from labels.model import MACHINE, Decision, Judgement, Shown
from labels.store import LabelStore
from labels.wording import counted


@dataclass(frozen=True, slots=True)
class AutoReport:
    """What the machine decided.

    Attributes:
        batch: the name to revoke it by.
        decisions: by band.
        closed: queries that need no person any more.
    """

    batch: str
    decisions: dict[str, int]
    closed: int


def decide(workspace: Workspace, settings: Settings) -> AutoReport:
    """Write the decisions of the certified bands, in one transaction.

    Queries that a person has answered and validation queries are left alone, and so is what changed since the last
    index run.

    Raises:
        CoreError: there are no probabilities yet, or no band is certified; the message says what is missing.
    """
    candidates = CandidateStore(workspace.derived)
    try:
        standing = candidates.matcher_summary
        if candidates.model is None:
            raise no_candidates(workspace.index)
        if standing is None or not standing.calibrated:
            raise not_fitted(workspace, settings)
        with LabelStore(workspace.labels) as store:
            audits = audit(store, standing, settings.match.precision)
            certified = {band for band, found in audits.items() if found.certified}
            if not certified:
                raise CoreError(
                    f"No band is certified. {' '.join(_said(a, settings.match.precision) for a in audits.values())}",
                    "The audit stream draws pairs at random for people to check: samesku review --stream audit",
                )
            state = state_of(workspace)
            left_alone = store.closed_queries() | store.validation_queries() | state.changed | state.removed
            batch = f"auto-{uuid.uuid4().hex[:8]}"
            counts: dict[str, int] = {}
            answers, closed = [], 0
            for query, rows in groupby(candidates.all(), key=lambda row: row[0]):
                listed = [candidate for _, candidate in rows if candidate.ref not in state.removed]
                judgements = [
                    judgement
                    for candidate in listed
                    if candidate.ref not in state.changed
                    and (judgement := _judgement(candidate, standing, certified, candidates.model))
                ]
                if query in left_alone or not judgements:
                    continue
                for judgement in judgements:
                    counts[judgement.decision] = counts.get(judgement.decision, 0) + 1
                done = len(judgements) == len(listed) or any(j.decision is Decision.MATCH for j in judgements)
                closed += done
                answers.append((query, judgements, done))
            store.record_all(MACHINE, answers, batch=batch)
    finally:
        candidates.close()
    return AutoReport(batch, counts, closed)


def _judgement(
    candidate: Candidate, standing: MatcherSummary, certified: set[Band], model: str | None
) -> Judgement | None:
    band = band_of(candidate.probability, standing.high, standing.low)
    if band not in certified or candidate.probability is None:
        return None
    shown = Shown(candidate.rank, candidate.similarity, candidate.probability, model)
    return Judgement(candidate.ref, ANSWERS[band], shown=shown)


def _said(found: Audit, target: float) -> str:
    precision, more = found.precision, more_needed(found.precision, target)
    known = (
        f"{precision.right} of {counted(precision.labels, 'audited pair was', 'audited pairs were')} right,"
        " which proves a precision of "
        f"{precision.low:.3f}, not {target:g}"
        if precision.labels
        else "nothing audited"
    )
    return f"Band {found.band.value}: {known}; {counted(more, 'more check')}, all of them right, would certify it."
