"""What somebody has decided since a moment of the ledger, as at the end of a sitting."""

from dataclasses import dataclass

from labels.database import known_values, readable_errors
from labels.model import ProductRef, Verb
from labels.reading import LabelReader

_ACTS = """
FROM actions JOIN events ON events.seq = actions.seq
WHERE actions.annotator = ? AND actions.seq > ? AND undone_at IS NULL
    AND actions.verb IN ('accept', 'reject', 'none', 'unsure')
"""


@dataclass(frozen=True, slots=True)
class Latest:
    """The last of several decisions.

    Attributes:
        count: how many acts that decide stand, this one among them.
        at: when it was made, ISO 8601 in UTC.
    """

    count: int
    verb: Verb
    query: ProductRef
    at: str


def decided_since(reader: LabelReader, annotator: str, after: int) -> Latest | None:
    """What this annotator has decided after event number `after` and not taken back; None where it is nothing.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        (count,) = reader.connection.execute(f"SELECT count(*) {_ACTS}", [annotator, after]).fetchone()
        row = reader.connection.execute(
            "SELECT actions.verb, actions.query_source, actions.query_id, at"
            f" {_ACTS} ORDER BY actions.seq DESC LIMIT 1",
            [annotator, after],
        ).fetchone()
    with known_values(reader.path):
        return row and Latest(count, Verb(row[0]), ProductRef(row[1], row[2]), row[3])
