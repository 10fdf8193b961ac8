"""Validation of the records of an exported ledger: each record once, in order, with bounded memory per record."""

from collections.abc import Mapping

from labels import chain, draws
from labels.errors import LabelsError
from labels.exchange.fields import (
    Check,
    is_count,
    is_escaped_name,
    is_flag,
    is_id,
    is_integer,
    is_number,
    is_text,
    is_timestamp,
    one_of,
    optional,
    unescape,
)
from labels.exchange.records import FORMAT, FORMAT_WITHOUT_DRAWS, NAMES, Record
from labels.model import Decision, Side, Stream, Strength, Verb
from labels.wording import counted

_EVENT: dict[str, Check] = {
    "seq": is_integer, "action": is_escaped_name, "at": is_timestamp, "annotator": is_escaped_name,
    "verb": one_of(Verb), "query_source": is_escaped_name, "query_id": is_id,
    "candidate_source": optional(is_escaped_name), "candidate_id": optional(is_id),
    "decision": optional(one_of(Decision)), "strength": optional(one_of(Strength)), "stream": one_of(Stream),
    "side": one_of(Side), "blind": is_flag, "closes": is_flag, "look_ms": optional(is_integer),
    "rank": optional(is_integer), "similarity": optional(is_number), "probability": optional(is_number),
    "model": optional(is_escaped_name), "target": optional(is_escaped_name), "text": is_text, "hash": is_escaped_name,
}  # fmt: skip
_QUERY: dict[str, Check] = {
    "query_source": is_escaped_name, "query_id": is_id, "seed": is_integer, "drawn_at": is_timestamp,
    "version": is_count, "stratum": is_text, "weight": is_number,
}  # fmt: skip
_DRAW: dict[str, Check] = {
    "number": is_count,
    "purpose": draws.TABLES.__contains__,
    "version": is_count,
    "queries": is_count,
    "hash": is_escaped_name,
}
_QUERIES = dict.fromkeys(draws.TABLES, _QUERY)
_CHECKS = {
    FORMAT_WITHOUT_DRAWS: {"event": _EVENT, **_QUERIES},
    FORMAT: {"event": {**_EVENT, "drawn": is_integer}, **_QUERIES, "draw": _DRAW},
}
#: The columns of the records of each kind, by format.
COLUMNS = {number: {kind: tuple(of) for kind, of in checks.items()} for number, checks in _CHECKS.items()}
#: Columns that may hold an integer in a file, since JSON tools write 1.0 as 1.
_REAL_COLUMNS = ("similarity", "probability", "weight")
#: Columns in which the events of one action may differ.
_CANDIDATE_COLUMNS = {
    "candidate_source",
    "candidate_id",
    "decision",
    "strength",
    "rank",
    "similarity",
    "probability",
    "model",
}
_ACTION_COLUMNS = [name for name in chain.EVENT_FIELDS if name not in _CANDIDATE_COLUMNS]
_UNDO_REDO = {Verb.UNDO, Verb.REDO}


