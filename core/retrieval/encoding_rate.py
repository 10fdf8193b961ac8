"""Measured encoding rate and stage durations of index runs, per model, as a basis for time estimates."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from labels.errors import LabelsError
from labels.files import atomic_text, read_bounded
from labels.quarantine import identity, set_aside_irregular

_FILE_NAME = "pace.json"

#: With fewer texts the time is dominated by loading the model.
_MIN_TEXTS = 500
_MAX_BYTES = 4096

#: Texts per second: upper bound of a plausible rate.
_MAX_RATE = 1e9

#: Upper bound of a plausible stage duration: a month.
_MAX_STAGE_S = 2.7e6


def save_rate(folder: Path, texts: int, seconds: float) -> None:
    """Save the time of an encoding run, including loading the model."""
    if texts >= _MIN_TEXTS and seconds > 0:
        _write(folder, {**_read(folder), "texts": texts, "seconds": round(seconds, 2)})


def read_rate(folder: Path) -> float | None:
    """Texts per second in the last run; None if unknown or the file is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        values = json.loads(read_bounded(folder / _FILE_NAME, _MAX_BYTES))
        rate = float(values["texts"]) / float(values["seconds"])
        return rate if 0 < rate < _MAX_RATE else None
    return None


def is_rate(folder: Path) -> bool:
    """Whether the file is valid, or missing."""
    return identity(folder / _FILE_NAME) is None or read_rate(folder) is not None


def save_stage_seconds(folder: Path, seconds: Mapping[str, float]) -> None:
    """Save the seconds of the other stages of an index run, by name, next to its rate."""
    if (values := _read(folder)) and seconds:
        _write(folder, {**values, "stages": {name: round(each, 2) for name, each in seconds.items()}})


def read_stage_seconds(folder: Path) -> dict[str, float]:
    """Seconds of the stages besides encoding in the last index run, by name; empty if unknown."""
    stages = _read(folder).get("stages")
    if not isinstance(stages, dict):
        return {}
    valid = {name: each for name, each in stages.items() if isinstance(each, int | float) and 0 <= each < _MAX_STAGE_S}
    return {str(name): float(each) for name, each in valid.items()}


def _write(folder: Path, values: Mapping[str, object]) -> None:
    # Without the file only the next time estimate is missing.
    with suppress(OSError, LabelsError):
        set_aside_irregular(folder / _FILE_NAME)
        with atomic_text(folder / _FILE_NAME) as out:
            out.write(json.dumps(values) + "\n")


def _read(folder: Path) -> dict[str, Any]:
    """The values of the file; empty if it cannot be read."""
    with suppress(OSError, ValueError, RecursionError):
        values = json.loads(read_bounded(folder / _FILE_NAME, _MAX_BYTES))
        return values if isinstance(values, dict) else {}
    return {}
