"""What has to hold of a file before it gets the schema of labels.db."""

import sqlite3
from pathlib import Path

from labels.backup import back_up_before_migration
from labels.recovery import foreign_error, lost_error
from labels.snapshot import table_names


def require_migratable(connection: sqlite3.Connection, path: Path) -> None:
    """Let nothing be written that would make matters worse; back up what is there already.

    Args:
        connection: the open file, whose schema is not the newest.
        path: where it is.

    Raises:
        LabelsError: it is another program's file; or it is empty, but its backups are not; or an earlier ledger
            cannot be backed up. The file was not touched.
    """
    present = table_names(connection)
    if "events" in present:
        back_up_before_migration(path)
    elif present:
        raise foreign_error(path)
    elif error := lost_error(path):
        raise error
