"""The marker beside a ledger: that there is one, so that no program begins an empty one in its place unseen.

Nothing is read from it: that something of its name is there is all that counts.
"""

import os
import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from labels.files import atomic_text

_ENDING = ".created"


def marker(path: Path) -> Path:
    """Where the marker of a ledger is."""
    return path.parent / (path.name + _ENDING)  # `.` and `/` have no name


def is_marked(path: Path) -> bool:
    """Whether there was a ledger at `path` before."""
    return os.path.lexists(marker(path))


def mark(path: Path) -> None:
    """Remember that there is a ledger at `path`. Where that cannot be written now, the next opening tries again."""
    if is_marked(path):
        return
    with suppress(OSError), atomic_text(marker(path)) as out:
        out.write(
            f"{path.name} was here on {datetime.now(UTC):%Y-%m-%d}. While this file is here, samesku begins no empty"
            f" ledger in its place.\n"
        )


def has_content(path: Path) -> bool:
    """Whether a file stands at `path` that may be a ledger; an empty one, a link or a folder holds none.

    What this account may not look at is no sign that there is none.
    """
    try:
        facts = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return facts.st_size > 0 and stat.S_ISREG(facts.st_mode)
