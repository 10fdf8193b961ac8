"""What somebody does to a ledger with an SQLite prompt and bad intentions."""

import sqlite3
from contextlib import closing
from pathlib import Path


def change(path: Path, *statements: str) -> None:
    """Run statements as another program would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def change_unseen(path: Path, *statements: str) -> None:
    """Change rows that triggers protect, and leave no other trace: the triggers are as before afterwards."""
    with closing(sqlite3.connect(path)) as connection, connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)
