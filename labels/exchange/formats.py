"""Detection of the format of a label file, by its suffix and, where formats share one, by its first record."""

from enum import StrEnum
from itertools import islice
from pathlib import Path

from labels.errors import LabelsError
from labels.exchange.files import unknown_ending
from labels.exchange.json_values import parse_json_lines, read_json_list


class Format(StrEnum):
    """The formats of label files."""

    CSV = "csv"
    EVENTS = "events"
    PARQUET = "parquet"
    PRODIGY = "prodigy"
    LABEL_STUDIO = "label-studio"
    LABEL_STUDIO_CONFIG = "label-studio-config"


_BY_SUFFIX = {
    ".csv": Format.CSV,
    ".jsonl": Format.EVENTS,
    ".parquet": Format.PARQUET,
    ".json": Format.LABEL_STUDIO,
    ".xml": Format.LABEL_STUDIO_CONFIG,
}


#: Objects of a file that tell its format.
_READ = 100
#: Keys of a Label Studio task, any of which tells it from a row of a table.
_TASK_KEYS = {"data", "annotations", "completions"}


def format_by_suffix(path: Path) -> Format:
    """The format for a file to be written, by its suffix.

    Raises:
        LabelsError: the suffix is not known.
    """
    found = _BY_SUFFIX.get(path.suffix.lower())
    if found is None:
        message, hint = unknown_ending(path, tuple(_BY_SUFFIX))
        raise LabelsError(
            message,
            f"{hint} They are .csv for labels, .jsonl and .parquet for events, .json and .xml for Label Studio;"
            " `samesku labels export FILE --format prodigy` names the format for any ending.",
        )
    return found


def detect_format(path: Path) -> Format:
    """The format of an existing file; `CSV` for a table in any file format.

    Raises:
        LabelsError: the file cannot be read.
    """
    found = _BY_SUFFIX.get(path.suffix.lower(), Format.CSV)
    if found is Format.EVENTS:
        # Damaged lines do not hide what the others are.
        lines = list(islice((value for _, value in parse_json_lines(path) if not isinstance(value, str)), _READ))
        if any("answer" in line and "kind" not in line for line in lines):
            return Format.PRODIGY
        return Format.EVENTS if not lines or any("kind" in line for line in lines) else Format.CSV
    if found is Format.LABEL_STUDIO:
        return Format.LABEL_STUDIO if _has_tasks(path) else Format.CSV
    return found


def _has_tasks(path: Path) -> bool:
    """Whether a JSON file is a list of Label Studio tasks; its JSON_MIN format is a table."""
    try:
        tasks = list(islice((each for each in read_json_list(path) if isinstance(each, dict)), _READ))
    except LabelsError:
        return False
    return not tasks or any(not _TASK_KEYS.isdisjoint(task) for task in tasks)
