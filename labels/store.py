"""The writing half of the label ledger: every decision is an event that is never changed; undo is a new event."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from labels import chain, draws, projection
from labels.database import decode_errors, readable_errors, transaction
from labels.errors import LabelsError
from labels.files import remove_stale_drafts
from labels.model import (
    LOOK_COMMENT,
    NO_DETAILS,
    Action,
    ActionDetails,
    Judgement,
    ProductRef,
    Side,
    Stratum,
    Stream,
    Verb,
)
from labels.reader import NOT_A_LOOK, UNDOABLE, LabelReader


def utc_now() -> str:
    """The current time as ISO 8601 text in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class LabelStore(LabelReader):
    """labels.db, opened for reading and writing.

    Every method that writes returns only when the events are on disk. Every method raises LabelsError where the file
    cannot be read or written.
    """

    def __init__(self, path: Path, *, now: Callable[[], str] = utc_now) -> None:
        # A restore that was killed leaves a copy of the ledger beside it.
        remove_stale_drafts(path.parent)
        super().__init__(path)
        self._now = now

    def record(
        self,
        annotator: str,
        verb: Verb,
        query: ProductRef,
        judgements: Sequence[Judgement] = (),
        details: ActionDetails = NO_DETAILS,
        *,
        action: str | None = None,
    ) -> str:
        """Write one action with all its decisions, or nothing.

        Args:
            annotator: who acts.
            verb: the kind of action; undo and redo have methods of their own.
            query: the product under review.
            judgements: the decisions on its candidates; none for a skip, a flag or a comment on the query.
            details: how the decision came about.
            action: the action's id, by default a new one. A call with an id that was recorded already writes nothing.

        Returns:
            the action's id.
        """
        action = action or uuid.uuid4().hex
        with readable_errors(self.path), transaction(self.connection):
            self._append(Action(action, annotator, verb, query, details.closes, details.text), judgements, details)
        return action

    def record_all(
        self,
        annotator: str,
        answers: Iterable[tuple[ProductRef, Sequence[Judgement], bool]],
        *,
        side: Side | None = None,
        batch: str = "",
    ) -> int:
        """Write the answers of a file or a program to many queries in one transaction.

        Args:
            annotator: whose answers.
            answers: query, judgements, and whether the action closes the query.
            side: which use they are for; by default training, and validation for the drawn validation queries.
            batch: a name to revoke them by.

        Returns:
            the number of decisions written.
        """
        written = 0
        with readable_errors(self.path), transaction(self.connection):
            for query, judgements, closes in answers:
                action = Action(uuid.uuid4().hex, annotator, Verb.IMPORT, query, closes, batch)
                self._append(action, judgements, ActionDetails(side=side))
                written += len(judgements)
        return written

    def revoke(self, batch: str, annotator: str) -> int:
        """Undo every standing action of a batch in one transaction.

        Args:
            batch: the name that it was written under.
            annotator: whose batch it is.

        Returns:
            the number of actions undone; 0 if there is no such batch, or all of it was undone before.
        """
        with readable_errors(self.path), transaction(self.connection):
            standing = self.connection.execute(
                "SELECT id, query_source, query_id FROM actions"
                " WHERE text = ? AND annotator = ? AND verb = 'import' AND undone_at IS NULL",
                [batch, annotator],
            ).fetchall()
            for target, source, id_ in standing:
                self._append(_toggle(annotator, Verb.UNDO, ProductRef(source, id_)), target=target)
        return len(standing)

    def _append(
        self,
        action: Action,
        judgements: Sequence[Judgement] = (),
        details: ActionDetails = NO_DETAILS,
        target: str | None = None,
    ) -> None:
        """Append the events of an action and update the projections, inside the caller's transaction.

        Args:
            action: what to record; nothing is written where its id is in the ledger already.
            judgements: an event each; without any, the action is one event without a candidate.
            details: stream, side, blind and look; `closes` and `text` are those of the action.
            target: for undo and redo, the id of the action that is undone or redone.
        """
        if self.connection.execute("SELECT 1 FROM events WHERE action = ?", [action.id]).fetchone():
            return
        event: dict[str, object] = {
            "action": action.id, "at": self._now(), "annotator": action.annotator, "verb": action.verb,
            "query_source": action.query.source, "query_id": action.query.id,
            "stream": details.stream, "side": details.side or self._default_side(action.query, details.stream),
            "blind": int(details.blind), "closes": int(action.closes), "look_ms": details.look_ms,
            "target": target, "text": action.text,
        }  # fmt: skip
        events = [event | _candidate_columns(judgement) for judgement in judgements] or [event]
        numbers = chain.append(self.connection, [[each.get(name) for name in chain.EVENT_FIELDS] for each in events])
        projection.apply(self.connection, numbers[0], numbers[-1])

    def _default_side(self, query: ProductRef, stream: Stream) -> Side:
        validation = stream is Stream.VALIDATION or self.is_validation(query)
        return Side.VALIDATION if validation else Side.TRAIN

    def record_look(self, annotator: str, query: ProductRef, stream: Stream) -> str:
        """Record that an annotator looked at other people's decisions; theirs on the query is then no first answer.

        Returns:
            the action's id.
        """
        return self.record(annotator, Verb.COMMENT, query, details=ActionDetails(stream=stream, text=LOOK_COMMENT))

    def undo(self, annotator: str) -> Action | None:
        """Undo the annotator's latest standing action, and return it; None where there is none. There is no limit."""
        return self._toggle_latest(annotator, Verb.UNDO, self._last_standing)

    def redo(self, annotator: str) -> Action | None:
        """Redo the action that the annotator undid last, and return it; None after a new action."""
        return self._toggle_latest(annotator, Verb.REDO, self._last_undone)

    def _toggle_latest(self, annotator: str, verb: Verb, find: Callable[[str], Action | None]) -> Action | None:
        with readable_errors(self.path), transaction(self.connection):
            action = find(annotator)
            if action is not None:
                self._append(_toggle(annotator, verb, action.query), target=action.id)
        return action

    def _last_standing(self, annotator: str) -> Action | None:
        return self._action(f"annotator = ? AND undone_at IS NULL AND {UNDOABLE} ORDER BY seq DESC", [annotator])

    def _last_undone(self, annotator: str) -> Action | None:
        return self._action(
            f"annotator = ? AND undone_at > (SELECT max(seq) FROM actions WHERE annotator = ? AND {NOT_A_LOOK})"  # noqa: S608 - constants only
            f" AND {UNDOABLE} ORDER BY undone_at DESC",
            [annotator, annotator],
        )

    def _action(self, where: str, values: list[str]) -> Action | None:
        row = self.connection.execute(
            f"SELECT id, annotator, verb, query_source, query_id, closes, text FROM actions WHERE {where} LIMIT 1",  # noqa: S608 - constants only
            values,
        ).fetchone()
        with decode_errors(self.path):
            return row and Action(row[0], row[1], Verb(row[2]), ProductRef(row[3], row[4]), bool(row[5]), row[6])

    def draw_validation(
        self, queries: Iterable[ProductRef], seed: int, strata: Mapping[ProductRef, Stratum] | None = None
    ) -> int:
        """Put queries on the validation side, permanently. Queries that have any event already are left out.

        The draw is frozen under the next version of the set: `validation@2` is what draws 1 and 2 contain.

        Args:
            queries: the sampled queries.
            seed: of the draw.
            strata: the stratum of each query, with its weight; one stratum if not given.

        Returns:
            the number of queries that are new in the set.
        """
        with readable_errors(self.path), transaction(self.connection):
            excluded = {
                ProductRef(*r) for r in self.connection.execute("SELECT query_source, query_id FROM queries")
            } | self.validation_queries()
            version, at = self.validation_version() + 1, self._now()
            fresh = [query for query in dict.fromkeys(queries) if query not in excluded]
            rows = [(*query, seed, at, *(strata or {}).get(query, Stratum())) for query in fresh]
            return draws.record(self.connection, "validation", version, rows)

    def draw_audit(self, drawn: Mapping[ProductRef, Stratum], seed: int) -> int:
        """Add a random sample of queries, each with its weight, in which people check the decisions of the machine.

        Returns:
            the version of the draw; estimates are made per draw.
        """
        with readable_errors(self.path), transaction(self.connection):
            version, at = self.audit_version() + 1, self._now()
            rows = [(*query, seed, at, *stratum) for query, stratum in drawn.items()]
            draws.record(self.connection, "audit", version, rows)
        return version


def _toggle(annotator: str, verb: Verb, query: ProductRef) -> Action:
    """A new undo or redo."""
    return Action(uuid.uuid4().hex, annotator, verb, query, closes=False)


def _candidate_columns(judgement: Judgement) -> dict[str, object]:
    """The columns of an event that describe the decision on one candidate."""
    if not judgement.candidate.id:
        raise LabelsError("A decision needs a candidate with an id.")
    shown = judgement.shown
    return {
        "candidate_source": judgement.candidate.source, "candidate_id": judgement.candidate.id,
        "decision": judgement.decision, "strength": judgement.strength,
        "rank": shown.rank, "similarity": shown.similarity,
        "probability": shown.probability, "model": shown.model,
    }  # fmt: skip
