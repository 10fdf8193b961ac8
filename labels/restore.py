"""Restoring a backup: it is verified first, put in place atomically, and the previous ledger is kept."""

import itertools
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from labels import backup_index, database, files
from labels.backup import backup, backups_locked
from labels.backup_index import FOLDER, Backup
from labels.errors import LabelsError
from labels.leases import Leases
from labels.quarantine import companions, damaged_name
from labels.snapshot import open_existing, open_immutable, snapshot
from labels.verify import Verification, verify
from labels.wording import counted

#: How many annotators a message names; the others are counted.
_MAX_NAMES = 3

_EVENTS = "SELECT seq, action, annotator, at, decision IS NOT NULL FROM events ORDER BY seq"

_HAS_EVENTS = "SELECT 1 FROM sqlite_master WHERE name = 'events'"

#: The tables of drawn queries, with the key of their rows.
_DRAW_KEYS = {"validation": "query_source, query_id", "audits": "query_source, query_id, version"}

#: A row of `_EVENTS`.
_EventRow = tuple[int, str, str, str, int]
#: The table and key of a drawn query.
_DrawnQuery = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """What a restore would drop from the ledger.

    Attributes:
        events: number of events; None where that is unknown, since the ledger is damaged.
        drawn: number of queries that were drawn for validation or audit.
        readable: number of events of the ledger that can be read.
        unsaved: how many of these are not in the backup.
        decisions: how many of the unsaved events decide on a pair.
        annotators: the unsaved events by annotator, in descending order.
        since: time of the first unsaved event, ISO 8601; empty without any.
        until: time of the last unsaved event, likewise.
        last: number of the last readable event of the ledger.
    """

    events: int | None
    drawn: int
    readable: int
    unsaved: int
    decisions: int
    annotators: dict[str, int]
    since: str
    until: str
    last: int

    def __bool__(self) -> bool:
        """Whether anything would be dropped, or whether that is unknown."""
        return self.events != 0 or self.drawn > 0

    def as_dict(self) -> dict[str, object]:
        """The fields by name, for JSON, with `events` under the key `dropped`."""
        fields = asdict(self)
        return {"dropped": fields.pop("events"), **fields}

    def sentence(self) -> str:
        """What would be dropped, in one or two sentences."""
        drawn = f" Of the queries drawn for validation or audit {self.drawn:,} would be dropped." if self.drawn else ""
        return self._events_sentence() + drawn

    def _events_sentence(self) -> str:
        if self.events is None:
            return (
                "How many events would be dropped is unknown: the ledger is damaged."
                f" {self.readable:,} of its events can still be read,"
                f" {self.unsaved:,} of them are not in the backup{self._origin()}."
            )
        if not self.events:
            return "No event would be dropped."
        return f"{counted(self.events, 'event')} would be dropped{self._origin()}."

    def _origin(self) -> str:
        """Annotators and period of the unsaved events."""
        if not self.unsaved:
            return ""
        names = list(self.annotators)[:_MAX_NAMES]
        more = len(self.annotators) - len(names)
        people = ", ".join([*names, *([f"{more:,} more"] if more else [])])
        when = " to ".join(dict.fromkeys(moment[:16].replace("T", " ") for moment in (self.since, self.until)))
        return f": {counted(self.decisions, 'decision')}, by {people}, {when} UTC"


def compute_loss(source: Path, path: Path) -> Loss:
    """What a restore would drop. Reads every event of both files once.

    Args:
        source: the backup, which is sound.
        path: the ledger; it may be damaged, gone, or a file of another program.

    Raises:
        LabelsError: the backup cannot be read, or another program holds the ledger.
    """
    with open_immutable(source) as connection:
        saved_actions = {row[0] for row in connection.execute("SELECT DISTINCT action FROM events")}
        saved_draws = _drawn_queries(connection)
    if not database.has_content(path):
        return _loss_of_events([], saved_actions, complete=True)
    events, drawn, complete = _read_ledger(path)
    return replace(_loss_of_events(events, saved_actions, complete=complete), drawn=len(drawn - saved_draws))


