"""Each person's first answer to each query: the one that was given before they could know what others say of it.

Agreement and audits count first answers. A later one may follow from what somebody saw meanwhile: another person's
answer, or a probability that has learnt from their own.
"""

from datetime import datetime
from typing import NamedTuple

from labels.annotations import Annotation
from labels.database import decode_errors, readable_errors
from labels.model import LOOK_COMMENT, MACHINE, Decision, Pair, ProductRef, Stream, Strength, Verb
from labels.reader import LabelReader
from labels.store import LabelStore

_EVENTS = """
SELECT seq, action, at, annotator, verb, query_source, query_id, candidate_source, candidate_id, decision, strength,
    stream, closes, look_ms, probability, text
FROM events WHERE annotator <> ? ORDER BY seq
"""
#: Acts that do not stand, and the number of the event that took each back.
_UNDONE = "SELECT id, undone_at FROM actions WHERE undone_at IS NOT NULL"
_STANDING = "SELECT DISTINCT annotator, query_source, query_id FROM current WHERE annotator <> ?"


def first_answers(reader: LabelReader) -> list[Annotation]:
    """What people said of each pair in their first answer to its query, oldest first; the machine is left out.

    The first answer ends when the person, having answered the query, goes to another one or takes something back, and
    in any case when they rule on the query or look at what others say of it. In it the first explicit decision on a
    pair holds, and the first implied one where there is none. What was taken back before the query was answered, a
    revoked file, and queries of which nothing of the person's stands any more do not count.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        events = [_Event(*row) for row in reader.connection.execute(_EVENTS, [MACHINE])]
        undone = dict(reader.connection.execute(_UNDONE).fetchall())
        standing = set(reader.connection.execute(_STANDING, [MACHINE]).fetchall())
    with decode_errors(reader.path):
        answers = _answers(events, undone)
        found = [each for key, answer in answers.items() if key in standing for each in answer.said.values()]
        return [_said(event) for event in sorted(found, key=lambda event: event.seq)]


class _Event(NamedTuple):
    seq: int
    action: str
    at: str
    annotator: str
    verb: str
    query_source: str
    query_id: str
    candidate_source: str | None
    candidate_id: str | None
    decision: str | None
    strength: str | None
    stream: str
    closes: int
    look_ms: int | None
    probability: float | None
    text: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.annotator, self.query_source, self.query_id

    @property
    def explicit(self) -> bool:
        return self.strength == Strength.EXPLICIT


class _Answer:
    """One person's first answer to one query, while the events are read."""

    def __init__(self) -> None:
        self.said: dict[tuple[str | None, str | None], _Event] = {}
        self.given = self.over = False

    def add(self, event: _Event) -> None:
        pair = event.candidate_source, event.candidate_id
        known = self.said.get(pair)
        if known is None or (event.explicit and not known.explicit):
            self.said[pair] = event


def _answers(events: list[_Event], undone: dict[str, int]) -> dict[tuple[str, str, str], _Answer]:
    """Everybody's first answers, by annotator and query."""
    counted = [event for event in events if event.verb != Verb.IMPORT or event.action not in undone]
    given_at: dict[tuple[str, str, str], int] = {}
    for event in counted:
        if event.closes:
            given_at.setdefault(event.key, event.seq)
    answers: dict[tuple[str, str, str], _Answer] = {}
    last: dict[str, _Answer] = {}
    for event in counted:
        answer = answers.setdefault(event.key, _Answer())
        before = last.get(event.annotator, answer)
        last[event.annotator] = answer
        if before is not answer and before.given:
            before.over = True
        answer.over |= event.stream == Stream.ADJUDICATION or event.text == LOOK_COMMENT
        if event.verb == Verb.UNDO:
            answer.over |= answer.given
        slip = event.action in undone and undone[event.action] < given_at.get(event.key, undone[event.action] + 1)
        if not answer.over and not slip:
            answer.given |= bool(event.closes)
            if event.decision is not None:
                answer.add(event)
    return answers


def _said(event: _Event) -> Annotation:
    query = ProductRef(event.query_source, event.query_id)
    return Annotation(
        pair=Pair(query, ProductRef(str(event.candidate_source), str(event.candidate_id))),
        annotator=event.annotator,
        match=None if Decision(str(event.decision)) is Decision.UNSURE else event.decision == Decision.MATCH,
        explicit=event.explicit,
        stream=Stream(event.stream),
        action=event.action,
        at=datetime.fromisoformat(event.at).timestamp(),
        look_ms=event.look_ms,
        probability=event.probability,
        imported=event.verb == Verb.IMPORT,
    )


def audit_outcomes_by_query(store: LabelStore) -> dict[ProductRef, list[tuple[float | None, Decision, Strength]]]:
    """What people said of each pair in the audit stream, and what the machine said of it then, by query.

    Raises:
        LabelsError: the file cannot be read.
    """
    found: dict[ProductRef, list[tuple[float | None, Decision, Strength]]] = {}
    for said in _in_audits(store):
        strength = Strength.EXPLICIT if said.explicit else Strength.IMPLIED
        found.setdefault(said.pair.query, []).append((said.probability, _decision(said), strength))
    return found


def audited_queries(store: LabelReader) -> set[ProductRef]:
    """The queries that people have answered in the audit stream.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(store.path):
        rows = store.connection.execute(
            "SELECT DISTINCT a.query_source, a.query_id FROM actions AS a JOIN events AS e ON e.seq = a.seq"
            " WHERE a.closes AND a.undone_at IS NULL AND a.annotator <> ? AND e.stream = 'audit'",
            [MACHINE],
        ).fetchall()
    return {ProductRef(*row) for row in rows}


def audit_outcomes(store: LabelStore) -> list[tuple[float | None, Decision]]:
    """What people said outright, pair by pair, in the audit stream: what the machine said then, and the decision.

    Raises:
        LabelsError: the file cannot be read.
    """
    return [
        (said.probability, _decision(said)) for said in _in_audits(store) if said.explicit and said.match is not None
    ]


def _in_audits(store: LabelStore) -> list[Annotation]:
    return [said for said in first_answers(store) if said.stream is Stream.AUDIT]


def _decision(said: Annotation) -> Decision:
    if said.match is None:
        return Decision.UNSURE
    return Decision.MATCH if said.match else Decision.NO_MATCH