class LedgerValidation:
    """Validates records in order, and at the end that none is missing.

    Every method raises LabelsError with a message about the record.

    Args:
        header: the record of the kind `ledger`.
    """

    def __init__(self, header: Mapping[str, object]) -> None:
        #: The format of the records.
        self.format = header.get("format")
        known = is_integer(self.format) and self.format in _CHECKS
        self._checks = _CHECKS[int(str(self.format))] if known else _CHECKS[FORMAT_WITHOUT_DRAWS]
        counts = {kind: header.get(kind) for kind in self._checks}
        if header.get("kind") != "ledger" or not all(is_integer(count) for count in counts.values()):
            raise LabelsError("this is not an export of a ledger.")
        if not known:
            raise LabelsError("it was written by a newer samesku.")
        #: How many records of each kind are still to come.
        self._remaining = {kind: int(str(count)) for kind, count in counts.items()}
        #: The hash of each draw by its number, and the digests of drawn queries whose draw has not come yet.
        self._draws = [chain.GENESIS]
        self._digests: dict[tuple[str, object], draws.Digest] = {}
        self._hash = chain.GENESIS
        self._seq = 0
        self._event: Record = {}
        #: The last draw that an event covered.
        self._drawn = 0
        self._queries: set[tuple[object, ...]] = set()
        #: Annotator and query of every action so far; None for an undo or redo, which cannot itself be undone.
        self._actions: dict[str, tuple[object, ...] | None] = {}

    def kind(self, record: Record) -> str:
        """Validate the next record and return its kind.

        The record is normalized in place: integers in real columns become floats, names are unescaped, and an event of
        format 1 gets `drawn`.
        """
        kind = record.get("kind")
        checks = self._checks.get(kind) if isinstance(kind, str) else None
        if checks is None or not isinstance(kind, str):
            raise LabelsError("its kind of record is unknown.")
        self._check_fields(record, checks)
        self._remaining[kind] -= 1
        if kind == "event":
            record.setdefault("drawn", 0)
            self._check_hash(record)
            self._check_action(record)
        elif kind == "draw":
            self._check_draw(record)
        else:
            self._add_query(kind, record)
        return kind

    def end(self) -> None:
        """Check that the number of records of each kind is the one in the header."""
        for kind, left in self._remaining.items():
            if left:
                raise LabelsError(
                    f"{counted(abs(left), f'{kind} record is', f'{kind} records are')}"
                    f" {'missing' if left > 0 else 'too many'}."
                )
        for kind, version in self._digests if self.format == FORMAT else ():
            raise LabelsError(f"the queries of {kind} {version} belong to no draw.")

    def _check_fields(self, record: Record, checks: Mapping[str, Check]) -> None:
        for name in sorted(record.keys() ^ checks.keys() ^ {"kind"}):
            missing = name in checks
            raise LabelsError(f"the column {name} is missing." if missing else f"there is no column {_short(name)}.")
        for name in _REAL_COLUMNS:
            if name in record and is_integer(record[name]):
                record[name] = float(str(record[name]))
        for name, is_valid in checks.items():
            if not is_valid(record[name]):
                raise LabelsError(f"{name} cannot be {_short(record[name])}.")
        for name in NAMES & record.keys():
            if isinstance(written := record[name], str):
                record[name] = unescape(written)

    def _check_hash(self, event: Record) -> None:
        self._seq += 1
        drawn = int(str(event["drawn"]))
        # An event cannot cover a draw that does not exist, nor an earlier one than the event before it.
        draw = (drawn, self._draws[drawn]) if drawn in range(self._drawn, len(self._draws)) else (drawn, "")
        self._hash = chain.event_hash(self._hash, [event[name] for name in chain.COLUMNS], draw)
        if event["seq"] != self._seq or event["hash"] != self._hash or not draw[1]:
            raise LabelsError("the hash chain is broken here: something was changed, or is missing before it.")
        self._drawn = drawn

    def _add_query(self, kind: str, row: Record) -> None:
        # A query is drawn for validation once, and once in each audit draw.
        query = (kind, row["query_source"], row["query_id"], row["version"] if kind == "audit" else None)
        if query in self._queries:
            raise LabelsError("the query is drawn twice.")
        self._queries.add(query)
        digest = self._digests.setdefault((kind, row["version"]), draws.Digest())
        digest.add([row[name] for name in draws.QUERY_COLUMNS])

    def _check_draw(self, draw: Record) -> None:
        purpose, version, number, queries = (draw[name] for name in ("purpose", "version", "number", "queries"))
        digest = self._digests.pop((str(purpose), version), draws.Digest())
        expected = digest.link(self._draws[-1], len(self._draws), str(purpose), int(str(version)), digest.queries)
        if (number, queries, draw["hash"]) != (len(self._draws), digest.queries, expected):
            raise LabelsError("the draw was changed, or a draw is missing before it.")
        self._draws.append(expected)

    def _check_action(self, event: Record) -> None:
        action, verb, target = str(event["action"]), event["verb"], event["target"]
        if (event["decision"] is None) != (event["strength"] is None):
            raise LabelsError("a decision has a strength, and nothing else has.")
        if event["decision"] is not None and None in {event["candidate_source"], event["candidate_id"]}:
            raise LabelsError("a decision needs a candidate.")
        if (verb in _UNDO_REDO) != (target is not None) or (verb in _UNDO_REDO and event["decision"] is not None):
            raise LabelsError("undo and redo name their target, and nothing else does.")
        if action == self._event.get("action"):
            if verb in _UNDO_REDO or any(event[name] != self._event[name] for name in _ACTION_COLUMNS):
                raise LabelsError("the events of one action differ.")
            return
        if action in self._actions:
            raise LabelsError("the events of the action are not consecutive.")
        subject = (event["annotator"], event["query_source"], event["query_id"])
        if target is not None and self._actions.get(str(target)) != subject:
            raise LabelsError("its target is not an action of this annotator on this query.")
        self._actions[action] = None if verb in _UNDO_REDO else subject
        self._event = event


def _short(value: object) -> str:
    shown = ascii(value) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
    return shown if len(shown) <= 60 else shown[:60] + "…"
