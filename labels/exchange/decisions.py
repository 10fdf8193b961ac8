"""Import and export of explicit decisions that annotators made in other programs."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from labels import chain, projection
from labels.database import decode_errors, readable_errors, transaction
from labels.errors import LabelsError
from labels.model import Decision, Pair, ProductRef, Side, Stream, Strength, Verb
from labels.reader import LabelReader
from labels.store import LabelStore, utc_now
from labels.wording import counted

SplitChoice = Literal["auto", "train", "validation"]

_EXPLICIT = """
SELECT c.annotator, c.query_source, c.query_id, c.candidate_source, c.candidate_id, c.decision, e.at, c.side, c.seq
FROM current AS c JOIN events AS e USING (seq)
WHERE c.strength = 'explicit' AND (c.side = :side OR :side IS NULL) ORDER BY c.seq
"""


@dataclass(frozen=True, slots=True)
class PortableDecision:
    """One annotator's explicit decision on one pair, as in the files of other programs.

    Attributes:
        at: when, ISO 8601 with UTC offset; None where the file does not say.
        side: which use it was for; None where the file does not say.
    """

    annotator: str
    pair: Pair
    decision: Decision
    at: str | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class LabelImport:
    """The result of an import of decisions.

    Attributes:
        written: number of decisions recorded.
        repeated: number of decisions that the same annotator had made already.
        validation: how many of the recorded decisions are on the validation side.
        shared_queries: number of queries that now have decisions on both sides.
    """

    written: int
    repeated: int
    validation: int
    shared_queries: int

    def as_dict(self) -> dict[str, object]:
        """The counts by name, for JSON."""
        return asdict(self)


def explicit_decisions(
    store: LabelReader, side: Side | None = None, without: Collection[int] = ()
) -> list[PortableDecision]:
    """The standing explicit decisions, oldest first.

    Implied ones are not exported: other programs do not distinguish the two, and would return them as explicit.

    Args:
        store: the ledger.
        side: only decisions of this side; None for both.
        without: numbers of events to leave out.

    Raises:
        LabelsError: the ledger cannot be read.
    """
    rows = store.rows(_EXPLICIT, {"side": side})
    with decode_errors(store.path):
        return [
            PortableDecision(
                r[0], Pair(ProductRef(r[1], r[2]), ProductRef(r[3], r[4])), Decision(r[5]), at=r[6], side=Side(r[7])
            )
            for r in rows
            if r[8] not in without
        ]


def import_decisions(
    store: LabelStore, decisions: Iterable[PortableDecision], split: SplitChoice = "auto"
) -> LabelImport:
    """Record decisions in one transaction. Of several by an annotator on a pair the last one counts.

    Args:
        store: the ledger.
        decisions: in the order in which they were made.
        split: `auto` puts decisions on validation queries of this workspace, and those that the file marks as
            validation, on the validation side and all others on the training side; `train` and `validation` put the
            whole file on one side.

    Raises:
        LabelsError: a pair already has a label on the other side, or decisions for validation were to train.
    """
    last = {(d.annotator, d.pair): d for d in decisions}
    with readable_errors(store.path), transaction(store.connection):
        drawn = store.validation_queries()
        if split != "auto":
            _refuse_both_sides(store, last.values(), Side(split), drawn)
        recorded = {(d.annotator, d.pair): d.decision for d in store.decisions() if d.strength is Strength.EXPLICIT}
        fresh = [d for key, d in last.items() if recorded.get(key) is not d.decision]
        sides = [_side(d, split, drawn) for d in fresh]
        if chain.append(store.connection, _events(fresh, sides)):
            projection.rebuild(store.connection)
        queries = {pair.query for _, pair in last}
        return LabelImport(
            written=len(fresh),
            repeated=len(last) - len(fresh),
            validation=sides.count(Side.VALIDATION),
            shared_queries=sum(len(s) > 1 for q, s in _sides_by_query(store).items() if q in queries),
        )


def _side(decision: PortableDecision, split: SplitChoice, drawn: set[ProductRef]) -> Side:
    if split != "auto":
        return Side(split)
    validation = decision.side is Side.VALIDATION or decision.pair.query in drawn
    return Side.VALIDATION if validation else Side.TRAIN


def _refuse_both_sides(
    store: LabelStore, decisions: Iterable[PortableDecision], side: Side, drawn: set[ProductRef]
) -> None:
    labelled = {label.pair: label.side for label in store.labels()}
    conflicts = [d.pair for d in decisions if labelled.get(d.pair, side) is not side]
    if conflicts:
        pair = conflicts[0]
        raise LabelsError(
            f"{counted(len(conflicts), 'pair is', 'pairs are')} already on the other side, the first is"
            f" {pair.query.id},{pair.candidate.id}.",
            "A validation pair must not be trained on: leave it out of one of the files.",
        )
    if side is not Side.TRAIN:
        return
    hint = "Import that file alone with `samesku labels import FILE --split auto`; that keeps them for validation."
    validation = {d.pair.query for d in decisions if d.pair.query in drawn}
    if validation:
        queries = counted(len(validation), "query of the file is", "queries of the file are")
        raise LabelsError(f"{queries} for validation in this workspace, and train nothing.", hint)
    if any(d.side is Side.VALIDATION for d in decisions):
        raise LabelsError("Decisions of the file were made for validation, and never train anything.", hint)


def _events(decisions: Sequence[PortableDecision], sides: Sequence[Side]) -> list[tuple[object, ...]]:
    """The events, one action per annotator, query, time and side; an action with a match closes its query."""
    now = utc_now()
    actions: dict[tuple[str, ProductRef, str, Side], list[PortableDecision]] = {}
    for decision, side in zip(decisions, sides, strict=True):
        actions.setdefault((decision.annotator, decision.pair.query, decision.at or now, side), []).append(decision)
    events = []
    for (annotator, query, at, side), group in actions.items():
        action: dict[str, object] = {
            "action": uuid.uuid4().hex, "at": at, "annotator": annotator, "verb": Verb.IMPORT.value,
            "query_source": query.source, "query_id": query.id, "strength": Strength.EXPLICIT.value,
            "stream": Stream.TRIAGE.value, "side": side.value, "blind": 0, "text": "",
            "closes": int(any(d.decision is Decision.MATCH for d in group)),
        }  # fmt: skip
        for d in group:
            pair = {"candidate_source": d.pair.candidate.source, "candidate_id": d.pair.candidate.id}
            event = action | pair | {"decision": d.decision.value}
            events.append(tuple(event.get(name) for name in chain.EVENT_FIELDS))
    return events


def _sides_by_query(store: LabelStore) -> dict[ProductRef, set[Side]]:
    sides: dict[ProductRef, set[Side]] = {}
    for decision in store.decisions():
        sides.setdefault(decision.pair.query, set()).add(decision.side)
    return sides
