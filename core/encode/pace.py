"""How fast this machine encodes with a model, written down when a run has measured it."""

import json
from contextlib import suppress
from pathlib import Path

from labels.files import atomic_text, read_bounded

_NAME = "pace.json"

#: Fewer texts say more about loading the model than about encoding with it.
_FEWEST = 500
_MAX_BYTES = 4096


def note_pace(folder: Path, texts: int, seconds: float) -> None:
    """Write down that so many texts took so long, the loading of the model included."""
    if texts >= _FEWEST and seconds > 0:
        with atomic_text(folder / _NAME) as out:
            out.write(json.dumps({"texts": texts, "seconds": round(seconds, 2)}) + "\n")


def read_pace(folder: Path) -> float | None:
    """Texts a second, as the last run measured it; None where none has."""
    with suppress(OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        told = json.loads(read_bounded(folder / _NAME, _MAX_BYTES))
        return float(told["texts"]) / float(told["seconds"])
    return None
