"""The ledger: every decision is an event that is never changed; undo and edits are new events."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from labels import chain, draws, projection
from labels.database import decode_errors, readable_errors, transaction
from labels.errors import LabelsError
from labels.files import remove_stale_drafts
from labels.model import LOOK_COMMENT, Action, Judgement, ProductRef, Side, Stratum, Stream, Verb
from labels.reader import NOT_A_LOOK, UNDOABLE, LabelReader


def utc_now() -> str:
    """This moment as ISO 8601 text in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class LabelStore(LabelReader):
    """labels.db, opened for reading and writing.

    Every method that writes returns only when the event is on disk. A method raises LabelsError where the
    file cannot be read or written.
    """

    def __init__(self, path: Path, *, now: Callable[[], str] = utc_now) -> None:
        # A restore that was killed leaves a private copy of the ledger beside it.
        remove_stale_drafts(path.parent)
        super().__init__(path)
        self._now = now

    def record(
        self,
        annotator: str,
        verb: Verb,
        query: ProductRef,
        judgements: Sequence[Judgement] = (),
        *,
        stream: Stream = Stream.TRIAGE,
        side: Side | None = None,
        blind: bool = False,
        closes: bool = False,
        look_ms: int | None = None,
        text: str = "",
        action: str | None = None,
    ) -> str:
        """Write one action: its decisions, all or none of them.

        Args:
            annotator: who acts.
            verb: what the act was; undo and redo have methods of their own.
            query: the product under review.
            judgements: the decisions on its candidates; none for a skip, a flag or a comment on the query.
            stream: why the query was shown.
            side: which use the decisions are for; by default validation for the drawn validation queries
                and for the validation stream, else training.
            blind: whether score, band and verdict were hidden.
            closes: whether the query left the screen as answered.
            look_ms: how long the annotator looked, in milliseconds.
            text: a comment's words.
            action: the action's id. The same id twice is one action: the second call writes nothing.

        Returns:
            the action's id.
        """
        action = action or uuid.uuid4().hex
        with readable_errors(self.path), transaction(self.connection):
            self._record(
                action, annotator, verb, query, judgements,
                stream=stream, side=side, blind=blind, closes=closes, look_ms=look_ms, text=text,
            )  # fmt: skip
        return action

    def record_all(
        self,
        annotator: str,
        answers: Iterable[tuple[ProductRef, Sequence[Judgement], bool]],
        *,
        side: Side | None = None,
        batch: str = "",
    ) -> int:
        """Write the answers of a file or a program to many queries, all or none.

        Args:
            annotator: whose answers.
            answers: query, judgements, and whether they answer the query.
            side: which use they are for; by default training, and validation for the drawn validation queries.
            batch: a name to revoke them by.

        Returns:
            how many decisions were written.
        """
        written = 0
        with readable_errors(self.path), transaction(self.connection):
            for query, judgements, closes in answers:
                self._record(
                    uuid.uuid4().hex, annotator, Verb.IMPORT, query, judgements, side=side, closes=closes, text=batch
                )
                written += len(judgements)
        return written

    def revoke(self, batch: str, annotator: str) -> int:
        """Take a batch back as one act: each of its actions is undone, all or none.

        Args:
            batch: the name that it was written under.
            annotator: whose batch it is.

        Returns:
            how many actions were undone; 0 if there is no such batch, or nothing of it stands.
        """
        with readable_errors(self.path), transaction(self.connection):
            standing = self.connection.execute(
                "SELECT id, query_source, query_id FROM actions"
                " WHERE text = ? AND annotator = ? AND verb = 'import' AND undone_at IS NULL",
                [batch, annotator],
            ).fetchall()
            for target, source, id_ in standing:
                self._record(uuid.uuid4().hex, annotator, Verb.UNDO, ProductRef(source, id_), (), target=target)
        return len(standing)

    def _record(
        self,
        action: str,
        annotator: str,
        verb: Verb,
        query: ProductRef,
        judgements: Sequence[Judgement],
        *,
        stream: Stream = Stream.TRIAGE,
        side: Side | None = None,
        blind: bool = False,
        closes: bool = False,
        look_ms: int | None = None,
        text: str = "",
        target: str | None = None,
    ) -> None:
        if self.connection.execute("SELECT 1 FROM events WHERE action = ?", [action]).fetchone():
            return
        if side is None:
            side = Side.VALIDATION if stream is Stream.VALIDATION or self.is_validation(query) else Side.TRAIN
        event: dict[str, object] = {
            "action": action, "at": self._now(), "annotator": annotator, "verb": verb,
            "query_source": query.source, "query_id": query.id,
            "candidate_source": None, "candidate_id": None, "decision": None, "strength": None,
            "stream": stream, "side": side, "blind": int(blind), "closes": int(closes), "look_ms": look_ms,
            "rank": None, "similarity": None, "probability": None, "model": None,
            "target": target, "text": text,
        }  # fmt: skip
        events = [event | _judged(judgement) for judgement in judgements] or [event]
        numbers = chain.append(self.connection, [[each[name] for name in chain.EVENT_FIELDS] for each in events])
        projection.apply(self.connection, numbers[0], numbers[-1])

    def record_look(self, annotator: str, query: ProductRef, stream: Stream) -> str:
        """Record that somebody looked at what others say of a query; what they say of it now is no first answer.

        Returns:
            the action's id.
        """
        return self.record(annotator, Verb.COMMENT, query, stream=stream, text=LOOK_COMMENT)

    def undo(self, annotator: str) -> Action | None:
        """Take back the annotator's latest action that stands; None where there is none. Without limit."""
        return self._turn(annotator, Verb.UNDO, self._last_standing)

    def redo(self, annotator: str) -> Action | None:
        """Bring back what the annotator undid last; None after a new action, as everywhere."""
        return self._turn(annotator, Verb.REDO, self._last_undone)

    def _turn(self, annotator: str, verb: Verb, choose: Callable[[str], Action | None]) -> Action | None:
        with readable_errors(self.path), transaction(self.connection):
            action = choose(annotator)
            if action is not None:
                self._record(uuid.uuid4().hex, annotator, verb, action.query, (), target=action.id)
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
        """Put queries on the validation side, for ever. What has any event already is left where it is.

        What is drawn is frozen under the next version of the set: `validation@2` is what was drawn first and second.

        Args:
            queries: what came up.
            seed: of the draw.
            strata: where each query comes from, and how many queries it stands for; one stratum if not given.

        Returns:
            how many were drawn that were not before.
        """
        with readable_errors(self.path), transaction(self.connection):
            known = {
                ProductRef(*r) for r in self.connection.execute("SELECT query_source, query_id FROM queries")
            } | self.validation_queries()
            version, at = self.validation_version() + 1, self._now()
            fresh = [query for query in dict.fromkeys(queries) if query not in known]
            rows = [(*query, seed, at, *(strata or {}).get(query, Stratum())) for query in fresh]
            return draws.record(self.connection, "validation", version, rows)

    def draw_audit(self, drawn: Mapping[ProductRef, Stratum], seed: int) -> int:
        """Put up a random sample of queries for people to check the machine by, with the weight of each.

        Returns:
            the number of the draw; estimates are made draw by draw.
        """
        with readable_errors(self.path), transaction(self.connection):
            version, at = self.audit_version() + 1, self._now()
            rows = [(*query, seed, at, *stratum) for query, stratum in drawn.items()]
            draws.record(self.connection, "audit", version, rows)
        return version


def _judged(judgement: Judgement) -> dict[str, object]:
    if not judgement.candidate.id:
        raise LabelsError("A decision needs a candidate with an id.")
    shown = judgement.shown
    return {
        "candidate_source": judgement.candidate.source, "candidate_id": judgement.candidate.id,
        "decision": judgement.decision, "strength": judgement.strength,
        "rank": shown.rank, "similarity": shown.similarity,
        "probability": shown.probability, "model": shown.model,
    }  # fmt: skip
