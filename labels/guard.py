"""What has to hold of a file before it gets the schema of labels.db."""

import sqlite3
from pathlib import Path

from labels.anchors import FOLDER, backups
from labels.backup import back_up_before_migration
from labels.errors import LabelsError
from labels.snapshot import not_labels, tables


def before_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Let nothing be written that would make matters worse; back up what is there already.

    Args:
        connection: the open file, whose schema is not the newest.
        path: where it is.

    Raises:
        LabelsError: it is another program's file; or it is empty, but its backups are not; or an earlier ledger
            cannot be backed up. The file was not touched.
    """
    present = tables(connection)
    if "events" in present:
        back_up_before_migration(path)
    elif present:
        raise not_labels(path)
    elif lost := [backup for backup in backups(path.parent / FOLDER) if backup.events]:
        raise LabelsError(
            f"{path} is gone or empty, but {lost[-1].called} holds {lost[-1].events:,} events.",
            "`samesku labels restore latest` brings them back; to begin anew, move the folder with the backups away.",
        )
