"""What the labels add up to, in the benchmark's own CSV."""

import csv
from collections.abc import Iterable
from pathlib import Path

from labels.consensus import Label, Rule
from labels.exchange.fields import neutralize_cell
from labels.exchange.files import output_text
from labels.model import Side
from labels.reader import LabelReader

COLUMNS = ("ltable_id", "rtable_id", "label")
#: The columns that say whose ids they are, where several sources may be meant.
SOURCE_COLUMNS = ("query_source", "candidate_source")


def export_csv(
    store: LabelReader,
    path: Path,
    side: Side | None = None,
    rule: Rule = Rule.UNANIMOUS,
    *,
    labels: Iterable[Label] | None = None,
    sources: bool = False,
) -> int:
    """Write the settled labels as `ltable_id,rtable_id,label`; conflicts stay out. Returns how many.

    Args:
        store: the ledger.
        path: the file.
        side: the only side to tell of; None for both.
        rule: what settles a disagreement.
        labels: what the decisions add up to, where that is not what the ledger alone says.
        sources: whether two more columns say whose ids they are.

    Raises:
        LabelsError: the ledger cannot be read, or the file not be written.
    """
    rows = []
    for label in store.labels(rule=rule) if labels is None else labels:
        if label.match is not None and side in {None, label.side}:
            products = (label.pair.query, label.pair.candidate)
            ids = [neutralize_cell(product.id) for product in products]
            source_cells = [neutralize_cell(product.source) for product in products] if sources else []
            rows.append((*ids, int(label.match), *source_cells))
    with output_text(path) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow((*COLUMNS, *(SOURCE_COLUMNS if sources else ())))
        writer.writerows(rows)
    return len(rows)
