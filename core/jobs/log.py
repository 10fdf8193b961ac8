"""The end of a job's log, as text that can be shown."""

import os
import re
from pathlib import Path

from core.text.safe import safe
from labels.files import open_regular

#: As much of the end as a person scrolls through.
_MOST_BYTES = 1 << 16

#: Colours and cursor movements of ECMA-48. `safe` makes them harmless; without them the text can be read too.
_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def log_lines(path: Path) -> list[str]:
    """The last lines of a log, safe to show; of a line that was written over again and again, the last writing.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            begin = max(0, file.seek(0, os.SEEK_END) - _MOST_BYTES)
            file.seek(begin)
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    lines = text.removesuffix("\n").split("\n")
    # The first line may lack its beginning.
    shown = lines[1:] if begin else lines
    return [safe(_SEQUENCES.sub("", line.rstrip("\r").rpartition("\r")[2])) for line in shown if shown != [""]]
