"""Merging the records of another ledger into this one: in one transaction, without duplicates.

No decision on a validation query of either ledger ends up on the training side.
"""

import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from labels import chain, draws, projection, schema
from labels.database import Connection, readable_errors, transaction
from labels.errors import LabelsError
from labels.exchange.files import output_text
from labels.exchange.json_values import json_text, read_json_lines
from labels.exchange.records import FORMAT_WITHOUT_DRAWS, SOURCES, Anonymizer, Record, records
from labels.exchange.validation import LedgerValidation
from labels.snapshot import private_copy
from labels.store import LabelStore
from labels.transactions import atomic

_EVENT_FIELDS = ", ".join(chain.EVENT_FIELDS)
#: `side` is not compared: each ledger decides itself which use a decision is for.
_CONTENT = ", ".join(name for name in chain.EVENT_FIELDS if name != "side")
_SHARED_ACTIONS = "(SELECT action FROM incoming.events INTERSECT SELECT action FROM main.events)"
_TRAINING_QUERIES = """
SELECT query_source, query_id FROM main.events WHERE decision IS NOT NULL AND side = 'train'
"""
#: Condition for drawn queries that are in this ledger already: a query is drawn for validation only once; the same
#: query of an audit has the same seed and time.
_SAME_DRAW = {
    "validation": "(query_source, query_id) IN (SELECT query_source, query_id FROM main.validation)",
    "audits": "(query_source, query_id, seed, drawn_at) IN"
    " (SELECT query_source, query_id, seed, drawn_at FROM main.audits)",
}
#: In format 1 draws have no numbers: those of validation come first, as in a ledger that is migrated.
_NUMBER_DRAWS = """
INSERT INTO incoming.draws (number, purpose, version)
SELECT row_number() OVER (ORDER BY purpose DESC, version), purpose, version FROM (
    SELECT 'validation' AS purpose, version FROM incoming.validation
    UNION SELECT 'audit', version FROM incoming.audits
)
"""


@dataclass(frozen=True, slots=True)
class MergeReport:
    """The result of a merge.

    Attributes:
        events: number of new events.
        known: number of events that were here already.
        validation: number of new validation queries.
        audits: number of new queries in audit draws.
        judging: number of training decisions moved to the validation side, since their query is a validation query.
        left: number of validation queries of the other ledger that are not drawn here, since they have training
            decisions. The other ledger's decisions on them stay on the validation side.
    """

    events: int
    known: int
    validation: int
    audits: int
    judging: int
    left: int

    def as_dict(self) -> dict[str, object]:
        """The counts by name, for JSON."""
        return asdict(self)


def merge_records(store: LabelStore, name: str, incoming: Iterable[tuple[str, Record]]) -> MergeReport:
    """Merge records: new draws get new versions, new events are appended to the chain.

    Events keep everything but their number and hash. They are appended in the order of the file, with the draws between
    them. Actions are identified by their id: one that is here already is not written again. The latest audit of the
    other ledger becomes the latest here; estimates are made per draw and do not mix.

    Args:
        store: the ledger.
        name: name of the file, for messages.
        incoming: positions (`line 7`) and records, the `ledger` record first.

    Raises:
        LabelsError: a record is invalid, or an action is here with other content. Nothing has changed then.
    """
    connection = store.connection
    with readable_errors(store.path), _staging(connection):
        _stage(connection, name, incoming)
        with transaction(connection):
            _refuse_other_content(connection, name)
            left = _drop_draws_in_training(connection)
            for purpose, table in draws.TABLES.items():
                _renumber_draws(connection, purpose, table)
            known = connection.execute(
                "DELETE FROM incoming.events WHERE action IN (SELECT action FROM main.events)"
            ).rowcount
            moved = connection.execute(
                "UPDATE incoming.events SET side = 'validation' WHERE side = 'train' AND decision IS NOT NULL"
                " AND (query_source, query_id) IN (SELECT query_source, query_id FROM main.validation"
                " UNION SELECT query_source, query_id FROM incoming.validation)"
            ).rowcount
            written = _append(connection)
            if written["event"]:
                projection.rebuild(connection)
    return MergeReport(written["event"], known, written["validation"], written["audit"], moved, left)


