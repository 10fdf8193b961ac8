"""What happened to one query: every act, those that were taken back too."""

from dataclasses import dataclass
from itertools import groupby

from labels.database import known_values, readable_errors
from labels.model import Decision, ProductRef, Stream, Strength, Verb
from labels.reading import LabelReader

_ACTS = """
SELECT e.action, e.at, e.annotator, e.verb, e.stream, e.text, a.undone_at IS NOT NULL,
    e.candidate_source, e.candidate_id, e.decision, e.strength
FROM events AS e JOIN actions AS a ON a.id = e.action
WHERE (e.query_source, e.query_id) = (?, ?) ORDER BY e.seq
"""


@dataclass(frozen=True, slots=True)
class Past:
    """One act.

    Attributes:
        at: when, ISO 8601 in UTC.
        said: of which candidate what.
        text: a comment's words, or the name of an imported batch.
        undone: whether it was taken back.
    """

    at: str
    annotator: str
    verb: Verb
    stream: Stream
    said: tuple[tuple[ProductRef, Decision, Strength], ...]
    text: str
    undone: bool


def history(reader: LabelReader, query: ProductRef) -> list[Past]:
    """Who did what about a query, oldest first. Undo and redo show in what they undid.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        rows = reader.connection.execute(_ACTS, query).fetchall()
    with known_values(reader.path):
        return [_past(list(several)) for _, several in groupby(rows, key=lambda row: row[0])]


def _past(rows: list[tuple[str, ...]]) -> Past:
    _, at, annotator, verb, stream, text, undone, *_ = rows[0]
    said = tuple((ProductRef(r[7], r[8]), Decision(r[9]), Strength(r[10])) for r in rows if r[9] is not None)
    return Past(at, annotator, Verb(verb), Stream(stream), said, text, bool(undone))
