"""Activity of annotators: actions, undone actions, and labelling speed by stream."""

from dataclasses import dataclass
from typing import NamedTuple

from labels.database import decode_errors
from labels.model import MACHINE, ProductRef, Stream
from labels.reader import LabelReader

_ACTS = """
SELECT annotator, count(*), sum(undone_at IS NOT NULL) FROM actions WHERE verb <> 'import' GROUP BY annotator
"""


class ActivityCount(NamedTuple):
    """The number of an annotator's actions at the desk.

    Attributes:
        done: all actions, imports left out.
        undone: those that were undone.
    """

    done: int = 0
    undone: int = 0


def actions_by_annotator(reader: LabelReader) -> dict[str, ActivityCount]:
    """The actions at the desk of every annotator, by name.

    Raises:
        LabelsError: the file cannot be read.
    """
    return {row[0]: ActivityCount(row[1], row[2]) for row in reader.rows(_ACTS)}


_ON_DAY = """
SELECT a.query_source, a.query_id, count(*) FROM actions AS a JOIN events AS e ON e.seq = a.seq
WHERE a.verb IN ('accept', 'reject', 'none', 'unsure') AND a.annotator <> ? AND a.undone_at IS NULL
AND substr(e.at, 1, 10) = ? GROUP BY 1, 2
"""


def answers_on(reader: LabelReader, day: str) -> dict[ProductRef, int]:
    """The number of people's decisions on a day (ISO 8601, UTC), by query; undone and imported ones do not count.

    Raises:
        LabelsError: the file cannot be read.
    """
    return {ProductRef(source, id_): count for source, id_, count in reader.rows(_ON_DAY, [MACHINE, day])}


#: A look counts for at most this long, in milliseconds; beyond it the annotator has paused.
_MAX_LOOK_MS = 120_000
#: The pace is taken over this many of the latest actions.
_RECENT_ACTIONS = 100
#: With fewer answers no pace is given.
_MIN_ANSWERS = 5

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
    """One annotator's progress in one stream.

    Attributes:
        answered: the number of queries answered.
        hourly: answers per hour over the latest actions, without pauses; None while there are too few.
    """

    answered: int = 0
    hourly: float | None = None


def paces(reader: LabelReader, annotator: str) -> dict[Stream, Pace]:
    """An annotator's progress in each stream.

    Raises:
        LabelsError: the file cannot be read.
    """
    rows = reader.rows(_ANSWERED, [annotator])
    looks = {
        stream: reader.rows(_LOOKS, [_MAX_LOOK_MS, annotator, stream.value, _RECENT_ACTIONS])[0] for stream in Stream
    }
    with decode_errors(reader.path):
        answered = {Stream(name): count for name, count in rows}
    return {stream: Pace(answered.get(stream, 0), _hourly(*looks[stream])) for stream in Stream}


def _hourly(answers: int, looked_ms: int) -> float | None:
    return answers / looked_ms * 3_600_000 if answers >= _MIN_ANSWERS and looked_ms else None
