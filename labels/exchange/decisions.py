"""Decisions that people made elsewhere, recorded under their names."""

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
    """One annotator's explicit decision on one pair, as the files of other programs carry it.

    Attributes:
        at: when, as ISO 8601 text with its offset; None where the file does not tell.
        side: which use it was for; None where the file does not tell.
    """

    annotator: str
    pair: Pair
    decision: Decision
    at: str | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class LabelImport:
    """What an import of labels did.

    Attributes:
        written: decisions recorded.
        repeated: decisions that the same annotator had made already.
        validation: how many of the recorded decisions are on the validation side.
        shared_queries: queries that now have decisions on both sides.
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
    """The explicit decisions that stand, oldest first; of one side where given; without some, by their numbers.

    Implied ones stay here: other programs do not tell the two apart, and they would come back as explicit.
    """
    with readable_errors(store.path):
        rows = store.connection.execute(_EXPLICIT, {"side": side}).fetchall()
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
    """Record decisions, all or none of them. The last one of an annotator on a pair counts.

    Args:
        store: the ledger.
        decisions: in the order in which they were made.
        split: `auto` puts the workspace's own validation queries, and what the file says is for validation, on the
            validation side and all others on the training side; the other two say which side the whole file is on.

    Raises:
        LabelsError: a pair already stands on the other side, or what is for validation was to train.
    """
    last = {(d.annotator, d.pair): d for d in decisions}
    with readable_errors(store.path), transaction(store.connection):
        drawn = store.validation_queries()
        if split != "auto":
            _refuse_both_sides(store, last.values(), Side(split), drawn)
        said = {(d.annotator, d.pair): d.decision for d in store.decisions() if d.strength is Strength.EXPLICIT}
        fresh = [d for key, d in last.items() if said.get(key) is not d.decision]
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
    judges = decision.side is Side.VALIDATION or decision.pair.query in drawn
    return Side.VALIDATION if judges else Side.TRAIN


def _refuse_both_sides(
    store: LabelStore, decisions: Iterable[PortableDecision], side: Side, drawn: set[ProductRef]
) -> None:
    standing = {label.pair: label.side for label in store.labels()}
    clashes = [d.pair for d in decisions if standing.get(d.pair, side) is not side]
    if clashes:
        pair = clashes[0]
        raise LabelsError(
            f"{counted(len(clashes), 'pair already stands', 'pairs already stand')} on the other side,"
            f" {pair.query.id},{pair.candidate.id} first.",
            "A pair that is judged on must not be trained on: leave it out of one of the files.",
        )
    own = {d.pair.query for d in decisions if d.pair.query in drawn}
    if side is Side.TRAIN and own:
        raise LabelsError(
            f"{counted(len(own), 'query of the file is', 'queries of the file are')} for validation in this"
            " workspace, and train nothing.",
            "Import that file alone with `samesku labels import FILE --split auto`, which keeps them on the validation"
            " side.",
        )
    if side is Side.TRAIN and any(d.side is Side.VALIDATION for d in decisions):
        raise LabelsError(
            "Decisions of the file were made for validation, and never train anything.",
            "Import that file alone with `samesku labels import FILE --split auto`, which keeps them on the validation"
            " side.",
        )


def _events(decisions: Sequence[PortableDecision], sides: Sequence[Side]) -> list[tuple[object, ...]]:
    """One action for each query that an annotator decided on at one moment; it answers the query if it has a match."""
    now = utc_now()
    actions: dict[tuple[str, ProductRef, str, Side], list[PortableDecision]] = {}
    for decision, side in zip(decisions, sides, strict=True):
        actions.setdefault((decision.annotator, decision.pair.query, decision.at or now, side), []).append(decision)
    events = []
    for (annotator, query, at, side), made in actions.items():
        action: dict[str, object] = {
            "action": uuid.uuid4().hex, "at": at, "annotator": annotator, "verb": Verb.IMPORT.value,
            "query_source": query.source, "query_id": query.id, "strength": Strength.EXPLICIT.value,
            "stream": Stream.TRIAGE.value, "side": side.value, "blind": 0, "text": "",
            "closes": int(any(d.decision is Decision.MATCH for d in made)),
        }  # fmt: skip
        for d in made:
            pair = {"candidate_source": d.pair.candidate.source, "candidate_id": d.pair.candidate.id}
            event = action | pair | {"decision": d.decision.value}
            events.append(tuple(event.get(name) for name in chain.EVENT_FIELDS))
    return events


def _sides_by_query(store: LabelStore) -> dict[ProductRef, set[Side]]:
    sides: dict[ProductRef, set[Side]] = {}
    for decision in store.decisions():
        sides.setdefault(decision.pair.query, set()).add(decision.side)
    return sides
