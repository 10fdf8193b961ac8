"""The ledger as a row of records: what is in every lossless export, whatever its file format.

Each record is an object with a `kind`:

- `ledger`, the first: `format`, and how many records of each other kind follow, so that a file that was cut off shows.
- `validation` and `audit`: a query that was drawn, with the table's own columns. Draws come before events: a reader
  knows what must never train before the first decision.
- `draw`: a draw as recorded in the table `draws`, with its hash; after the queries that it is of. Not in format 1.
- `event`: an event with its number and its hash. Together they are the whole chain, from its beginning. `drawn`, the
  number of the last draw before it, is not in format 1.

Names, of annotators too, are escaped where they have characters that act on a terminal, as `labels.exchange.fields`
does. Hashes are those of the names themselves.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from labels import chain, draws
from labels.database import Connection, readable_errors
from labels.errors import LabelsError
from labels.exchange.fields import escape
from labels.model import Verb
from labels.reader import LabelReader

#: Counts up when an older program could not read what a newer one writes.
FORMAT = 2
#: What came before draws were chained.
FORMAT_WITHOUT_DRAWS = 1

#: So many events take some milliseconds to write.
_TOLD_EVERY = 1_000

Record = dict[str, object]

#: The table that the records of each kind come from.
SOURCES = {**draws.TABLES, "draw": "draws", "event": "events"}

#: The columns that hold names; ids and what people write are texts, which may hold anything.
NAMES = {"action", "annotator", "query_source", "candidate_source", "model", "target"}


@dataclass(frozen=True, slots=True)
class Anonymizer:
    """What an export does not tell.

    Attributes:
        name: what to call an annotator.
        comments: whether to keep what people wrote.
    """

    name: Callable[[str], str] = str
    comments: bool = True


def records(
    ledger: LabelReader, disguise: Anonymizer | None = None, told: Callable[[int], None] | None = None
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


def _records(connection: Connection, disguise: Anonymizer | None) -> Generator[Record, None, None]:
    # One transaction: a desk that writes meanwhile does not move the ground.
    connection.execute("BEGIN")
    try:
        counts = {
            kind: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - a constant
            for kind, table in SOURCES.items()
        }
        yield {"kind": "ledger", "format": FORMAT, **counts}
        for kind, table in draws.TABLES.items():
            yield from _rows(connection, kind, f"SELECT * FROM {table} ORDER BY version, query_source, query_id")  # noqa: S608
        yield from _rows(connection, "draw", "SELECT * FROM draws ORDER BY number")
        yield from _disguised(connection, disguise) if disguise else _events(connection)
    finally:
        connection.rollback()


def _rows(connection: Connection, kind: str, select: str) -> Generator[Record, None, None]:
    cursor = connection.execute(select)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield {"kind": kind, **dict(zip(names, row, strict=True))}


def _events(connection: Connection) -> Generator[Record, None, None]:
    return _rows(connection, "event", f"SELECT {', '.join(chain.STORED_COLUMNS)} FROM events ORDER BY seq")  # noqa: S608


def _disguised(connection: Connection, disguise: Anonymizer) -> Generator[Record, None, None]:
    known = shown = chain.GENESIS
    hashes: dict[object, str] = {0: chain.GENESIS, **dict(connection.execute("SELECT number, hash FROM draws"))}
    for event in _events(connection):
        drawn = event["drawn"]
        draw = (drawn if isinstance(drawn, int) else -1, hashes.get(drawn, ""))
        known = chain.event_hash(known, [event[name] for name in chain.COLUMNS], draw)
        if event["hash"] != known:
            raise LabelsError(
                f"The chain of hashes is broken at event {event['seq']}.", "`samesku labels verify` tells more."
            )
        event["annotator"] = disguise.name(str(event["annotator"]))
        if event["verb"] == Verb.COMMENT and not disguise.comments:
            event["text"] = ""
        shown = chain.event_hash(shown, [event[name] for name in chain.COLUMNS], draw)
        yield event | {"hash": shown}
