"""Which format a file is in, by its ending and, where two share one, by its first line."""

from enum import StrEnum
from pathlib import Path

from labels.errors import LabelsError
from labels.exchange.json_input import read_json_lines


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


def by_ending(path: Path) -> Format:
    """What a file of this name holds if nothing else is said.

    Raises:
        LabelsError: the ending says nothing.
    """
    found = _ENDINGS.get(path.suffix.lower())
    if found is None:
        raise LabelsError(
            f"{path}: what should it hold?",
            "Endings are .csv for labels, .jsonl or .parquet for events, .json for Label Studio; or use --format.",
        )
    return found


def by_content(path: Path) -> Format:
    """What an existing file holds; a CSV where its ending says nothing.

    Raises:
        LabelsError: the file cannot be read.
    """
    found = _ENDINGS.get(path.suffix.lower(), Format.CSV)
    if found is not Format.EVENTS:
        return found
    first = next(read_json_lines(path), None)
    return Format.PRODIGY if first and "answer" in first[1] else Format.EVENTS
