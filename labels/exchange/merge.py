"""Another ledger's records brought into this one: once each, all or none, and no validation ever into training."""

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

_LIST = ", ".join(chain.EVENT_FIELDS)
#: Which use a decision is for is this ledger's own matter: the same action may stand here for training, there not.
_CONTENT = ", ".join(name for name in chain.EVENT_FIELDS if name != "side")
_KNOWN = "(SELECT action FROM incoming.events INTERSECT SELECT action FROM main.events)"
_TRAINS_HERE = """
SELECT query_source, query_id FROM main.events WHERE decision IS NOT NULL AND side = 'train'
"""
#: A draw that stands here already: a query is drawn for validation once; an audit is known by its draw.
_SAME_DRAW = {
    "validation": "(query_source, query_id) IN (SELECT query_source, query_id FROM main.validation)",
    "audits": "(query_source, query_id, seed, drawn_at) IN"
    " (SELECT query_source, query_id, seed, drawn_at FROM main.audits)",
}
#: Before draws were chained they had no numbers: those of validation come first, as in a ledger that is migrated.
_ASSUMED_DRAWS = """
INSERT INTO incoming.draws (number, purpose, version)
SELECT row_number() OVER (ORDER BY purpose DESC, version), purpose, version FROM (
    SELECT 'validation' AS purpose, version FROM incoming.validation
    UNION SELECT 'audit', version FROM incoming.audits
)
"""


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What came in.

    Attributes:
        events: how many are new here.
        known: how many were here already.
        validation: validation queries that are new here.
        audits: audit draws that are new here.
        judging: training decisions that came in for validation, since their query is a validation query here.
        left: validation queries of the other ledger that train here already. They stay as they are; the other's
            decisions on them are for validation, and never train.
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
    """Bring in what this ledger does not have: draws under versions of their own, events at the end of the chain.

    The latest of their audits is the latest here then, and the desk's; estimates are by draw, and stay apart.
    Events keep everything but their number and hash, and come in the order of their file, with the draws between them
    where they were made. An action is known by its id: what is here already is not written again.

    Args:
        store: the ledger.
        name: of the file, for messages.
        incoming: places (`line 7`) and records, the `ledger` record first.

    Raises:
        LabelsError: a record does not fit, or an action is known here with other content. Nothing has changed then.
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
            judging = connection.execute(
                "UPDATE incoming.events SET side = 'validation' WHERE side = 'train' AND decision IS NOT NULL"
                " AND (query_source, query_id) IN (SELECT query_source, query_id FROM main.validation"
                " UNION SELECT query_source, query_id FROM incoming.validation)"
            ).rowcount
            written = _append(connection)
            if written["event"]:
                projection.rebuild(connection)
    return MergeReport(written["event"], known, written["validation"], written["audit"], judging, left)


def merge_ledger(store: LabelStore, other: Path) -> MergeReport:
    """Bring in another ledger's file, which is read from a copy and not touched.

    Raises:
        LabelsError: as `merge_records`; there is no such file, or it is no ledger, or its tables are not a ledger's.
    """
    with _copy_of(other) as copy, LabelStore(copy) as theirs, closing(records(theirs)) as found:
        return merge_records(store, str(other), ((f"event {r.get('seq', 0)}", r) for r in found))


@contextmanager
def _copy_of(other: Path) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            copy = stack.enter_context(private_copy(other))
        except LabelsError as error:
            # Its way out may be a restore, which is for the people of the other workspace.
            raise LabelsError(error.message, "Nothing was merged; look at it in its own workspace.") from error
        _restore_schema(copy, other)
        yield copy


def _restore_schema(copy: Path, other: Path) -> None:
    """Leave nothing in a copy that changes what is read from it; its records are compared with their hashes then."""
    with readable_errors(other):
        changed, usable = schema.repair_copy(copy)
    if not usable:
        raise LabelsError(
            f"{other} was changed by another program: {changed[0]}. Nothing was merged.",
            "Merge a backup of it: `samesku labels verify FILE` says whether one is sound.",
        )


@contextmanager
def _staging(connection: Connection) -> Iterator[None]:
    """A database for what comes in, in a temporary file: it may be larger than the memory."""
    connection.execute("ATTACH '' AS incoming")
    try:
        # Nobody needs it after a crash: the ledger's own journal is enough for both.
        connection.execute("PRAGMA incoming.journal_mode = MEMORY")
        for table in SOURCES.values():
            connection.execute(f"CREATE TABLE incoming.{table} AS SELECT * FROM main.{table} LIMIT 0")  # noqa: S608
        for table in draws.TABLES.values():
            connection.execute(f"CREATE INDEX incoming.{table}_by_version ON {table} (version)")
        connection.execute("ALTER TABLE incoming.events ADD COLUMN place TEXT")
        yield
    finally:
        # A statement that a full disk stopped half way may still hold it; it goes with the connection then.
        with suppress(sqlite3.OperationalError):
            connection.execute("DETACH incoming")


def _stage(connection: Connection, name: str, incoming: Iterable[tuple[str, Record]]) -> None:
    fitting: LedgerValidation | None = None
    place = ""
    inserts: dict[str, str] = {}
    connection.execute("BEGIN")
    try:
        for place, record in incoming:
            if fitting is None:
                fitting = LedgerValidation(record)
                continue
            kind = fitting.kind(record)
            if kind not in inserts:
                inserts[kind] = _insert(kind, record)
            record["place"] = place
            connection.execute(inserts[kind], record)
        place = "its end"
        (fitting or LedgerValidation({})).end()
        if fitting and fitting.format == FORMAT_WITHOUT_DRAWS:
            connection.execute(_ASSUMED_DRAWS)
    except LabelsError as error:
        connection.rollback()
        if error.hint:
            raise
        raise LabelsError(f"{name}, {place}: {error.message}", "Nothing was imported.") from error
    except BaseException:
        connection.rollback()  # on a full disk SQLite has done so itself, and the statement would fail
        raise
    connection.execute("COMMIT")


def _insert(kind: str, record: Record) -> str:
    # The names were compared with the columns just now.
    names = [*chain.COLUMNS, "drawn", "place"] if kind == "event" else sorted(record.keys() - {"kind"})
    return (
        f"INSERT INTO incoming.{SOURCES[kind]} ({', '.join(names)})"  # noqa: S608
        f" VALUES ({', '.join(f':{column}' for column in names)})"
    )


def _refuse_other_content(connection: Connection, name: str) -> None:
    row = connection.execute(
        f"WITH known AS {_KNOWN},"  # noqa: S608 - constants only
        f" theirs AS (SELECT {_CONTENT} FROM incoming.events WHERE action IN known),"
        f" ours AS (SELECT {_CONTENT} FROM main.events WHERE action IN known),"
        " differing AS (SELECT action FROM (SELECT * FROM theirs EXCEPT SELECT * FROM ours)"
        " UNION SELECT action FROM (SELECT * FROM ours EXCEPT SELECT * FROM theirs))"
        " SELECT action, place FROM incoming.events WHERE action IN differing ORDER BY seq LIMIT 1"
    ).fetchone()
    if row:
        raise LabelsError(
            f"{name}, {row[1]}: the action {row[0]} is known here with other content.",
            "One of the two was changed, or has other names; nothing was imported.",
        )


def _drop_draws_in_training(connection: Connection) -> int:
    return connection.execute(
        f"DELETE FROM incoming.validation WHERE (query_source, query_id) IN ({_TRAINS_HERE})"  # noqa: S608 - constants
    ).rowcount


def _renumber_draws(connection: Connection, purpose: str, table: str) -> None:
    """Leave what is new here of the draws. A version that stands is frozen: theirs come after the last of ours."""
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
    """Write draws and events in the order in which they were made. Returns how many queries and events, by kind."""
    written: Counter[str] = Counter()
    made = connection.execute("SELECT number, purpose, version FROM incoming.draws ORDER BY number").fetchall()
    waiting = deque(made)
    events = connection.execute(f"SELECT drawn, {_LIST} FROM incoming.events ORDER BY seq")  # noqa: S608 - constants
    for last, group in groupby(events, key=itemgetter(0)):
        while waiting and waiting[0][0] <= last:
            _, purpose, version = waiting.popleft()
            _draw(connection, purpose, version, written)
        written["event"] += len(chain.append(connection, (row[1:] for row in group)))
    for _, purpose, version in waiting:
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
    store: LabelStore, path: Path, disguise: Anonymizer | None = None, told: Callable[[int], None] | None = None
) -> int:
    """Write every event, undone ones too, and every draw, telling how far it is. Returns how many events.

    Raises:
        LabelsError: the file cannot be written, or the ledger cannot be read.
    """
    count = 0
    with output_text(path) as out, closing(records(store, disguise, told)) as found:
        for record in found:
            out.write(json_text(record) + "\n")
            count += record["kind"] == "event"
    return count


def import_ledger(store: LabelStore, path: Path) -> MergeReport:
    """Bring in what `export_ledger` wrote.

    Raises:
        LabelsError: no such file, or a line does not fit; nothing has changed then.
    """
    return merge_records(store, str(path), read_json_lines(path))
