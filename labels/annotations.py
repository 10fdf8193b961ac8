"""Standing decisions with their context: time, duration of the look, and the scores at the time."""

from dataclasses import dataclass
from datetime import datetime

from labels.database import decode_errors
from labels.model import MACHINE, Decision, Pair, ProductRef, ShownScores, Stream, Strength
from labels.reader import LabelReader

_HUMAN_DECISIONS = """
SELECT c.query_source, c.query_id, c.candidate_source, c.candidate_id, c.annotator, c.decision, c.strength, c.stream,
    c.action, e.at, e.look_ms, e.probability, e.verb = 'import'
FROM current AS c JOIN events AS e ON e.seq = c.seq WHERE c.annotator <> ? ORDER BY c.seq
"""

_ON_QUERY = """
SELECT c.candidate_source, c.candidate_id, c.annotator, c.decision, c.strength, c.stream, e.at, e.look_ms, e.blind,
    e.rank, e.similarity, e.probability, e.model
FROM current AS c JOIN events AS e ON e.seq = c.seq WHERE (c.query_source, c.query_id) = (?, ?) ORDER BY c.seq
"""


@dataclass(frozen=True, slots=True)
class StandingDecision:
    """One annotator's standing decision on one candidate of a query.

    Attributes:
        at: when, ISO 8601 in UTC.
        look_ms: how long the annotator looked, in milliseconds; None for imports.
        blind: whether score, band and verdict were hidden.
        shown: the scores at the time.
    """

    candidate: ProductRef
    annotator: str
    decision: Decision
    strength: Strength
    stream: Stream
    at: str
    look_ms: int | None
    blind: bool
    shown: ShownScores


def standing_decisions(reader: LabelReader, query: ProductRef) -> list[StandingDecision]:
    """The standing decisions of all annotators on a query's candidates, oldest first.

    Raises:
        LabelsError: the file cannot be read.
    """
    rows = reader.rows(_ON_QUERY, query)
    with decode_errors(reader.path):
        return [
            StandingDecision(
                ProductRef(*row[:2]), row[2], Decision(row[3]), Strength(row[4]), Stream(row[5]), row[6], row[7],
                bool(row[8]), ShownScores(*row[9:]),
            )
            for row in rows
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Annotation:
    """One person's decision on one pair, as agreement and training see it.

    Attributes:
        match: None for an abstention.
        explicit: whether the person decided on the pair itself; else it follows from accepting another candidate.
        action: id of the action; one action may decide on many pairs.
        at: when, in seconds since the epoch.
        look_ms: how long the person looked, in milliseconds; None for imports.
        probability: the matcher's P(match) at the time; None where there was none.
        imported: whether it came from a file.
    """

    pair: Pair
    annotator: str
    match: bool | None
    explicit: bool
    stream: Stream
    action: str
    at: float
    look_ms: int | None
    probability: float | None
    imported: bool


def human_annotations(reader: LabelReader) -> list[Annotation]:
    """The standing decisions of all people, without the machine's, oldest first.

    Raises:
        LabelsError: the file cannot be read.
    """
    rows = reader.rows(_HUMAN_DECISIONS, [MACHINE])
    with decode_errors(reader.path):
        return [
            Annotation(
                pair=Pair(ProductRef(r[0], r[1]), ProductRef(r[2], r[3])),
                annotator=r[4],
                match=None if r[5] == Decision.UNSURE else r[5] == Decision.MATCH,
                explicit=r[6] == Strength.EXPLICIT,
                stream=Stream(r[7]),
                action=r[8],
                at=datetime.fromisoformat(r[9]).timestamp(),
                look_ms=r[10],
                probability=r[11],
                imported=bool(r[12]),
            )
            for r in rows
        ]