def merge_ledger(store: LabelStore, other: Path) -> MergeReport:
    """Merge the file of another ledger, which is read from a copy and not changed.

    Raises:
        LabelsError: as `merge_records`; or there is no such file, it is not a ledger, or its tables were changed.
    """
    with _copy_of(other) as copy, LabelStore(copy) as theirs, closing(records(theirs)) as found:
        return merge_records(store, str(other), ((f"event {r.get('seq', 0)}", r) for r in found))


@contextmanager
def _copy_of(other: Path) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            copy = stack.enter_context(private_copy(other))
        except LabelsError as error:
            # The original hint may be a restore, which is for the users of the other workspace to decide.
            raise LabelsError(error.message, "Nothing was merged; look at it in its own workspace.") from error
        _repair_schema(copy, other)
        yield copy


def _repair_schema(copy: Path, other: Path) -> None:
    """Drop views and triggers of other programs from a copy. Its records are checked against their hashes later."""
    with readable_errors(other):
        changed, usable = schema.repair_copy(copy)
    if not usable:
        raise LabelsError(
            f"{other} was changed by another program: {changed[0]}. Nothing was merged.",
            "Merge a backup of it: `samesku labels verify FILE` says whether one is sound.",
        )


@contextmanager
def _staging(connection: Connection) -> Iterator[None]:
    """Attach a temporary database `incoming` for the records, which may be larger than the memory."""
    connection.execute("ATTACH '' AS incoming")
    try:
        # It is not needed after a crash, so that the ledger's own journal is enough.
        connection.execute("PRAGMA incoming.journal_mode = MEMORY")
        for table in SOURCES.values():
            connection.execute(f"CREATE TABLE incoming.{table} AS SELECT * FROM main.{table} LIMIT 0")  # noqa: S608
        for table in draws.TABLES.values():
            connection.execute(f"CREATE INDEX incoming.{table}_by_version ON {table} (version)")
        connection.execute("ALTER TABLE incoming.events ADD COLUMN place TEXT")
        yield
    finally:
        # A statement that failed on a full disk may still hold it; closing the connection detaches it then.
        with suppress(sqlite3.OperationalError):
            connection.execute("DETACH incoming")


def _stage(connection: Connection, name: str, incoming: Iterable[tuple[str, Record]]) -> None:
    """Validate the records and insert them into the temporary database."""
    validation: LedgerValidation | None = None
    place = ""
    inserts: dict[str, str] = {}
    try:
        with atomic(connection, "DEFERRED"):  # which takes no lock on the ledger itself
            for place, record in incoming:
                if validation is None:
                    validation = LedgerValidation(record)
                    continue
                kind = validation.kind(record)
                if kind not in inserts:
                    inserts[kind] = _insert(kind, record)
                record["place"] = place
                connection.execute(inserts[kind], record)
            place = "its end"
            (validation or LedgerValidation({})).end()
            if validation and validation.format == FORMAT_WITHOUT_DRAWS:
                connection.execute(_NUMBER_DRAWS)
    except LabelsError as error:
        if error.hint:
            raise
        raise LabelsError(f"{name}, {place}: {error.message}", "Nothing was imported.") from error


def _insert(kind: str, record: Record) -> str:
    # Safe to interpolate: the validation has compared the names with the columns.
    names = [*chain.COLUMNS, "drawn", "place"] if kind == "event" else sorted(record.keys() - {"kind"})
    return (
        f"INSERT INTO incoming.{SOURCES[kind]} ({', '.join(names)})"  # noqa: S608
        f" VALUES ({', '.join(f':{column}' for column in names)})"
    )


