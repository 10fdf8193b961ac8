"""Do the records of a file make a ledger? Each is looked at once, in order."""

from collections.abc import Mapping

from labels import chain
from labels.errors import LabelsError
from labels.exchange.appending import FACTS
from labels.exchange.cells import unescape
from labels.exchange.records import DRAWS, FORMAT, NAMES, Record
from labels.exchange.values import (
    Check,
    is_bit,
    is_count,
    is_id,
    is_integer,
    is_moment,
    is_number,
    is_text,
    is_written_name,
    one_of,
    optional,
)
from labels.model import Decision, Side, Stream, Strength, Verb

_EVENT: dict[str, Check] = {
    "seq": is_integer, "action": is_written_name, "at": is_moment, "annotator": is_written_name, "verb": one_of(Verb),
    "query_source": is_written_name, "query_id": is_id,
    "candidate_source": optional(is_written_name), "candidate_id": optional(is_id),
    "decision": optional(one_of(Decision)), "strength": optional(one_of(Strength)), "stream": one_of(Stream),
    "side": one_of(Side), "blind": is_bit, "closes": is_bit, "look_ms": optional(is_integer),
    "rank": optional(is_integer), "similarity": optional(is_number), "probability": optional(is_number),
    "model": optional(is_written_name), "target": optional(is_written_name), "text": is_text, "hash": is_written_name,
}  # fmt: skip
_DRAW: dict[str, Check] = {
    "query_source": is_written_name, "query_id": is_id, "seed": is_integer, "drawn_at": is_moment, "version": is_count,
    "stratum": is_text, "weight": is_number,
}  # fmt: skip
_CHECKS = {"event": _EVENT} | dict.fromkeys(DRAWS, _DRAW)
#: What the records of each kind hold beside their kind.
COLUMNS = {kind: tuple(checks) for kind, checks in _CHECKS.items()}
#: JSON tools write 1.0 as 1.
_REALS = ("similarity", "probability", "weight")
#: What the events of one action may differ in.
_OF_A_PAIR = {"candidate_source", "candidate_id", "decision", "strength", "rank", "similarity", "probability", "model"}
_SHARED = [name for name in FACTS if name not in _OF_A_PAIR]
_TURNS = {Verb.UNDO, Verb.REDO}


class Fitting:
    """Checks records one after the other, and at the end whether all have come.

    Args:
        header: the record of the kind `ledger`.

    Raises:
        LabelsError: by every method, saying what is wrong with the record.
    """

    def __init__(self, header: Mapping[str, object]) -> None:
        counts = {kind: header.get(kind) for kind in _CHECKS}
        if header.get("kind") != "ledger" or not all(is_integer(count) for count in counts.values()):
            raise LabelsError("this is no export of a ledger.")
        if header.get("format") != FORMAT:
            raise LabelsError("a newer samesku wrote it.")
        self._left = {kind: int(str(count)) for kind, count in counts.items()}
        self._hash = chain.GENESIS
        self._seq = 0
        self._event: Record = {}
        self._drawn: set[tuple[object, ...]] = set()
        #: Who acted on what in every action so far; nothing for an undo or redo, which cannot be undone itself.
        self._actions: dict[str, tuple[object, ...] | None] = {}

    def kind(self, record: Record) -> str:
        """What kind of record this is, if it fits what came before.

        Numbers that should be reals are made so, and names what they were before they were escaped.
        """
        kind = record.get("kind")
        checks = _CHECKS.get(kind) if isinstance(kind, str) else None
        if checks is None or not isinstance(kind, str):
            raise LabelsError("there is no such kind of record.")
        self._fields(record, checks)
        self._left[kind] -= 1
        if kind == "event":
            self._link(record)
            self._act(record)
        else:
            self._draw(kind, record)
        return kind

    def end(self) -> None:
        """All that was announced has come, and no more."""
        for kind, left in self._left.items():
            if left:
                raise LabelsError(f"{abs(left)} {kind} records are {'missing' if left > 0 else 'too many'}.")

    def _fields(self, record: Record, checks: Mapping[str, Check]) -> None:
        for name in sorted(record.keys() ^ checks.keys() ^ {"kind"}):
            known = name in checks
            raise LabelsError(f"the column {name} is missing." if known else f"there is no column {name!a}.")
        for name in _REALS:
            if name in record and is_integer(record[name]):
                record[name] = float(str(record[name]))
        for name, fits in checks.items():
            if not fits(record[name]):
                raise LabelsError(f"{name} cannot be {_short(record[name])}.")
        for name in NAMES & record.keys():
            if isinstance(written := record[name], str):
                record[name] = unescape(written)

    def _link(self, event: Record) -> None:
        self._seq += 1
        self._hash = chain.link(self._hash, [event[name] for name in chain.COLUMNS])
        if event["seq"] != self._seq or event["hash"] != self._hash:
            raise LabelsError("the chain of hashes is broken here: something was changed, or is missing before it.")

    def _draw(self, kind: str, draw: Record) -> None:
        # A query is drawn for validation once, and for every audit once.
        drawn = (kind, draw["query_source"], draw["query_id"], draw["version"] if kind == "audit" else None)
        if drawn in self._drawn:
            raise LabelsError("the query was drawn before.")
        self._drawn.add(drawn)

    def _act(self, event: Record) -> None:
        action, verb, target = str(event["action"]), event["verb"], event["target"]
        if (event["decision"] is None) != (event["strength"] is None):
            raise LabelsError("a decision has a strength, and nothing else has.")
        if event["decision"] is not None and None in {event["candidate_source"], event["candidate_id"]}:
            raise LabelsError("a decision needs a candidate.")
        if (verb in _TURNS) != (target is not None) or (verb in _TURNS and event["decision"] is not None):
            raise LabelsError("undo and redo name their target, and nothing else does.")
        if action == self._event.get("action"):
            if verb in _TURNS or any(event[name] != self._event[name] for name in _SHARED):
                raise LabelsError("the action goes on otherwise than it began.")
            return
        if action in self._actions:
            raise LabelsError("the action stands in two places.")
        who = (event["annotator"], event["query_source"], event["query_id"])
        if target is not None and self._actions.get(str(target)) != who:
            raise LabelsError("its target is no action of this annotator on this query.")
        self._actions[action] = None if verb in _TURNS else who
        self._event = event


def _short(value: object) -> str:
    shown = ascii(value) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
    return shown if len(shown) <= 60 else shown[:60] + "…"
