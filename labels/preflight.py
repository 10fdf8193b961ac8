"""What has to hold of a file before it gets the schema of labels.db."""

import sqlite3
from pathlib import Path

from labels.backup import back_up_before_migration
from labels.recovery import foreign, lost
from labels.snapshot import tables


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
        raise foreign(path)
    elif error := lost(path):
        raise error