def _refuse_other_content(connection: Connection, name: str) -> None:
    row = connection.execute(
        f"WITH shared AS {_SHARED_ACTIONS},"  # noqa: S608 - constants only
        f" theirs AS (SELECT {_CONTENT} FROM incoming.events WHERE action IN shared),"
        f" ours AS (SELECT {_CONTENT} FROM main.events WHERE action IN shared),"
        " differing AS (SELECT action FROM (SELECT * FROM theirs EXCEPT SELECT * FROM ours)"
        " UNION SELECT action FROM (SELECT * FROM ours EXCEPT SELECT * FROM theirs))"
        " SELECT action, place FROM incoming.events WHERE action IN differing ORDER BY seq LIMIT 1"
    ).fetchone()
    if row:
        raise LabelsError(
            f"{name}, {row[1]}: the action {row[0]} is here already with other content.",
            "One of the two was changed, or has other names; nothing was imported.",
        )


def _drop_draws_in_training(connection: Connection) -> int:
    return connection.execute(
        f"DELETE FROM incoming.validation WHERE (query_source, query_id) IN ({_TRAINING_QUERIES})"  # noqa: S608 - constants
    ).rowcount


def _renumber_draws(connection: Connection, purpose: str, table: str) -> None:
    """Keep only the new draws, and give them versions after the last one here, whose versions are frozen."""
    connection.execute(f"DELETE FROM incoming.{table} WHERE {_SAME_DRAW[table]}")  # noqa: S608 - constants only
    ours, theirs = (
        connection.execute(f"SELECT {figure}(version) FROM {place}.{table}").fetchone()[0]  # noqa: S608 - constants
        for figure, place in (("max", "main"), ("min", "incoming"))
    )
    if ours is not None and theirs is not None and theirs <= ours:
        shift = ours + 1 - theirs
        connection.execute(f"UPDATE incoming.{table} SET version = version + ?", [shift])  # noqa: S608 - a constant
        connection.execute("UPDATE incoming.draws SET version = version + ? WHERE purpose = ?", [shift, purpose])


def _append(connection: Connection) -> Counter[str]:
    """Append draws and events in their original order. Returns the number of drawn queries and events, by kind."""
    written: Counter[str] = Counter()
    pending = deque(
        connection.execute("SELECT number, purpose, version FROM incoming.draws ORDER BY number").fetchall()
    )
    events = connection.execute(f"SELECT drawn, {_EVENT_FIELDS} FROM incoming.events ORDER BY seq")  # noqa: S608 - constants
    for last, group in groupby(events, key=itemgetter(0)):
        while pending and pending[0][0] <= last:
            _, purpose, version = pending.popleft()
            _draw(connection, purpose, version, written)
        written["event"] += len(chain.append(connection, (row[1:] for row in group)))
    for _, purpose, version in pending:
        _draw(connection, purpose, version, written)
    return written


def _draw(connection: Connection, purpose: str, version: int, written: Counter[str]) -> None:
    table = draws.TABLES[purpose]
    rows = connection.execute(
        f"SELECT {', '.join(draws.QUERY_COLUMNS)} FROM incoming.{table} WHERE version = ?",  # noqa: S608 - constants only
        [version],
    )
    written[purpose] += draws.record(connection, purpose, version, rows)


def export_ledger(
    store: LabelStore,
    path: Path,
    anonymizer: Anonymizer | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Write all events, undone ones included, and all draws as JSON lines. Returns the number of events.

    Args:
        store: the ledger.
        path: the file.
        anonymizer: replaces names and removes comments; None exports everything.
        on_progress: called with the number of events so far.

    Raises:
        LabelsError: the file cannot be written, or the ledger cannot be read.
    """
    count = 0
    with output_text(path) as out, closing(records(store, anonymizer, on_progress)) as found:
        for record in found:
            out.write(json_text(record) + "\n")
            count += record["kind"] == "event"
    return count


def import_ledger(store: LabelStore, path: Path) -> MergeReport:
    """Merge a file that `export_ledger` wrote.

    Raises:
        LabelsError: there is no such file, or a line is invalid; nothing has changed then.
    """
    return merge_records(store, str(path), read_json_lines(path))
