"""Do the records of a file make a ledger? Each is looked at once, in order."""

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
#: What the records of each kind hold beside their kind, by format.
COLUMNS = {number: {kind: tuple(of) for kind, of in checks.items()} for number, checks in _CHECKS.items()}
#: JSON tools write 1.0 as 1.
_REALS = ("similarity", "probability", "weight")
#: What the events of one action may differ in.
_OF_A_PAIR = {"candidate_source", "candidate_id", "decision", "strength", "rank", "similarity", "probability", "model"}
_SHARED = [name for name in chain.EVENT_FIELDS if name not in _OF_A_PAIR]
_TURNS = {Verb.UNDO, Verb.REDO}


class LedgerValidation:
    """Checks records one after the other, and at the end whether all have come.

    Args:
        header: the record of the kind `ledger`.

    Raises:
        LabelsError: by every method, saying what is wrong with the record.
    """

    def __init__(self, header: Mapping[str, object]) -> None:
        #: Which format the records are in.
        self.format = header.get("format")
        known = is_integer(self.format) and self.format in _CHECKS
        self._checks = _CHECKS[int(str(self.format))] if known else _CHECKS[FORMAT_WITHOUT_DRAWS]
        counts = {kind: header.get(kind) for kind in self._checks}
        if header.get("kind") != "ledger" or not all(is_integer(count) for count in counts.values()):
            raise LabelsError("this is no export of a ledger.")
        if not known:
            raise LabelsError("a newer samesku wrote it.")
        self._left = {kind: int(str(count)) for kind, count in counts.items()}
        #: The hash of each draw by its number, and what was drawn but is of no draw yet.
        self._draws = [chain.GENESIS]
        self._digests: dict[tuple[str, object], draws.Digest] = {}
        self._hash = chain.GENESIS
        self._seq = 0
        self._event: Record = {}
        #: The last draw that an event covered.
        self._drawn = 0
        self._queries: set[tuple[object, ...]] = set()
        #: Who acted on what in every action so far; nothing for an undo or redo, which cannot be undone itself.
        self._actions: dict[str, tuple[object, ...] | None] = {}

    def kind(self, record: Record) -> str:
        """What kind of record this is, if it fits what came before.

        It is completed: numbers that should be reals are made so, names are what they were before they were escaped,
        and an event gets its last draw.
        """
        kind = record.get("kind")
        checks = self._checks.get(kind) if isinstance(kind, str) else None
        if checks is None or not isinstance(kind, str):
            raise LabelsError("there is no such kind of record.")
        self._fields(record, checks)
        self._left[kind] -= 1
        if kind == "event":
            record.setdefault("drawn", 0)
            self._link(record)
            self._act(record)
        elif kind == "draw":
            self._draw(record)
        else:
            self._query(kind, record)
        return kind

    def end(self) -> None:
        """All that was announced has come, and no more."""
        for kind, left in self._left.items():
            if left:
                raise LabelsError(
                    f"{counted(abs(left), f'{kind} record is', f'{kind} records are')}"
                    f" {'missing' if left > 0 else 'too many'}."
                )
        for kind, version in self._digests if self.format == FORMAT else ():
            raise LabelsError(f"the queries of {kind} {version} belong to no draw.")

    def _fields(self, record: Record, checks: Mapping[str, Check]) -> None:
        for name in sorted(record.keys() ^ checks.keys() ^ {"kind"}):
            known = name in checks
            raise LabelsError(f"the column {name} is missing." if known else f"there is no column {_short(name)}.")
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
        drawn = int(str(event["drawn"]))
        # What covers a draw that is not there, or fewer than the event before, cannot have been written.
        draw = (drawn, self._draws[drawn]) if drawn in range(self._drawn, len(self._draws)) else (drawn, "")
        self._hash = chain.event_hash(self._hash, [event[name] for name in chain.COLUMNS], draw)
        if event["seq"] != self._seq or event["hash"] != self._hash or not draw[1]:
            raise LabelsError("the chain of hashes is broken here: something was changed, or is missing before it.")
        self._drawn = drawn

    def _query(self, kind: str, row: Record) -> None:
        # A query is drawn for validation once, and for every audit once.
        query = (kind, row["query_source"], row["query_id"], row["version"] if kind == "audit" else None)
        if query in self._queries:
            raise LabelsError("the query was drawn before.")
        self._queries.add(query)
        digest = self._digests.setdefault((kind, row["version"]), draws.Digest())
        digest.add([row[name] for name in draws.QUERY_COLUMNS])

    def _draw(self, draw: Record) -> None:
        purpose, version, number, queries = (draw[name] for name in ("purpose", "version", "number", "queries"))
        digest = self._digests.pop((str(purpose), version), draws.Digest())
        expected = digest.link(self._draws[-1], len(self._draws), str(purpose), int(str(version)), digest.queries)
        if (number, queries, draw["hash"]) != (len(self._draws), digest.queries, expected):
            raise LabelsError("the draw is not as it was drawn: something was changed, or is missing before it.")
        self._draws.append(expected)

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
