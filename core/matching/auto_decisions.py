"""Automatic decisions in certified bands, recorded for the annotator `machine` and revocable as one batch."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby

from core.errors import CoreError
from core.matching.audit import ANSWERS, Audit, audit
from core.matching.bands import Band, band_of
from core.matching.pair_rows import read_index_state
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from core.retrieval.indexed_products import IndexState
from core.retrieval.manifest import no_candidates
from core.settings import Settings
from core.splits.class_balance import not_fitted_error
from core.stats.wilson import checks_needed
from core.workspace import Workspace
from labels.model import MACHINE, Decision, Judgement, ProductRef, ShownScores
from labels.store import LabelStore
from labels.wording import counted

_Answer = tuple[ProductRef, list[Judgement], bool]


@dataclass(frozen=True, slots=True)
class AutoReport:
    """The decisions that were written.

    Attributes:
        batch: name by which they are revoked.
        decisions: their number, by decision.
        closed: queries that need no review any more.
    """

    batch: str
    decisions: dict[str, int]
    closed: int


def decide(workspace: Workspace, settings: Settings) -> AutoReport:
    """Write the decisions of the certified bands, in one transaction.

    Answered queries, validation queries and products that changed since the last index run are left out.

    Raises:
        CoreError: there are no probabilities yet, or no band is certified; the message says what is missing.
    """
    with closing(CandidateStore(workspace.derived)) as candidates:
        if candidates.model is None:
            raise no_candidates(workspace.index)
        summary = candidates.matcher_summary
        if summary is None or not summary.calibrated:
            raise not_fitted_error(workspace, settings)
        with LabelStore(workspace.labels) as store:
            certified = _certified_bands(store, summary, settings.match.precision)
            state = read_index_state(workspace)
            left_out = store.closed_queries() | store.validation_queries() | state.changed | state.removed
            answers = list(_answers(candidates, summary, certified, left_out, state))
            batch = f"auto-{uuid.uuid4().hex[:8]}"
            store.record_all(MACHINE, answers, batch=batch)
    counts = Counter(judgement.decision.value for _, judgements, _ in answers for judgement in judgements)
    return AutoReport(batch, dict(counts), sum(closes for *_, closes in answers))


def _certified_bands(store: LabelStore, summary: MatcherSummary, target: float) -> set[Band]:
    audits = audit(store, summary, target)
    certified = {band for band, found in audits.items() if found.certified}
    if not certified:
        raise CoreError(
            f"No band is certified. {' '.join(_missing(found, target) for found in audits.values())}",
            "`samesku labels audit --draw 200` draws queries at random; people answer them with"
            " `samesku review --stream audit`",
        )
    return certified


def _missing(found: Audit, target: float) -> str:
    """What an uncertified band lacks, in words."""
    precision, more = found.precision, checks_needed(found.precision, target)
    known = (
        f"{precision.right} of {counted(precision.labels, 'audited pair was', 'audited pairs were')} right,"
        " which proves a precision of "
        f"{precision.low:.3f}, not {target:g}"
        if precision.labels
        else "nothing audited"
    )
    return f"Band {found.band.value}: {known}; {counted(more, 'more check')}, all of them right, would certify it."


def _answers(
    candidates: CandidateStore,
    summary: MatcherSummary,
    certified: set[Band],
    left_out: Collection[ProductRef],
    state: IndexState,
) -> Iterator[_Answer]:
    """Each query with its decisions, and whether they close it: a match is found, or every candidate is decided."""
    for query, rows in groupby(candidates.all(), key=lambda row: row[0]):
        present = [candidate for _, candidate in rows if candidate.ref not in state.removed]
        judgements = [
            judgement
            for candidate in present
            if candidate.ref not in state.changed
            and (judgement := _judgement(candidate, summary, certified, candidates.model))
        ]
        if query not in left_out and judgements:
            closes = len(judgements) == len(present) or any(j.decision is Decision.MATCH for j in judgements)
            yield query, judgements, closes


def _judgement(
    candidate: Candidate, summary: MatcherSummary, certified: set[Band], model: str | None
) -> Judgement | None:
    band = band_of(candidate.probability, summary.high, summary.low)
    if band not in certified or candidate.probability is None:
        return None
    shown = ShownScores(candidate.rank, candidate.similarity, candidate.probability, model)
    return Judgement(candidate.ref, ANSWERS[band], shown=shown)
