"""How many acts each person did at the desk, and how many of them were taken back."""

from dataclasses import dataclass
from typing import NamedTuple

from labels.database import decode_errors, readable_errors
from labels.model import Stream
from labels.reader import LabelReader

_ACTS = """
SELECT annotator, count(*), sum(undone_at IS NOT NULL) FROM actions WHERE verb <> 'import' GROUP BY annotator
"""


class ActivityCount(NamedTuple):
    """One person's keystrokes that left a trace.

    Attributes:
        done: all of them; what came from a file or from the machine is none.
        undone: how many of them stand no more.
    """

    done: int = 0
    undone: int = 0


def actions_by_annotator(reader: LabelReader) -> dict[str, ActivityCount]:
    """Everybody's acts, by name.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        return {row[0]: ActivityCount(row[1], row[2]) for row in reader.connection.execute(_ACTS)}


#: A look that is longer counts as a pause beyond this, in milliseconds.
_PAUSE_MS = 120_000
#: So many acts are lately.
_LATELY = 100
#: Fewer answers say nothing of a pace.
_PACE_FROM = 5

_ANSWERED = """
SELECT stream, count(*) FROM (
    SELECT DISTINCT e.stream, a.query_source, a.query_id FROM actions AS a JOIN events AS e ON e.seq = a.seq
    WHERE a.annotator = ? AND a.closes AND a.undone_at IS NULL
) GROUP BY stream
"""
_LOOKS = """
SELECT coalesce(sum(closes), 0), coalesce(sum(min(look_ms, ?)), 0) FROM (
    SELECT a.closes, e.look_ms FROM actions AS a JOIN events AS e ON e.seq = a.seq
    WHERE a.annotator = ? AND e.stream = ? AND a.undone_at IS NULL AND e.look_ms IS NOT NULL
    ORDER BY a.seq DESC LIMIT ?
)
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """One person's work in one stream.

    Attributes:
        answered: queries that they answered.
        hourly: answers an hour over their latest acts, pauses left out; None while there are too few to tell.
    """

    answered: int = 0
    hourly: float | None = None


def paces(reader: LabelReader, annotator: str) -> dict[Stream, Pace]:
    """Somebody's work in each of the streams.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        rows = reader.connection.execute(_ANSWERED, [annotator]).fetchall()
        looks = {
            stream: reader.connection.execute(_LOOKS, [_PAUSE_MS, annotator, stream.value, _LATELY]).fetchone()
            for stream in Stream
        }
    with decode_errors(reader.path):
        answered = {Stream(name): count for name, count in rows}
    return {stream: Pace(answered.get(stream, 0), _hourly(*looks[stream])) for stream in Stream}


def _hourly(answers: int, looked_ms: int) -> float | None:
    return answers / looked_ms * 3_600_000 if answers >= _PACE_FROM and looked_ms else None
