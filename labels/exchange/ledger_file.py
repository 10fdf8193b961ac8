"""The whole ledger as JSON lines, both ways: one record of labels.exchange.records a line."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from labels.exchange.json_input import read_json_lines
from labels.exchange.json_output import json_text
from labels.exchange.merge import Merged, merge_records
from labels.exchange.records import Disguise, records
from labels.exchange.writing import output_text
from labels.store import LabelStore


def export_ledger(
    store: LabelStore, path: Path, disguise: Disguise | None = None, told: Callable[[int], None] | None = None
) -> int:
    """Write every event, undone ones too, and every draw, telling how far it is. Returns how many events.

    Raises:
        LabelsError: the file cannot be written, or the ledger cannot be read.
    """
    count = 0
    with output_text(path) as out, closing(records(store, disguise, told)) as found:
        for record in found:
            out.write(json_text(record) + "\n")
            count += record["kind"] == "event"
    return count


def import_ledger(store: LabelStore, path: Path) -> Merged:
    """Bring in what `export_ledger` wrote.

    Raises:
        LabelsError: no such file, or a line does not fit; nothing has changed then.
    """
    return merge_records(store, str(path), read_json_lines(path))