def _read_ledger(path: Path) -> tuple[list[_EventRow], set[_DrawnQuery], bool]:
    """The events and drawn queries that can be read from a file, and whether these are all."""
    try:
        with open_existing(path) as connection:
            if not connection.execute(_HAS_EVENTS).fetchone():
                return [], set(), True  # an empty database
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                events = list(_events_until_damage(connection, _EVENTS))
                if [row[0] for row in events] == list(range(1, len(events) + 1)):
                    return events, _drawn_queries(connection), True
    except LabelsError as error:
        if getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise
    # The file as it is on disk, without its journal.
    with open_immutable(path) as connection:
        try:
            # Without this, SQLite refuses to read a file that is shorter than its header says.
            connection.execute("PRAGMA writable_schema=ON")
            if not connection.execute(_HAS_EVENTS).fetchone():
                return [], set(), True  # another program's file
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return [], set(), False
        # From both ends: what lies between two damaged pages is lost.
        rows = (*_events_until_damage(connection, _EVENTS), *_events_until_damage(connection, f"{_EVENTS} DESC"))
        return sorted({row[0]: row for row in rows}.values()), _drawn_queries(connection), False


def _drawn_queries(connection: sqlite3.Connection) -> set[_DrawnQuery]:
    """The drawn queries, as far as they can be read; the first ledgers had no table `audits`."""
    found: set[_DrawnQuery] = set()
    for table, columns in _DRAW_KEYS.items():
        with suppress(sqlite3.Error, UnicodeDecodeError):
            found.update((table, *row) for row in connection.execute(f"SELECT {columns} FROM {table}"))  # noqa: S608
    return found


def _events_until_damage(connection: sqlite3.Connection, query: str) -> Iterator[_EventRow]:
    with suppress(sqlite3.Error, UnicodeDecodeError):
        for seq, action, annotator, at, decides in connection.execute(query):
            if isinstance(seq, int) and all(isinstance(text, str) for text in (action, annotator, at)):
                yield seq, action, annotator, at, decides


