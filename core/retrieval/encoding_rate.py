"""How fast this machine encodes with a model and makes an index, written down when a run has measured it."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from labels.errors import LabelsError
from labels.files import atomic_text, read_bounded
from labels.quarantine import identity, set_aside_irregular

_NAME = "pace.json"

#: Fewer texts say more about loading the model than about encoding with it.
_FEWEST = 500
_MAX_BYTES = 4096
#: Texts a second; no machine is faster.
_FASTEST = 1e9
#: A month; no stage takes longer.
_LONGEST_S = 2.7e6


def save_rate(folder: Path, texts: int, seconds: float) -> None:
    """Write down that so many texts took so long, the loading of the model included."""
    if texts >= _FEWEST and seconds > 0:
        _write(folder, {**_told(folder), "texts": texts, "seconds": round(seconds, 2)})


def save_stage_seconds(folder: Path, seconds: Mapping[str, float]) -> None:
    """Write down how long the other stages of an index run took, by name, beside the pace that it had."""
    if (told := _told(folder)) and seconds:
        _write(folder, {**told, "stages": {name: round(each, 2) for name, each in seconds.items()}})


def read_stage_seconds(folder: Path) -> dict[str, float]:
    """Seconds of the stages besides encoding, by name, as the last index run measured them; none where none has."""
    stages = _told(folder).get("stages")
    if not isinstance(stages, dict):
        return {}
    sound = {name: each for name, each in stages.items() if isinstance(each, int | float) and 0 <= each < _LONGEST_S}
    return {str(name): float(each) for name, each in sound.items()}


def _write(folder: Path, told: Mapping[str, object]) -> None:
    # Only how long the next run will take is not known without it.
    with suppress(OSError, LabelsError):
        set_aside_irregular(folder / _NAME)
        with atomic_text(folder / _NAME) as out:
            out.write(json.dumps(told) + "\n")


def _told(folder: Path) -> dict[str, Any]:
    """What the note says; nothing where it cannot be read."""
    with suppress(OSError, ValueError, RecursionError):
        told = json.loads(read_bounded(folder / _NAME, _MAX_BYTES))
        return told if isinstance(told, dict) else {}
    return {}


def is_rate(folder: Path) -> bool:
    """Whether the folder's note can be read, or there is none."""
    return identity(folder / _NAME) is None or read_rate(folder) is not None


def read_rate(folder: Path) -> float | None:
    """Texts a second, as the last run measured it; None where none has, or its file is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        told = json.loads(read_bounded(folder / _NAME, _MAX_BYTES))
        pace = float(told["texts"]) / float(told["seconds"])
        return pace if 0 < pace < _FASTEST else None
    return None
