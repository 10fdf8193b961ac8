"""Backups of the ledger: copied while it is in use, verified, and renamed into place only when complete."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from labels import chain, draws, files, schema
from labels.backup_index import FOLDER, Backup, backup_name, backups, contents, diverging_backups, last_event
from labels.errors import LabelsError
from labels.snapshot import copy_to, open_immutable, snapshot, table_names
from labels.write_lock import FifoWriteLock

#: How long to wait for another program's backup. After that both write one, which does no harm.
_LOCK_TIMEOUT_S = 30.0


def backup(path: Path, folder: Path, keep: int | None = None) -> Backup:
    """Back up a ledger that may be in use.

    Where nothing was added since the newest backup, and that one is sound, it is returned and no new one is made.

    Args:
        path: labels.db.
        folder: where the backups are; created if needed.
        keep: how many of the newest to keep; older ones are deleted, None deletes nothing. Files of other programs and
            backups that cannot be read are never deleted.

    Raises:
        LabelsError: the ledger cannot be read or is not sound, or the backup cannot be written. All earlier backups
            are then unchanged.
    """
    return _backup(lambda draft: snapshot(path, draft), path, folder, keep)


def back_up_open(connection: sqlite3.Connection, path: Path) -> Backup:
    """Back up what an open connection still holds of a ledger whose file is gone.

    Args:
        connection: outside a transaction.
        path: where the file was.

    Raises:
        LabelsError: it is not sound, or the backup cannot be written.
        sqlite3.Error: it can no longer be read.
    """
    return _backup(lambda draft: copy_to(connection, draft), path, path.parent / FOLDER, None)


@contextmanager
def backups_locked(folder: Path) -> Iterator[None]:
    """Exclude other programs that add backups to a folder, or move them away; the folder is created if needed."""
    folder.mkdir(mode=0o770, exist_ok=True, parents=True)
    with closing(FifoWriteLock(folder / "labels.db")) as lock, lock.hold(_LOCK_TIMEOUT_S):
        yield


def _backup(copy: Callable[[Path], None], path: Path, folder: Path, keep: int | None) -> Backup:
    try:
        with backups_locked(folder):
            made = _make(copy, path, folder)
            _rotate(folder, made, keep)
    except OSError as error:
        raise LabelsError(
            f"No backup can be written to {folder}: {error.strerror}.",
            files.way_out(error, "Name another folder with `samesku labels backup --to DIR`."),
        ) from error
    return made


def back_up_before_migration(path: Path) -> Backup:
    """Back up a ledger of an earlier schema, as is required before it is migrated.

    Raises:
        LabelsError: the backup cannot be made; the ledger was not touched.
    """
    try:
        return backup(path, path.parent / FOLDER)
    except LabelsError as error:
        raise LabelsError(
            f"{path} is of an earlier samesku and was not migrated: it has to be backed up before it is changed. "
            + error.message,
            error.hint,
        ) from error


def _make(copy: Callable[[Path], None], path: Path, folder: Path) -> Backup:
    with files.drafts(folder) as drafts:
        draft = drafts / path.name
        copy(draft)
        if problems := _problems(draft):
            raise LabelsError(
                f"{path} is not sound and was not backed up: {problems[0]}.",
                "`samesku labels verify` lists what is wrong.",
            )
        if (newest := _newest(folder)) and _contents(newest.path) == _contents(draft):
            return newest
        with open_immutable(draft) as connection:
            events = int(str(last_event(connection).get("seq", 0)))
        return _publish(draft, folder, events)


def _publish(draft: Path, folder: Path, events: int) -> Backup:
    """Name a backup that is made now. Waits up to a second for an unused name: no backup is overwritten."""
    while True:
        at = datetime.now(UTC).replace(microsecond=0)
        path = folder / backup_name(at, events)
        with suppress(FileExistsError):
            files.publish(draft, path, overwrite=False)
            return Backup(path, at, events)
        time.sleep(0.05)


def _newest(folder: Path) -> Backup | None:
    """The newest backup, if it is sound."""
    for found in backups(folder)[-1:]:
        with suppress(LabelsError):
            found.last_event()
            if not _problems(found.path):
                return found
    return None


def _problems(path: Path) -> list[str]:
    """The first problems of a copy: its schema, its pages, and the hash chains where its schema has them."""
    with open_immutable(path) as connection:
        if not table_names(connection):
            return ["it is empty"]
        # First: the checks below read tables, and might not end where another program's view has their name.
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if changed := schema.differences(connection, version):
            return changed
        pages = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(1)")]
        if pages != ["ok"]:
            return pages
        if version < chain.SINCE_SCHEMA:
            return []
        broken = (seq for seq, stored, computed in chain.verify_links(connection) if stored != computed)
        found = [f"the hash chain is broken at event {seq}" for seq in list(broken)[:1]]
        if version >= draws.SINCE_SCHEMA:
            found += [*draws.problems(connection), *chain.counter_problems(connection)]
        return found


def _contents(path: Path) -> tuple[object, ...]:
    with open_immutable(path) as connection:
        return contents(connection)


def _rotate(folder: Path, made: Backup, keep: int | None) -> None:
    """Delete backups older than the newest `keep`: only those of this ledger, and never the one just made.

    The folder may be a link to the backups of another ledger, or hold files from elsewhere.
    """
    if keep is None:
        return
    with made.open() as ledger:
        diverging = {each.path for each in diverging_backups(ledger, folder)}
    own = [found for found in backups(folder) if _is_readable(found) and found.path not in diverging]
    for found in own[: max(0, len(own) - keep)]:
        if found != made:
            found.path.unlink(missing_ok=True)


def _is_readable(found: Backup) -> bool:
    try:
        found.last_event()
    except LabelsError:
        return False
    return True
