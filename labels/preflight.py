"""Checks before a file is given the schema of labels.db, or is migrated to a newer one."""

import sqlite3
from pathlib import Path

from labels.backup import back_up_before_migration
from labels.recovery import foreign_error, lost_error
from labels.snapshot import table_names


def require_migratable(connection: sqlite3.Connection, path: Path) -> None:
    """Return if the file may be created or migrated; a ledger of an earlier schema is backed up first.

    Args:
        connection: the open file, whose schema is not the newest.
        path: the file.

    Raises:
        LabelsError: it is another program's file; or it is empty although there are backups of a ledger; or the
            backup cannot be made. The file was not touched.
    """
    present = table_names(connection)
    if "events" in present:
        back_up_before_migration(path)
    elif present:
        raise foreign_error(path)
    elif error := lost_error(path):
        raise error
