"""Each annotator's first answer to each query: the decisions made before they could see those of others.

Agreement and audits use first answers. A later answer may be influenced by another person's decision, or by a
probability of a matcher that was trained on the annotator's own labels.
"""

from datetime import datetime
from typing import NamedTuple

from labels.annotations import Annotation
from labels.database import decode_errors
from labels.model import LOOK_COMMENT, MACHINE, Decision, Pair, ProductRef, Stream, Strength, Verb
from labels.reader import LabelReader
from labels.store import LabelStore

_EVENTS = """
SELECT seq, action, at, annotator, verb, query_source, query_id, candidate_source, candidate_id, decision, strength,
    stream, closes, look_ms, probability, text
FROM events WHERE annotator <> ? ORDER BY seq
"""
#: Undone actions, with the number of the event that undid each.
_UNDONE = "SELECT id, undone_at FROM actions WHERE undone_at IS NOT NULL"
_STANDING = "SELECT DISTINCT annotator, query_source, query_id FROM current WHERE annotator <> ?"


def first_answers(reader: LabelReader) -> list[Annotation]:
    """The decisions on each pair in every person's first answer to its query, oldest first; without the machine.

    The first answer ends when the annotator, having answered the query, acts on another query or undoes anything; and
    in any case when they adjudicate the query or look at the decisions of others on it. Within it the first explicit
    decision on a pair counts, or the first implied one where there is no explicit one. Not counted are actions that
    were undone before the query was answered, revoked imports, and queries on which the annotator has no standing
    decision.

    Raises:
        LabelsError: the file cannot be read.
    """
    events = [_Event(*row) for row in reader.rows(_EVENTS, [MACHINE])]
    undone = dict(reader.rows(_UNDONE))
    standing = set(reader.rows(_STANDING, [MACHINE]))
    with decode_errors(reader.path):
        answers = _first_answers(events, undone)
        found = [each for key, answer in answers.items() if key in standing for each in answer.decisions.values()]
        return [_annotation(event) for event in sorted(found, key=lambda event: event.seq)]


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
    """The first answer of one annotator to one query, while the events are read.

    Attributes:
        decisions: the decisive event by candidate.
        closed: whether the query has been answered.
        ended: whether the first answer is complete; later events do not count.
    """

    def __init__(self) -> None:
        self.decisions: dict[tuple[str | None, str | None], _Event] = {}
        self.closed = self.ended = False

    def add(self, event: _Event) -> None:
        candidate = event.candidate_source, event.candidate_id
        earlier = self.decisions.get(candidate)
        if earlier is None or (event.explicit and not earlier.explicit):
            self.decisions[candidate] = event


def _first_answers(events: list[_Event], undone: dict[str, int]) -> dict[tuple[str, str, str], _Answer]:
    """The first answers of all annotators, by annotator and query.

    Args:
        events: of people, in order.
        undone: by id of an undone action, the number of the event that undid it.
    """
    counted = [event for event in events if event.verb != Verb.IMPORT or event.action not in undone]
    closed_at: dict[tuple[str, str, str], int] = {}
    for event in counted:
        if event.closes:
            closed_at.setdefault(event.key, event.seq)
    answers: dict[tuple[str, str, str], _Answer] = {}
    last: dict[str, _Answer] = {}
    for event in counted:
        answer = answers.setdefault(event.key, _Answer())
        previous = last.get(event.annotator, answer)
        last[event.annotator] = answer
        if previous is not answer and previous.closed:
            previous.ended = True
        answer.ended |= event.stream == Stream.ADJUDICATION or event.text == LOOK_COMMENT
        if event.verb == Verb.UNDO:
            answer.ended |= answer.closed
        undone_at = undone.get(event.action)
        undone_before_closing = undone_at is not None and undone_at < closed_at.get(event.key, undone_at + 1)
        if not answer.ended and not undone_before_closing:
            answer.closed |= bool(event.closes)
            if event.decision is not None:
                answer.add(event)
    return answers


def _annotation(event: _Event) -> Annotation:
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
    """The decisions of people in the audit stream, by query: the matcher's P(match) then, decision and strength.

    Raises:
        LabelsError: the file cannot be read.
    """
    found: dict[ProductRef, list[tuple[float | None, Decision, Strength]]] = {}
    for each in _audit_annotations(store):
        strength = Strength.EXPLICIT if each.explicit else Strength.IMPLIED
        found.setdefault(each.pair.query, []).append((each.probability, _decision(each), strength))
    return found


def audited_queries(store: LabelReader) -> set[ProductRef]:
    """The queries that people have answered in the audit stream.

    Raises:
        LabelsError: the file cannot be read.
    """
    rows = store.rows(
        "SELECT DISTINCT a.query_source, a.query_id FROM actions AS a JOIN events AS e ON e.seq = a.seq"
        " WHERE a.closes AND a.undone_at IS NULL AND a.annotator <> ? AND e.stream = 'audit'",
        [MACHINE],
    )
    return {ProductRef(*row) for row in rows}


def _audit_annotations(store: LabelStore) -> list[Annotation]:
    return [each for each in first_answers(store) if each.stream is Stream.AUDIT]


def _decision(annotation: Annotation) -> Decision:
    if annotation.match is None:
        return Decision.UNSURE
    return Decision.MATCH if annotation.match else Decision.NO_MATCH
