"""How fast this machine encodes with a model, written down when a run has measured it."""

import json
from contextlib import suppress
from pathlib import Path

from labels.errors import LabelsError
from labels.files import atomic_text, read_bounded
from labels.quarantine import identity, make_way

_NAME = "pace.json"

#: Fewer texts say more about loading the model than about encoding with it.
_FEWEST = 500
_MAX_BYTES = 4096
#: Texts a second; no machine is faster.
_FASTEST = 1e9


def note_pace(folder: Path, texts: int, seconds: float) -> None:
    """Write down that so many texts took so long, the loading of the model included."""
    if texts >= _FEWEST and seconds > 0:
        # Only how long the next run will take is not known without it.
        with suppress(OSError, LabelsError):
            make_way(folder / _NAME)
            with atomic_text(folder / _NAME) as out:
                out.write(json.dumps({"texts": texts, "seconds": round(seconds, 2)}) + "\n")


def is_pace(folder: Path) -> bool:
    """Whether the folder's note can be read, or there is none."""
    return identity(folder / _NAME) is None or read_pace(folder) is not None


def read_pace(folder: Path) -> float | None:
    """Texts a second, as the last run measured it; None where none has, or its file is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        told = json.loads(read_bounded(folder / _NAME, _MAX_BYTES))
        pace = float(told["texts"]) / float(told["seconds"])
        return pace if 0 < pace < _FASTEST else None
    return None
