"""The ledger as a sequence of records: the content of every lossless export, in any file format.

Each record is an object with a `kind`:

- `ledger`, the first: `format`, and the number of records of each other kind, so that a truncated file is detected.
- `validation` and `audit`: a drawn query, with the columns of its table. They come before the events, so that a reader
  knows the validation queries before the first decision.
- `draw`: a row of the table `draws` with its hash, after the queries of all draws. Not in format 1.
- `event`: an event with its number and hash; together they are the whole chain. `drawn`, the number of the last draw
  before it, is not in format 1.

Names are escaped where they have control characters (`labels.exchange.fields`). Hashes are those of unescaped names.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from labels import chain, draws
from labels.database import Connection, readable_errors
from labels.errors import LabelsError
from labels.exchange.fields import escape
from labels.model import Verb
from labels.reader import LabelReader
from labels.transactions import read_snapshot

#: The current format; incremented when an older program cannot read what a newer one writes.
FORMAT = 2
#: The format from before draws had hashes.
FORMAT_WITHOUT_DRAWS = 1

#: Events between two reports of progress; writing them takes some milliseconds.
_PROGRESS_INTERVAL = 1_000

Record = dict[str, object]

#: The table of the records of each kind.
SOURCES = {**draws.TABLES, "draw": "draws", "event": "events"}

#: The columns with names, which are escaped; ids and comments may contain any text.
NAMES = {"action", "annotator", "query_source", "candidate_source", "model", "target"}


@dataclass(frozen=True, slots=True)
class Anonymizer:
    """What an export replaces or leaves out.

    Attributes:
        name: maps the name of an annotator to the exported one.
        comments: whether to keep the text of comments.
    """

    name: Callable[[str], str] = str
    comments: bool = True


def records(
    ledger: LabelReader, anonymizer: Anonymizer | None = None, on_progress: Callable[[int], None] | None = None
) -> Generator[Record, None, None]:
    """All records of the ledger, read in one transaction.

    Args:
        ledger: the open ledger.
        anonymizer: what to replace or leave out; the events then get new hashes.
        on_progress: called now and then with the number of events so far.

    Raises:
        LabelsError: the ledger cannot be read; or it is anonymized and its hash chain is broken, which the new hashes
            would hide.
    """
    with readable_errors(ledger.path):
        for record in _records(ledger.connection, anonymizer):
            yield _escape_names(record)
            if on_progress and record["kind"] == "event" and int(str(record["seq"])) % _PROGRESS_INTERVAL == 0:
                on_progress(int(str(record["seq"])))


def _escape_names(record: Record) -> Record:
    for name in NAMES & record.keys():
        if isinstance(value := record[name], str):
            record[name] = escape(value)
    return record


def _records(connection: Connection, anonymizer: Anonymizer | None) -> Generator[Record, None, None]:
    with read_snapshot(connection):
        counts = {
            kind: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - a constant
            for kind, table in SOURCES.items()
        }
        yield {"kind": "ledger", "format": FORMAT, **counts}
        for kind, table in draws.TABLES.items():
            yield from _rows(connection, kind, f"SELECT * FROM {table} ORDER BY version, query_source, query_id")  # noqa: S608
        yield from _rows(connection, "draw", "SELECT * FROM draws ORDER BY number")
        yield from _anonymized_events(connection, anonymizer) if anonymizer else _events(connection)


def _rows(connection: Connection, kind: str, select: str) -> Generator[Record, None, None]:
    cursor = connection.execute(select)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield {"kind": kind, **dict(zip(names, row, strict=True))}


def _events(connection: Connection) -> Generator[Record, None, None]:
    return _rows(connection, "event", f"SELECT {', '.join(chain.STORED_COLUMNS)} FROM events ORDER BY seq")  # noqa: S608


def _anonymized_events(connection: Connection, anonymizer: Anonymizer) -> Generator[Record, None, None]:
    """The events with replaced names and a new hash chain; the stored chain is verified on the way."""
    verified = exported = chain.GENESIS
    hashes: dict[object, str] = {0: chain.GENESIS, **dict(connection.execute("SELECT number, hash FROM draws"))}
    for event in _events(connection):
        drawn = event["drawn"]
        draw = (drawn if isinstance(drawn, int) else -1, hashes.get(drawn, ""))
        verified = chain.event_hash(verified, [event[name] for name in chain.COLUMNS], draw)
        if event["hash"] != verified:
            raise LabelsError(
                f"The hash chain is broken at event {event['seq']}.", "`samesku labels verify` says more."
            )
        event["annotator"] = anonymizer.name(str(event["annotator"]))
        if event["verb"] == Verb.COMMENT and not anonymizer.comments:
            event["text"] = ""
        exported = chain.event_hash(exported, [event[name] for name in chain.COLUMNS], draw)
        yield event | {"hash": exported}
