"""Going back to a backup: checked first, put in place in one step, and what was there before is kept."""

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from labels import backup_index, database, files
from labels.backup import backup
from labels.backup_index import FOLDER, Backup
from labels.errors import LabelsError
from labels.leases import Leases
from labels.quarantine import companions, damaged_name
from labels.snapshot import open_existing, open_immutable, snapshot
from labels.verify import Verification, verify
from labels.wording import counted

#: How many people are named; the others are counted.
_MAX_NAMES = 3

_EVENTS = "SELECT seq, action, annotator, at, decision IS NOT NULL FROM events ORDER BY seq"

_HAS_EVENTS = "SELECT 1 FROM sqlite_master WHERE name = 'events'"

#: The tables of drawn queries, and what a row is known by.
_DRAWS = {"validation": "query_source, query_id", "audits": "query_source, query_id, version"}

_Row = tuple[int, str, str, str, int]
_Drawn = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """What would be dropped.

    Attributes:
        events: how many events; None where that is unknown, since the ledger is damaged.
        drawn: how many queries that were drawn for validation or audit.
        readable: how many events of the ledger can be read.
        unsaved: how many of these the backup does not have.
        decisions: how many of these decide on a pair.
        annotators: whose they are, with how many each, most first.
        since, until: when the first and the last of them was made, ISO 8601; empty where there is none.
        last: the number of the ledger's last readable event.
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
        """Whether anything would be dropped, or that is unknown."""
        return self.events != 0 or self.drawn > 0

    def as_dict(self) -> dict[str, object]:
        """By name, for JSON; `events` is called `dropped` there."""
        facts = asdict(self)
        return {"dropped": facts.pop("events"), **facts}

    def sentence(self) -> str:
        """What would be dropped, in some sentences."""
        drawn = f" Of the queries drawn for validation or audit {self.drawn:,} would be dropped." if self.drawn else ""
        return self._of_events() + drawn

    def _of_events(self) -> str:
        if self.events is None:
            told = (
                "How many events would be dropped is unknown: the ledger is damaged."
                f" {self.readable:,} of its events can still be read"
            )
            return f"{told}, {self.unsaved:,} of them are not in the backup{self._whose()}."
        if not self.events:
            return "No event would be dropped."
        return f"{counted(self.events, 'event')} would be dropped{self._whose()}."

    def _whose(self) -> str:
        if not self.unsaved:
            return ""
        names = list(self.annotators)[:_MAX_NAMES]
        more = len(self.annotators) - len(names)
        people = ", ".join([*names, *([f"{more:,} more"] if more else [])])
        when = " to ".join(dict.fromkeys(moment[:16].replace("T", " ") for moment in (self.since, self.until)))
        return f": {counted(self.decisions, 'decision')}, by {people}, {when} UTC"


def compute_loss(source: Path, path: Path) -> Loss:
    """What putting a backup in the place of the ledger would drop. Reads every event of both once.

    Args:
        source: the backup, which is sound.
        path: the ledger; it may be damaged, gone or another program's.

    Raises:
        LabelsError: the backup cannot be read, or another program holds the ledger.
    """
    with open_immutable(source) as connection:
        saved = {row[0] for row in connection.execute("SELECT DISTINCT action FROM events")}
        drawn = _drawn(connection)
    if not database.has_content(path):
        return _added_up([], saved, whole=True)
    found, drawn_here, whole = _readable(path)
    return replace(_added_up(found, saved, whole=whole), drawn=len(drawn_here - drawn))


def _readable(path: Path) -> tuple[list[_Row], set[_Drawn], bool]:
    """The events and drawn queries that can be read, and whether these are all."""
    try:
        with open_existing(path) as connection:
            if not connection.execute(_HAS_EVENTS).fetchone():
                return [], set(), True  # an empty database
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                found = list(_until_damage(connection, _EVENTS))
                if [row[0] for row in found] == list(range(1, len(found) + 1)):
                    return found, _drawn(connection), True
    except LabelsError as error:
        if getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise
    # As it lies on the disk, without its journal.
    with open_immutable(path) as connection:
        try:
            # Else SQLite reads nothing of a file that is shorter than its first page says.
            connection.execute("PRAGMA writable_schema=ON")
            if not connection.execute(_HAS_EVENTS).fetchone():
                return [], set(), True  # another program's file
        except sqlite3.DatabaseError:
            return [], set(), False
        rows = (*_until_damage(connection, _EVENTS), *_until_damage(connection, f"{_EVENTS} DESC"))
        return sorted({row[0]: row for row in rows}.values()), _drawn(connection), False


def _drawn(connection: sqlite3.Connection) -> set[_Drawn]:
    """The drawn queries, as far as they can be read; the first ledgers knew no audits."""
    found: set[_Drawn] = set()
    for table, columns in _DRAWS.items():
        with suppress(sqlite3.Error, UnicodeDecodeError):
            found.update((table, *row) for row in connection.execute(f"SELECT {columns} FROM {table}"))  # noqa: S608
    return found


def _until_damage(connection: sqlite3.Connection, query: str) -> Iterator[_Row]:
    with suppress(sqlite3.Error, UnicodeDecodeError):
        for seq, action, annotator, at, decides in connection.execute(query):
            if isinstance(seq, int) and all(isinstance(text, str) for text in (action, annotator, at)):
                yield seq, action, annotator, at, decides


def _added_up(found: Iterable[_Row], saved: set[str], *, whole: bool) -> Loss:
    rows = list(found)
    lacking = [row for row in rows if row[1] not in saved]
    moments = [row[3] for row in lacking]
    return Loss(
        events=len(lacking) if whole else None,
        drawn=0,
        readable=len(rows),
        unsaved=len(lacking),
        decisions=sum(row[4] for row in lacking),
        annotators=dict(Counter(row[2] for row in lacking).most_common()),
        since=min(moments, default=""),
        until=max(moments, default=""),
        last=rows[-1][0] if rows else 0,
    )


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What a restore did.

    Attributes:
        events: how many events the ledger holds now.
        kept: where what was there before is; None where nothing was.
        damaged: whether that could not be read as a ledger, and was kept as it is.
        set_aside: backups that the ledger does not go on from any more.
        dropped: how many events of the ledger before the backup does not have; None where nobody can tell.
    """

    events: int
    kept: Path | None
    damaged: bool
    set_aside: tuple[Path, ...]
    dropped: int | None = 0