def _loss_of_events(events: Sequence[_EventRow], saved_actions: set[str], *, complete: bool) -> Loss:
    unsaved = [row for row in events if row[1] not in saved_actions]
    times = [row[3] for row in unsaved]
    return Loss(
        events=len(unsaved) if complete else None,
        drawn=0,
        readable=len(events),
        unsaved=len(unsaved),
        decisions=sum(row[4] for row in unsaved),
        annotators=dict(Counter(row[2] for row in unsaved).most_common()),
        since=min(times, default=""),
        until=max(times, default=""),
        last=events[-1][0] if events else 0,
    )


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The result of a restore.

    Attributes:
        events: number of events in the ledger now.
        previous: where the previous ledger is; None where there was none.
        damaged: whether that could not be read as a ledger; it was then kept as a file, not as a backup.
        set_aside: the backups that the ledger no longer continues from.
        dropped: number of events of the previous ledger that are not in the backup; None where that is unknown.
    """

    events: int
    previous: Path | None
    damaged: bool
    set_aside: tuple[Path, ...]
    dropped: int | None = 0


def restore(
    source: Path, path: Path, *, force: bool = False, confirm: Callable[[Loss], None] | None = None
) -> RestoreResult:
    """Replace the ledger by a backup.

    Args:
        source: the backup.
        path: labels.db; it may be damaged or gone.
        force: also while people have queries on their screens. A desk that is open then refuses further decisions.
        confirm: called if events would be dropped, or if that is unknown. It raises any exception to cancel.

    Raises:
        LabelsError: the backup is not sound; somebody is labelling, or has decided since `confirm` was called; or the
            files cannot be written. The ledger is then unchanged.
    """
    found = _verified(source)
    if not force:
        _refuse_while_labelling(path)
    dropped = compute_loss(source, path)
    if dropped and confirm is not None:
        confirm(dropped)
    timestamp = backup_index.file_timestamp(datetime.now(UTC))
    with _readable_errors(path), files.drafts(path.parent) as drafts:
        draft = drafts / path.name
        snapshot(source, draft)
        saved = _back_up_current(path)
        if confirm is not None and saved is not None and saved.events != dropped.last:
            raise LabelsError("Somebody has decided in the meantime; nothing was changed.", "Restore again.")
        folder = path.parent / FOLDER
        # A backup that was copied before and named after the exchange would hold events that the ledger then lacks.
        with backups_locked(folder), _locked(path, saved) if saved else _moved_aside(path) as previous:
            set_aside = _set_aside_later_backups(draft, folder, timestamp)
            files.publish(draft, path)
    return RestoreResult(
        found.events,
        # The backup just made of the previous ledger may itself have been set aside.
        next((moved for moved in set_aside if previous and moved.name == previous.name), previous),
        damaged=previous is not None and saved is None,
        set_aside=set_aside,
        dropped=dropped.events,
    )


def check_restore(source: Path, path: Path, by: str = "") -> int:
    """Check whether a restore is possible, without changing anything.

    Args:
        source: the backup.
        path: labels.db.
        by: the annotator who asks; a query on their own screen does not count.

    Returns:
        the number of events that the ledger would hold.

    Raises:
        LabelsError: the backup is not sound, or somebody is labelling.
    """
    events = _verified(source).events
    _refuse_while_labelling(path, by)
    return events


def _verified(source: Path) -> Verification:
    """Verify a backup as a ledger; raise LabelsError if it has problems."""
    hint = "Name another one: `samesku labels backups` lists them."
    try:
        found = verify(source)
    except LabelsError as error:
        raise LabelsError(f"{source} was not restored. {error.message}", hint) from error
    if not found.ok:
        raise LabelsError(f"{source} is not sound and was not restored: {found.problems[0]}.", hint)
    return found


def _refuse_while_labelling(path: Path, by: str = "") -> None:
    with closing(Leases(path)) as leases:
        names = sorted(set(leases.held_by_others(by).values()))
    if names:
        raise LabelsError(
            f"{', '.join(names)} {'has' if len(names) == 1 else 'have'} queries on the screen.",
            "Ask them to quit the desk first.",
        )


def _back_up_current(path: Path) -> Backup | None:
    """Back up the ledger that is there now; None where there is none, or none that can be read.

    Raises:
        LabelsError: another process is writing to it.
    """
    try:
        with open_existing(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except LabelsError as error:
        if getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise
        return None
    with suppress(LabelsError):
        return backup(path, path.parent / FOLDER)
    return None


@contextmanager
def _locked(path: Path, saved: Backup) -> Iterator[Path]:
    """Lock the readable ledger exclusively and require it to equal its backup, whose path is the result."""
    with open_existing(path) as old:
        # Ends a write-ahead log. SQLite refuses while another program has one open, whose writes would go unnoticed.
        old.execute("PRAGMA journal_mode=DELETE")
        old.execute("BEGIN EXCLUSIVE")
        with saved.open() as copy:
            unchanged = backup_index.contents(old) == backup_index.contents(copy)
        if not unchanged:
            raise LabelsError(f"Somebody is labelling in {path}.", "Try again when they have quit the desk.")
        yield saved.path


@contextmanager
def _moved_aside(path: Path) -> Iterator[Path | None]:
    """Keep a damaged file and its journals under another name, which is the result; None where there is no file."""
    aside = damaged_name(path)
    exists = os.path.lexists(path)
    if exists:
        try:
            files.require_regular(path)
            # A second name rather than a rename, so that there is a file at the path at any time.
            os.link(path, aside)
        except OSError:
            path.rename(aside)
    for old, new in zip(companions(path), companions(aside), strict=True):
        with suppress(FileNotFoundError):
            old.rename(new)
    yield aside if exists else None


def _set_aside_later_backups(draft: Path, folder: Path, timestamp: str) -> tuple[Path, ...]:
    """Move the backups that the restored ledger does not continue from into a folder of their own.

    `verify` would otherwise report them as events that the ledger lacks.
    """
    with open_immutable(draft) as connection:
        later = backup_index.diverging_backups(connection, folder)
    if not later:
        return ()
    aside = _new_folder(folder / f"replaced-{timestamp}")
    return tuple(backup.path.rename(aside / backup.path.name) for backup in later)


def _new_folder(path: Path) -> Path:
    """Make a folder of this name, with a number where there is one already: its backups may have the same names."""
    for number in itertools.count(1):
        place = path.with_name(f"{path.name}-{number}") if number > 1 else path
        with suppress(FileExistsError):
            place.mkdir(mode=0o770)
            break
    return place


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LabelsError(
            f"The ledger at {path} cannot be replaced: {error.strerror}.", "Check the folder and its permissions."
        ) from error
