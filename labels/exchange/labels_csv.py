"""Export of settled labels as CSV with the columns of the Walmart-Amazon benchmark."""

import csv
from collections.abc import Iterable
from pathlib import Path

from labels.consensus import Label, Rule
from labels.exchange.fields import neutralize_cell
from labels.exchange.files import output_text
from labels.model import Side
from labels.reader import LabelReader

COLUMNS = ("ltable_id", "rtable_id", "label")
#: Additional columns with the sources of the ids, for workspaces with several sources.
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
    """Write the settled labels as `ltable_id,rtable_id,label`, without conflicts. Returns how many.

    Args:
        store: the ledger.
        path: the file.
        side: only labels of this side; None for both.
        rule: what settles a disagreement.
        labels: the labels, where they are not those of the ledger alone.
        sources: whether to add `SOURCE_COLUMNS`.

    Raises:
        LabelsError: the ledger cannot be read, or the file cannot be written.
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
