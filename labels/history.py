"""What people did, act by act: with one query, or one person with any; what was taken back too."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from labels.database import decode_errors, readable_errors
from labels.model import Decision, Judgement, ProductRef, ShownScores, Stream, Strength, Verb
from labels.reader import NOT_A_LOOK, UNDOABLE, LabelReader

_ACTS = """
SELECT a.seq, e.at, e.annotator, e.verb, e.stream, e.query_source, e.query_id, e.text, e.blind, e.look_ms, a.undone_at,
    e.candidate_source, e.candidate_id, e.decision, e.strength, e.rank, e.similarity, e.probability, e.model
FROM ({actions}) AS a JOIN events AS e ON e.action = a.id ORDER BY a.seq {order}, e.seq
"""
_ON_QUERY = "SELECT id, seq, undone_at FROM actions WHERE (query_source, query_id) = (?, ?)"
#: What came from a file is no act that undo reaches.
_OF_PERSON = f"""
SELECT id, seq, undone_at FROM actions WHERE annotator = ? AND seq < ? AND {UNDOABLE} ORDER BY seq DESC LIMIT ?
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class PastAction:
    """One act.

    Attributes:
        seq: its number; later acts have higher ones.
        at: when, ISO 8601 in UTC.
        judgements: of which candidate what, and what the machine said of it then.
        text: a comment's words, or the name of an imported batch.
        blind: whether the machine's opinion was hidden.
        look_ms: how long the person looked, in milliseconds; None for what came from a file.
        undone_at: number of the event that took it back; None where it stands.
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
    """What became of an act: it stands, can be brought back, or was taken back before other acts and is past redo."""

    STANDS = "stands"
    REDOABLE = "back"
    FINAL = "gone"


@dataclass(frozen=True, slots=True)
class TrailStep:
    """An act on somebody's trail."""

    past: PastAction
    status: ActionStatus


def history(reader: LabelReader, query: ProductRef) -> list[PastAction]:
    """Who did what about a query, oldest first. Undo and redo show in what they undid.

    Raises:
        LabelsError: the file cannot be read.
    """
    return _acts(reader, _ACTS.format(actions=_ON_QUERY, order=""), query)


def trail(reader: LabelReader, annotator: str, *, before: int, most: int) -> list[TrailStep]:
    """What somebody did, latest first: so many acts of those before number `before`.

    The first that stands is what undo takes back next; the last before it that is `BACK` is what redo brings back.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        (latest,) = reader.connection.execute(
            f"SELECT coalesce(max(seq), 0) FROM actions WHERE annotator = ? AND {NOT_A_LOOK}",  # noqa: S608 - constants only
            [annotator],
        ).fetchone()
    acts = _acts(reader, _ACTS.format(actions=_OF_PERSON, order="DESC"), (annotator, before, most))
    return [TrailStep(past, _standing(past, latest)) for past in acts]


def _standing(past: PastAction, latest: int) -> ActionStatus:
    if past.undone_at is None:
        return ActionStatus.STANDS
    return ActionStatus.REDOABLE if past.undone_at > latest else ActionStatus.FINAL


def _acts(reader: LabelReader, sql: str, values: tuple[str | int, ...]) -> list[PastAction]:
    with readable_errors(reader.path):
        rows = reader.connection.execute(sql, values).fetchall()
    with decode_errors(reader.path):
        return [_past(list(several)) for _, several in groupby(rows, key=lambda row: row[0])]


def _past(rows: list[tuple]) -> PastAction:  # type: ignore[type-arg]  # columns of a table
    seq, at, annotator, verb, stream, source, id_, text, blind, look_ms, undone_at, *_ = rows[0]
    said = tuple(
        Judgement(ProductRef(*row[11:13]), Decision(row[13]), Strength(row[14]), ShownScores(*row[15:19]))
        for row in rows
        if row[13] is not None
    )
    return PastAction(
        seq, at, annotator, Verb(verb), Stream(stream), ProductRef(source, id_), said, text, bool(blind), look_ms,
        undone_at,
    )  # fmt: skip


_SINCE_ACTS = """
FROM actions JOIN events ON events.seq = actions.seq
WHERE actions.annotator = ? AND actions.seq > ? AND undone_at IS NULL
    AND actions.verb IN ('accept', 'reject', 'none', 'unsure')
"""


@dataclass(frozen=True, slots=True)
class LatestDecision:
    """The last of several decisions.

    Attributes:
        count: how many acts that decide stand, this one among them.
        at: when it was made, ISO 8601 in UTC.
    """

    count: int
    verb: Verb
    query: ProductRef
    at: str


def decided_since(reader: LabelReader, annotator: str, after: int) -> LatestDecision | None:
    """What this annotator has decided after event number `after` and not taken back; None where it is nothing.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        (count,) = reader.connection.execute(f"SELECT count(*) {_SINCE_ACTS}", [annotator, after]).fetchone()
        row = reader.connection.execute(
            "SELECT actions.verb, actions.query_source, actions.query_id, at"
            f" {_SINCE_ACTS} ORDER BY actions.seq DESC LIMIT 1",
            [annotator, after],
        ).fetchone()
    with decode_errors(reader.path):
        return row and LatestDecision(count, Verb(row[0]), ProductRef(row[1], row[2]), row[3])
