"""Labels in and out as files: the benchmark's CSV both ways, and every event as JSON lines."""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from labels.errors import LabelsError
from labels.model import Decision, Judgement, Pair, ProductRef, Side
from labels.store import LabelStore

COLUMNS = ("ltable_id", "rtable_id", "label")

SplitChoice = Literal["auto", "train", "validation"]


@dataclass(frozen=True, slots=True)
class LabelImport:
    """What an import of labels did.

    Attributes:
        written: decisions recorded.
        repeated: lines that said what this annotator had already said.
        validation: how many of the decisions are on the validation side.
        shared_queries: queries that now have decisions on both sides.
    """

    written: int
    repeated: int
    validation: int
    shared_queries: int

    def as_dict(self) -> dict[str, object]:
        """The counts by name, for JSON."""
        return asdict(self)


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
                query, candidate, label = (row[c] or "" for c in COLUMNS)
                pair = Pair(ProductRef(query_source, query.strip()), ProductRef(candidate_source, candidate.strip()))
                if label.strip() not in {"0", "1"} or not pair.query.id or not pair.candidate.id:
                    raise LabelsError(
                        f"{path}, line {reader.line_num}: a label is two ids and 0 or 1.",
                        "Mend the line; nothing was imported.",
                    )
                if labels.setdefault(pair, label.strip() == "1") != (label.strip() == "1"):
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
    """Record labels as decisions of one annotator, all or none of them.

    Args:
        store: the ledger.
        labels: what `read_pairs` gave.
        annotator: whose decisions they are.
        split: `auto` puts the workspace's own validation queries on the validation side and all others on the
            training side; the other two say which side the whole file is on.

    Raises:
        LabelsError: a pair already stands on the other side.
    """
    validation = store.validation_queries()
    side = None if split == "auto" else Side(split)
    if side is not None:
        _refuse_both_sides(labels, side, {label.pair: label.side for label in store.labels()})
    if side is Side.TRAIN and (own := {p.query for p in labels} & validation):
        raise LabelsError(
            f"{len(own)} queries of the file are this workspace's own validation queries, which never train anything.",
            "Import with `--split auto`, which keeps them on the validation side.",
        )
    said = {(d.pair, d.decision) for d in store.decisions() if d.annotator == annotator}
    by_query: dict[ProductRef, list[Judgement]] = {}
    for pair, match in labels.items():
        decision = Decision.MATCH if match else Decision.NO_MATCH
        if (pair, decision) not in said:
            by_query.setdefault(pair.query, []).append(Judgement(pair.candidate, decision))
    answers = ((query, found, any(j.decision is Decision.MATCH for j in found)) for query, found in by_query.items())
    written = store.record_all(annotator, answers, side=side)
    sides = _sides_by_query(store)
    return LabelImport(
        written=written,
        repeated=len(labels) - written,
        validation=sum(
            len(j) for q, j in by_query.items() if side is Side.VALIDATION or (side is None and q in validation)
        ),
        shared_queries=sum(len(s) > 1 for q, s in sides.items() if q in {p.query for p in labels}),
    )


def _refuse_both_sides(labels: Iterable[Pair], side: Side, standing: dict[Pair, Side]) -> None:
    clashes = [pair for pair in labels if standing.get(pair, side) is not side]
    if clashes:
        pair = clashes[0]
        raise LabelsError(
            f"{len(clashes)} pairs already stand on the other side, {pair.query.id},{pair.candidate.id} first.",
            "A pair that is judged on must not be trained on: leave it out of one of the files.",
        )


def _sides_by_query(store: LabelStore) -> dict[ProductRef, set[Side]]:
    sides: dict[ProductRef, set[Side]] = {}
    for decision in store.decisions():
        sides.setdefault(decision.pair.query, set()).add(decision.side)
    return sides


def export_csv(store: LabelStore, path: Path, side: Side | None = None) -> int:
    """Write the agreed labels as `ltable_id,rtable_id,label`; conflicts stay out. Returns how many."""
    rows = [
        (label.pair.query.id, label.pair.candidate.id, int(label.match))
        for label in store.labels()
        if label.match is not None and side in {None, label.side}
    ]
    with _replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return len(rows)


def export_events(store: LabelStore, path: Path) -> int:
    """Write every event, undone ones too, as JSON lines in their order. Returns how many."""
    cursor = store.connection.execute("SELECT * FROM events ORDER BY seq")
    names = [column[0] for column in cursor.description]
    count = 0
    with _replacing(path) as temporary, temporary.open("w", encoding="utf-8") as out:
        for row in cursor:
            out.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")
            count += 1
    return count


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to; it takes the place of `path` only when it is complete."""
    temporary = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise LabelsError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error
    finally:
        temporary.unlink(missing_ok=True)
