"""What the labels add up to, in the benchmark's own CSV."""

import csv
from collections.abc import Iterable
from pathlib import Path

from labels.consensus import Label, Rule
from labels.exchange.cells import defused
from labels.exchange.decisions import LabelImport, PortableDecision, SplitChoice, import_decisions
from labels.exchange.writing import output_text
from labels.model import Decision, Pair, Side
from labels.reading import LabelReader
from labels.store import LabelStore

COLUMNS = ("ltable_id", "rtable_id", "label")
#: The columns that say whose ids they are, where several sources may be meant.
SOURCE_COLUMNS = ("query_source", "candidate_source")


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
    rows = [
        (
            defused(label.pair.query.id), defused(label.pair.candidate.id), int(label.match),
            *((defused(label.pair.query.source), defused(label.pair.candidate.source)) if sources else ()),
        )
        for label in (store.labels(rule=rule) if labels is None else labels)
        if label.match is not None and side in {None, label.side}
    ]  # fmt: skip
    with output_text(path) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow((*COLUMNS, *(SOURCE_COLUMNS if sources else ())))
        writer.writerows(rows)
    return len(rows)
