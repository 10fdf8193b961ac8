"""What the labels add up to, in the benchmark's own CSV."""

import csv
from pathlib import Path

from labels.consensus import Rule
from labels.exchange.cells import defused
from labels.exchange.decisions import LabelImport, PortableDecision, SplitChoice, import_decisions
from labels.exchange.writing import output_text
from labels.model import Decision, Pair, Side
from labels.store import LabelStore

COLUMNS = ("ltable_id", "rtable_id", "label")


def import_labels(
    store: LabelStore, labels: dict[Pair, bool], annotator: str, split: SplitChoice = "auto"
) -> LabelImport:
    """Record labelled pairs as decisions of one annotator, all or none of them.

    Raises:
        LabelsError: a pair already stands on the other side.
    """
    return import_decisions(store, decided_by(annotator, labels), split)


def decided_by(annotator: str, labels: dict[Pair, bool]) -> list[PortableDecision]:
    """Labels as the decisions of one annotator."""
    return [
        PortableDecision(annotator, pair, Decision.MATCH if match else Decision.NO_MATCH)
        for pair, match in labels.items()
    ]


def export_csv(store: LabelStore, path: Path, side: Side | None = None, rule: Rule = Rule.UNANIMOUS) -> int:
    """Write the settled labels as `ltable_id,rtable_id,label`; conflicts stay out. Returns how many."""
    rows = [
        (defused(label.pair.query.id), defused(label.pair.candidate.id), int(label.match))
        for label in store.labels(rule=rule)
        if label.match is not None and side in {None, label.side}
    ]
    with output_text(path) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return len(rows)
