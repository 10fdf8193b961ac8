"""Going back to a backup: checked first, put in place in one step, and what was there before is kept."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from labels import anchors, files
from labels.anchors import FOLDER, Backup
from labels.backup import backup
from labels.claims import Claims
from labels.errors import LabelsError
from labels.loss import Loss, loss
from labels.quarantine import companions, damaged_name
from labels.snapshot import existing, sealed, snapshot
from labels.verify import Verification, verify


@dataclass(frozen=True, slots=True)
class Restored:
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


def restore(source: Path, path: Path, *, force: bool = False, agree: Callable[[Loss], None] | None = None) -> Restored:
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
    dropped = loss(source, path)
    if dropped and agree is not None:
        agree(dropped)
    stamp = anchors.moment(datetime.now(UTC))
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
    return Restored(
        found.events,
        place,
        damaged=before is not None and kept is None,
        set_aside=set_aside,
        dropped=dropped.events,
    )


def rehearse(source: Path, path: Path, by: str = "") -> int:
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
    with closing(Claims(path)) as claims:
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
        with existing(path) as connection:
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
    with existing(path) as old:
        # Ends a write-ahead log; SQLite refuses while another program has one open, which would write on unseen.
        old.execute("PRAGMA journal_mode=DELETE")
        old.execute("BEGIN EXCLUSIVE")
        with kept.opened() as copy:
            unchanged = anchors.contents(old) == anchors.contents(copy)
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
    with sealed(draft) as connection:
        strays = anchors.strays(connection, folder)
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
