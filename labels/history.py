"""The history of actions, undone ones included: of one query, of one annotator, and since a given event."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from labels.database import decode_errors
from labels.model import Decision, Judgement, ProductRef, ShownScores, Stream, Strength, Verb
from labels.reader import NOT_A_LOOK, UNDOABLE, LabelReader

_ACTS = """
SELECT a.seq, e.at, e.annotator, e.verb, e.stream, e.query_source, e.query_id, e.text, e.blind, e.look_ms, a.undone_at,
    e.candidate_source, e.candidate_id, e.decision, e.strength, e.rank, e.similarity, e.probability, e.model
FROM ({actions}) AS a JOIN events AS e ON e.action = a.id ORDER BY a.seq {order}, e.seq
"""
_ON_QUERY = "SELECT id, seq, undone_at FROM actions WHERE (query_source, query_id) = (?, ?)"
_OF_ANNOTATOR = f"""
SELECT id, seq, undone_at FROM actions WHERE annotator = ? AND seq < ? AND {UNDOABLE} ORDER BY seq DESC LIMIT ?
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class PastAction:
    """One action.

    Attributes:
        seq: number of its first event; later actions have higher numbers.
        at: when, ISO 8601 in UTC.
        judgements: its decisions on candidates, with the scores shown then.
        text: the text of a comment, or the name of an imported batch.
        blind: whether score, band and verdict were hidden.
        look_ms: how long the annotator looked, in milliseconds; None for imports.
        undone_at: number of the event that undid it; None where it stands.
    """

    seq: int
    at: str
    annotator: str
    verb: Verb
    stream: Stream
    query: ProductRef
    judgements: tuple[Judgement, ...] = ()
    text: str = ""
    blind: bool = False
    look_ms: int | None = None
    undone_at: int | None = None


class ActionStatus(StrEnum):
    """Whether an action stands, was undone and can be redone, or was undone before later actions and cannot be."""

    STANDS = "stands"
    REDOABLE = "redoable"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class TrailStep:
    """An action in the list that undo and redo walk through."""

    action: PastAction
    status: ActionStatus


def history(reader: LabelReader, query: ProductRef) -> list[PastAction]:
    """All actions on a query, oldest first. Undo and redo show as `undone_at` of the action that they changed.

    Raises:
        LabelsError: the file cannot be read.
    """
    return _actions(reader, _ACTS.format(actions=_ON_QUERY, order=""), query)


def trail(reader: LabelReader, annotator: str, *, before: int, limit: int) -> list[TrailStep]:
    """An annotator's actions, latest first: at most `limit` of those before event number `before`.

    The first one that stands is undone next; the last one before it that is `REDOABLE` is redone next.

    Raises:
        LabelsError: the file cannot be read.
    """
    latest = reader.value(
        f"SELECT coalesce(max(seq), 0) FROM actions WHERE annotator = ? AND {NOT_A_LOOK}",  # noqa: S608 - constants only
        [annotator],
    )
    actions = _actions(reader, _ACTS.format(actions=_OF_ANNOTATOR, order="DESC"), (annotator, before, limit))
    return [TrailStep(action, _status(action, latest)) for action in actions]


def _status(action: PastAction, latest: int) -> ActionStatus:
    if action.undone_at is None:
        return ActionStatus.STANDS
    return ActionStatus.REDOABLE if action.undone_at > latest else ActionStatus.FINAL


def _actions(reader: LabelReader, sql: str, values: tuple[str | int, ...]) -> list[PastAction]:
    rows = reader.rows(sql, values)
    with decode_errors(reader.path):
        return [_past_action(list(group)) for _, group in groupby(rows, key=lambda row: row[0])]


def _past_action(rows: list[tuple[Any, ...]]) -> PastAction:
    """The action whose events these rows are."""
    seq, at, annotator, verb, stream, source, id_, text, blind, look_ms, undone_at, *_ = rows[0]
    judgements = tuple(
        Judgement(ProductRef(*row[11:13]), Decision(row[13]), Strength(row[14]), ShownScores(*row[15:19]))
        for row in rows
        if row[13] is not None
    )
    return PastAction(
        seq, at, annotator, Verb(verb), Stream(stream), ProductRef(source, id_), judgements, text, bool(blind), look_ms,
        undone_at,
    )  # fmt: skip


_DECIDED_SINCE = """
FROM actions JOIN events ON events.seq = actions.seq
WHERE actions.annotator = ? AND actions.seq > ? AND undone_at IS NULL
    AND actions.verb IN ('accept', 'reject', 'none', 'unsure')
"""


@dataclass(frozen=True, slots=True)
class LatestDecision:
    """The latest of several deciding actions.

    Attributes:
        count: the number of standing actions that decide, this one included.
        at: when it was made, ISO 8601 in UTC.
    """

    count: int
    verb: Verb
    query: ProductRef
    at: str


def decided_since(reader: LabelReader, annotator: str, after: int) -> LatestDecision | None:
    """The annotator's standing decisions after event number `after`: their count and the latest; None without any.

    Raises:
        LabelsError: the file cannot be read.
    """
    count = reader.value(f"SELECT count(*) {_DECIDED_SINCE}", [annotator, after])
    rows = reader.rows(
        "SELECT actions.verb, actions.query_source, actions.query_id, at"
        f" {_DECIDED_SINCE} ORDER BY actions.seq DESC LIMIT 1",
        [annotator, after],
    )
    with decode_errors(reader.path):
        return next((LatestDecision(count, Verb(row[0]), ProductRef(row[1], row[2]), row[3]) for row in rows), None)
