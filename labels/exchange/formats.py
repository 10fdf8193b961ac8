"""Which format a file is in, by its ending and, where two share one, by its first line."""

from enum import StrEnum
from pathlib import Path

from labels.errors import LabelsError
from labels.exchange.json_values import read_json_lines, read_json_list


class Format(StrEnum):
    """What a file of labels may be."""

    CSV = "csv"
    EVENTS = "events"
    PARQUET = "parquet"
    PRODIGY = "prodigy"
    LABEL_STUDIO = "label-studio"
    LABEL_STUDIO_CONFIG = "label-studio-config"


_ENDINGS = {
    ".csv": Format.CSV,
    ".jsonl": Format.EVENTS,
    ".parquet": Format.PARQUET,
    ".json": Format.LABEL_STUDIO,
    ".xml": Format.LABEL_STUDIO_CONFIG,
}


def format_by_suffix(path: Path) -> Format:
    """What a file of this name holds if nothing else is said.

    Raises:
        LabelsError: the ending says nothing.
    """
    found = _ENDINGS.get(path.suffix.lower())
    if found is None:
        raise LabelsError(
            f"{path}: what should it hold?",
            "Endings are .csv for labels, .jsonl or .parquet for events, .json for Label Studio;"
            " `samesku labels export FILE --format prodigy` says it whatever the ending.",
        )
    return found


def detect_format(path: Path) -> Format:
    """What an existing file holds; `CSV` stands for a table, in whatever format.

    Raises:
        LabelsError: the file cannot be read.
    """
    found = _ENDINGS.get(path.suffix.lower(), Format.CSV)
    if found is Format.EVENTS:
        first = next(read_json_lines(path), None)
        if first is None or "kind" in first[1]:
            return Format.EVENTS
        return Format.PRODIGY if "answer" in first[1] else Format.CSV
    if found is Format.LABEL_STUDIO:
        return Format.LABEL_STUDIO if _has_tasks(path) else Format.CSV
    return found


def _has_tasks(path: Path) -> bool:
    """Whether a JSON file is a list of tasks with their annotations; Label Studio's JSON_MIN is a table."""
    try:
        first = next(read_json_list(path), None)
    except LabelsError:
        return False
    return first is None or (isinstance(first, dict) and not {"data", "annotations", "completions"}.isdisjoint(first))
