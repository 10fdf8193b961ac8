"""Decisions of programs on pairs: events of the ledger, by the rules that hold for the desk."""

import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from core.errors import CoreError
from core.permissions import require_stream
from core.retrieval.candidates import Candidate, CandidateStore
from core.serving.problems import ProblemError
from core.settings import Settings
from core.workspace import Workspace
from labels.errors import LabelsError
from labels.leases import Leases
from labels.model import (
    ActionDetails,
    CurrentDecision,
    Decision,
    Judgement,
    Pair,
    ProductRef,
    ShownScores,
    Stream,
    Verb,
)
from labels.store import LabelStore

#: Prefix of the annotators that are programs.
PREFIX = "api:"
_VERBS = {Decision.MATCH: Verb.ACCEPT, Decision.NO_MATCH: Verb.REJECT, Decision.UNSURE: Verb.UNSURE}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision that is on disk.

    Attributes:
        action: its id in the ledger.
        annotator: whose it is.
        pair: that was decided on.
        decision: the decision.
        repeated: whether an earlier request with the same idempotency key has recorded it.
    """

    action: str
    annotator: str
    pair: Pair
    decision: Decision
    repeated: bool


def annotator_of(caller: str) -> str:
    """The annotator of the decisions of a program."""
    return f"{PREFIX}{caller}"


class FeedbackLedger:
    """Writes decisions of programs. Every method opens the ledger for itself, so that a restore does no harm.

    Args:
        workspace: with a ledger.
        settings: reads the present settings.
    """

    def __init__(self, workspace: Workspace, settings: Callable[[], Settings]) -> None:
        self._workspace = workspace
        self._settings = settings

    def record(self, caller: str, pair: Pair, decision: Decision, key: str | None = None) -> Recorded:
        """Record a decision. Returns once it is on disk.

        A match answers the query, as does an abstention; a non-match does once all candidates are decided on, as in the
        desk. Other candidates are not rejected by a match: they were not shown. Validation queries stay validation.

        Args:
            caller: name of the program.
            pair: of products of the workspace.
            decision: the decision.
            key: an idempotency key: a second request with the same one records nothing.

        Raises:
            ProblemError: somebody has the query on the screen, the program may not decide, or the key was used for
                another decision.
            SameskuError: a file of the workspace cannot be used.
        """
        annotator, settings = annotator_of(caller), self._settings()
        action = uuid.uuid4().hex if key is None else sha256(f"{annotator}\0{key}".encode()).hexdigest()[:32]
        try:
            require_stream(settings, annotator, Stream.TRIAGE)
        except CoreError as error:
            raise ProblemError.of(HTTPStatus.FORBIDDEN, error) from error
        with LabelStore(self._workspace.labels) as store:
            if key is not None and (earlier := _recorded(store, action)) is not None:
                if earlier != (pair, decision):
                    raise ProblemError(
                        HTTPStatus.UNPROCESSABLE_ENTITY,
                        "The idempotency key was used for another decision.",
                        "Send another key.",
                    )
                return Recorded(action, annotator, pair, decision, repeated=True)
            with closing(Leases(self._workspace.labels, lease_s=settings.desk.lease_minutes * 60)) as leases:
                self._write(store, leases, annotator, pair, decision, action)
        return Recorded(action, annotator, pair, decision, repeated=False)

    def _write(
        self, store: LabelStore, leases: Leases, annotator: str, pair: Pair, decision: Decision, action: str
    ) -> None:
        try:
            leases.require(pair.query, annotator)
        except LabelsError as error:
            if leases.holder(pair.query) is None:
                raise
            raise ProblemError.of(HTTPStatus.CONFLICT, error) from error
        try:
            shown, others = self._shown(pair)
            closes = decision is not Decision.NO_MATCH or _is_last(others, store.decisions(pair.query), annotator)
            store.record(
                annotator,
                _VERBS[decision],
                pair.query,
                [Judgement(pair.candidate, decision, shown=shown)],
                ActionDetails(closes=closes),
                action=action,
            )
        finally:
            with suppress(LabelsError):
                leases.release(pair.query, annotator)

    def undo(self, caller: str) -> tuple[str, ProductRef]:
        """Undo the latest standing decision of a program. Returns the id of the action, and its query.

        Raises:
            ProblemError: there is none.
            SameskuError: the ledger cannot be used.
        """
        with LabelStore(self._workspace.labels) as store:
            undone = store.undo(annotator_of(caller))
        if undone is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"There is no decision of {annotator_of(caller)} to undo.")
        return undone.id, undone.query

    def _shown(self, pair: Pair) -> tuple[ShownScores, list[ProductRef]]:
        """What the machine says of the pair now, and the other candidates of the query."""
        with closing(CandidateStore(self._workspace.derived)) as store:
            listed, summary, model = store.for_query(pair.query), store.matcher_summary, store.model
        others = [each.ref for each in listed if each.ref != pair.candidate]
        place = next((i for i, each in enumerate(listed) if each.ref == pair.candidate), None)
        if place is None:
            return ShownScores(), others
        found: Candidate = listed[place]
        calibrated = summary is not None and summary.calibrated
        return ShownScores(place + 1, found.similarity, found.probability if calibrated else None, model), others


def _is_last(others: list[ProductRef], decisions: list[CurrentDecision], annotator: str) -> bool:
    """Whether an annotator has decided on all other candidates."""
    decided = {each.pair.candidate for each in decisions if each.annotator == annotator}
    return decided.issuperset(others)


def _recorded(store: LabelStore, action: str) -> tuple[Pair, Decision] | None:
    """The pair and the decision of an action; None if there is no such action."""
    rows = store.rows(
        "SELECT query_source, query_id, candidate_source, candidate_id, decision FROM events WHERE action = ?", [action]
    )
    if not rows:
        return None
    row = rows[0]
    return Pair(ProductRef(row[0], row[1]), ProductRef(row[2], row[3])), Decision(row[4])
