"""The ledger as a row of records: what is in every lossless export, whatever its file format.

Each record is an object with a `kind`:

- `ledger`, the first: `format`, and how many records of each other kind follow, so that a file that was cut off shows.
- `validation` and `audit`: a query that was drawn, with the table's own columns. Draws come before events: whoever
  reads knows what must never train before the first decision.
- `event`: an event with its number and its hash. Together they are the whole chain, from its beginning.

Names, of annotators too, are escaped where they have characters that act on a terminal, as `labels.exchange.cells`
does. Hashes are those of the names themselves.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from labels import chain
from labels.database import Connection, readable_errors
from labels.errors import LabelsError
from labels.exchange.cells import escape
from labels.model import Verb
from labels.reading import LabelReader

#: Counts up when an older program could not read what a newer one writes.
FORMAT = 1

#: So many events take some milliseconds to write.
_TOLD_EVERY = 1_000

Record = dict[str, object]

#: Where the draws of each kind stand.
DRAWS = {"validation": "validation", "audit": "audits"}

#: The columns that hold names; ids and what people write are texts, which may hold anything.
NAMES = {"action", "annotator", "query_source", "candidate_source", "model", "target"}


@dataclass(frozen=True, slots=True)
class Disguise:
    """What an export does not tell.

    Attributes:
        name: what to call an annotator.
        comments: whether to keep what people wrote.
    """

    name: Callable[[str], str] = str
    comments: bool = True


def records(
    ledger: LabelReader, disguise: Disguise | None = None, told: Callable[[int], None] | None = None
) -> Generator[Record, None, None]:
    """Everything in the ledger, as it stands at this moment.

    Args:
        ledger: which.
        disguise: what not to tell; the events are then a chain of their own.
        told: called now and then with how many events were given so far.

    Raises:
        LabelsError: the ledger cannot be read, or its chain is broken, which a chain of its own would hide.
    """
    with readable_errors(ledger.path):
        for record in _records(ledger.connection, disguise):
            yield _written(record)
            if told and record["kind"] == "event" and int(str(record["seq"])) % _TOLD_EVERY == 0:
                told(int(str(record["seq"])))


def _written(record: Record) -> Record:
    for name in NAMES & record.keys():
        if isinstance(value := record[name], str):
            record[name] = escape(value)
    return record


def _records(connection: Connection, disguise: Disguise | None) -> Generator[Record, None, None]:
    # One transaction: a desk that writes meanwhile does not move the ground.
    connection.execute("BEGIN")
    try:
        tables = {**DRAWS, "event": "events"}
        counts = {
            kind: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - a constant
            for kind, table in tables.items()
        }
        yield {"kind": "ledger", "format": FORMAT, **counts}
        for kind, table in DRAWS.items():
            cursor = connection.execute(f"SELECT * FROM {table} ORDER BY version, query_source, query_id")  # noqa: S608
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield {"kind": kind, **dict(zip(names, row, strict=True))}
        yield from _disguised(connection, disguise) if disguise else _events(connection)
    finally:
        connection.execute("ROLLBACK")


def _events(connection: Connection) -> Generator[Record, None, None]:
    names = (*chain.COLUMNS, "hash")
    for row in connection.execute(f"SELECT {', '.join(names)} FROM events ORDER BY seq"):  # noqa: S608 - constants only
        yield {"kind": "event", **dict(zip(names, row, strict=True))}


def _disguised(connection: Connection, disguise: Disguise) -> Generator[Record, None, None]:
    known = shown = chain.GENESIS
    for event in _events(connection):
        known = chain.link(known, [event[name] for name in chain.COLUMNS])
        if event["hash"] != known:
            raise LabelsError(
                f"The chain of hashes is broken at event {event['seq']}.", "`samesku labels verify` tells more."
            )
        event["annotator"] = disguise.name(str(event["annotator"]))
        if event["verb"] == Verb.COMMENT and not disguise.comments:
            event["text"] = ""
        shown = chain.link(shown, [event[name] for name in chain.COLUMNS])
        yield event | {"hash": shown}