def restore(
    source: Path, path: Path, *, force: bool = False, agree: Callable[[Loss], None] | None = None
) -> RestoreResult:
    """Put a backup in the place of the ledger.

    Args:
        source: the backup.
        path: labels.db; it may be damaged or gone.
        force: also while people have queries on their screens. What they decide afterwards in a desk that was open
            is refused there, not lost unseen.
        agree: called where events would be dropped, or nobody can tell whether. It raises whatever exception it likes
            where that is not wanted.

    Raises:
        LabelsError: the backup is not sound; somebody labels, or has decided since `agree` was asked; or the files
            cannot be written. The ledger is then as it was.
    """
    found = _sound(source)
    if not force:
        _refuse_while_labelling(path)
    dropped = compute_loss(source, path)
    if dropped and agree is not None:
        agree(dropped)
    stamp = backup_index.file_timestamp(datetime.now(UTC))
    with _told(path), files.drafts(path.parent) as drafts:
        draft = drafts / path.name
        snapshot(source, draft)
        files.sync(draft)
        kept = _keep(path)
        if agree is not None and kept is not None and kept.events != dropped.last:
            raise LabelsError("Somebody has decided meanwhile; nothing was changed.", "Restore again.")
        with _unchanging(path, kept) if kept else _put_away(path) as before:
            set_aside = _set_aside_strays(draft, path.parent / FOLDER, stamp)
            draft.replace(path)
            files.sync(path.parent)
    place = next((moved for moved in set_aside if before and moved.name == before.name), before)
    return RestoreResult(
        found.events,
        place,
        damaged=before is not None and kept is None,
        set_aside=set_aside,
        dropped=dropped.events,
    )


def check_restore(source: Path, path: Path, by: str = "") -> int:
    """Look whether a restore would do, and change nothing.

    Args:
        source: the backup.
        path: labels.db.
        by: who asks. That they have a query on the screen themselves is no hindrance yet.

    Returns:
        how many events the ledger would hold.

    Raises:
        LabelsError: the backup is not sound, or somebody labels.
    """
    events = _sound(source).events
    _refuse_while_labelling(path, by)
    return events


def _sound(source: Path) -> Verification:
    """The backup, checked as a ledger is."""
    hint = "Name another one: `samesku labels backups` lists them."
    try:
        found = verify(source)
    except LabelsError as error:
        raise LabelsError(f"{source} was not restored. {error.message}", hint) from error
    if not found.ok:
        raise LabelsError(f"{source} is not sound and was not restored: {found.problems[0]}.", hint)
    return found


def _refuse_while_labelling(path: Path, by: str = "") -> None:
    with closing(Leases(path)) as claims:
        names = sorted(set(claims.held_by_others(by).values()))
    if names:
        raise LabelsError(
            f"{', '.join(names)} {'has' if len(names) == 1 else 'have'} queries on the screen.",
            "Ask them to quit the desk, or restore all the same: `samesku labels restore FILE --force`.",
        )


def _keep(path: Path) -> Backup | None:
    """A backup of what is there now; None where nothing is, or nothing that can be read.

    Raises:
        LabelsError: somebody writes just now.
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
def _unchanging(path: Path, kept: Backup) -> Iterator[Path]:
    """Keep everybody from writing to a ledger that can be read, which must be as it was backed up."""
    with open_existing(path) as old:
        # Ends a write-ahead log; SQLite refuses while another program has one open, which would write on unseen.
        old.execute("PRAGMA journal_mode=DELETE")
        old.execute("BEGIN EXCLUSIVE")
        with kept.open() as copy:
            unchanged = backup_index.contents(old) == backup_index.contents(copy)
        if not unchanged:
            raise LabelsError(f"Somebody is labelling in {path}.", "Try again when they have quit the desk.")
        yield kept.path


@contextmanager
def _put_away(path: Path) -> Iterator[Path | None]:
    """Keep a damaged file, with all that belongs to it, under another name beside; None where there is none."""
    aside = damaged_name(path)
    there = os.path.lexists(path)
    if there:
        try:
            files.require_regular(path)
            # A second name, so that there is a ledger at any moment.
            os.link(path, aside)
        except OSError:
            path.rename(aside)
    for old, new in zip(companions(path), companions(aside), strict=True):
        with suppress(FileNotFoundError):
            old.rename(new)
    yield aside if there else None


def _set_aside_strays(draft: Path, folder: Path, stamp: str) -> tuple[Path, ...]:
    """Going back is meant: what was made after that point is kept, but says nothing against the ledger any more."""
    with open_immutable(draft) as connection:
        strays = backup_index.diverging_backups(connection, folder)
    aside = folder / f"replaced-{stamp}"
    if strays:
        aside.mkdir(mode=0o770, exist_ok=True)
    return tuple(stray.path.rename(aside / stray.path.name) for stray in strays)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LabelsError(
            f"The ledger at {path} cannot be replaced: {error.strerror}.", "Check the folder and its permissions."
        ) from error
