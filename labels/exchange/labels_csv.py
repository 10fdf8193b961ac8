"""What the labels add up to, in the benchmark's own CSV, both ways."""

import csv
from pathlib import Path

from labels.consensus import Rule
from labels.errors import LabelsError
from labels.exchange.cells import defused, restored
from labels.exchange.decisions import LabelImport, PortableDecision, SplitChoice, import_decisions
from labels.exchange.writing import replacing
from labels.model import Decision, Pair, ProductRef, Side
from labels.store import LabelStore

COLUMNS = ("ltable_id", "rtable_id", "label")


def read_pairs(path: Path, query_source: str, candidate_source: str) -> dict[Pair, bool]:
    """Read `ltable_id,rtable_id,label` lines; a label is 1 or 0.

    Raises:
        LabelsError: no such file, other columns, or a line that is no label; the message names the line.
    """
    labels: dict[Pair, bool] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                raise LabelsError(
                    f"{path} has no column {', '.join(missing)}.",
                    "A labels file has the columns ltable_id,rtable_id,label.",
                )
            for row in reader:
                query, candidate, label = (restored((row[c] or "").strip()) for c in COLUMNS)
                pair = Pair(ProductRef(query_source, query), ProductRef(candidate_source, candidate))
                if label not in {"0", "1"} or not query or not candidate:
                    raise LabelsError(
                        f"{path}, line {reader.line_num}: a label is two ids and 0 or 1.",
                        "Mend the line; nothing was imported.",
                    )
                if labels.setdefault(pair, label == "1") != (label == "1"):
                    raise LabelsError(
                        f"{path}, line {reader.line_num}: the pair {query},{candidate} has both labels.",
                        "Keep one of its lines; nothing was imported.",
                    )
    except OSError as error:
        raise LabelsError(f"{path} cannot be opened: {error.strerror}.", "Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelsError(
            f"{path} cannot be read as a labels file: {error}.", "It should be UTF-8 CSV text."
        ) from error
    return labels


def import_labels(
    store: LabelStore, labels: dict[Pair, bool], annotator: str, split: SplitChoice = "auto"
) -> LabelImport:
    """Record what `read_pairs` gave as decisions of one annotator, all or none of them.

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
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return len(rows)
