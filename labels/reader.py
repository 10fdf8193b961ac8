"""The reading half of the label ledger: standing decisions, labels, draws, and the state of each query."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from labels import database
from labels.consensus import Label, Rule, Votes
from labels.database import connect, decode_errors, readable_errors
from labels.model import (
    LOOK_COMMENT,
    MACHINE,
    Action,
    CurrentDecision,
    Decision,
    Pair,
    ProductRef,
    Side,
    Stratum,
    Stream,
    Strength,
    Verb,
)

#: SQL conditions on `actions`: not a record of a look at other people's decisions; and can be undone by its annotator.
NOT_A_LOOK = f"NOT (verb = 'comment' AND text = '{LOOK_COMMENT}')"
UNDOABLE = f"verb <> 'import' AND {NOT_A_LOOK}"

_DECISIONS = """
SELECT query_source, query_id, candidate_source, candidate_id, annotator, decision, strength, stream, side, action, seq
FROM current
"""
_OPINIONS = """
SELECT query_source, query_id, candidate_source, candidate_id, matches, others, explicit, validation, adjudicated,
    people
FROM opinions
"""
_IS_QUERY = " (query_source, query_id) = (?, ?)"


class LabelReader:
    """labels.db, opened for reading. Every method raises LabelsError where the file cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect(path)
        database.write_marker(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. If it was deleted meanwhile, first back up what this connection can still read."""
        if self.connection.is_moved():
            from labels.recovery import rescue  # noqa: PLC0415 - rarely needed

            rescue(self.connection)
        self.connection.close()

    def require_present(self) -> None:
        """Return if the file at `path` is the open one and holds events.

        Raises:
            LabelsError: the file was deleted, replaced or emptied.
        """
        self.connection.require_same_file()
        self.rows("SELECT 1 FROM events LIMIT 1")

    def rows(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query.

        Raises:
            LabelsError: the file cannot be read.
        """
        with readable_errors(self.path):
            return self.connection.execute(sql, values).fetchall()

    def value(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> Any:
        """The first column of the first row of a query; None where it has no rows.

        Raises:
            LabelsError: the file cannot be read.
        """
        return next((row[0] for row in self.rows(sql, values)), None)

    def decisions(self, query: ProductRef | None = None, side: Side | None = None) -> list[CurrentDecision]:
        """The standing decisions of all annotators, oldest first; of one query or side where given."""
        where, values = [], []
        if query is not None:
            where.append("(query_source, query_id) = (?, ?)")
            values += [query.source, query.id]
        if side is not None:
            where.append("side = ?")
            values.append(side.value)
        return self._decisions(" WHERE " + " AND ".join(where) if where else "", values)

    def accepted_as(self, candidate: ProductRef) -> list[CurrentDecision]:
        """The standing matches of all annotators in which a product is the candidate, oldest first."""
        return self._decisions(" WHERE decision = 'match' AND (candidate_source, candidate_id) = (?, ?)", candidate)

    def _decisions(self, clause: str, values: Sequence[str]) -> list[CurrentDecision]:
        rows = self.rows(_DECISIONS + clause + " ORDER BY seq", values)
        with decode_errors(self.path):
            return [
                CurrentDecision(
                    Pair(ProductRef(r[0], r[1]), ProductRef(r[2], r[3])),
                    r[4], Decision(r[5]), Strength(r[6]), Stream(r[7]), Side(r[8]), r[9], r[10],
                )
                for r in rows
            ]  # fmt: skip

    def labels(self, query: ProductRef | None = None, rule: Rule = Rule.UNANIMOUS) -> list[Label]:
        """The label of each pair, ordered by pair; of one query where given. Abstentions make no label."""
        return self._labels("(query_source, query_id) = (?, ?)" if query else "true", rule, query or ())

    def conflicts(self, rule: Rule = Rule.UNANIMOUS) -> list[Label]:
        """The labels of pairs that annotators disagree about, ordered by pair."""
        disagreement = "matches > 0 AND others > 0"
        return self._labels(disagreement + (" AND matches = others" if rule is Rule.MAJORITY else ""), rule)

    def _labels(self, where: str, rule: Rule, values: Sequence[str] = ()) -> list[Label]:
        order = "query_source, query_id, candidate_source, candidate_id"
        rows = self.rows(f"{_OPINIONS} WHERE {where} ORDER BY {order}", values)
        return [votes_from_row(row).label(rule) for row in rows]

    def closed_queries(self) -> set[ProductRef]:
        """Queries that a person or the machine has answered."""
        return self._queries("queries WHERE closed > 0 OR closed_by_machine > 0")

    def is_closed(self, query: ProductRef) -> bool:
        """Whether a person or the machine has answered the query."""
        return bool(self._queries("queries WHERE closed + closed_by_machine > 0 AND" + _IS_QUERY, *query))

    def skipped_queries(self, annotator: str) -> list[ProductRef]:
        """Queries that this annotator skipped, the one skipped longest ago first."""
        rows = self.rows(
            "SELECT query_source, query_id FROM actions WHERE verb = 'skip' AND undone_at IS NULL AND annotator = ?"
            " GROUP BY query_source, query_id ORDER BY max(seq)",
            [annotator],
        )
        return [ProductRef(*row) for row in rows]

    def is_audited(self, query: ProductRef) -> bool:
        """Whether the query was ever drawn for audit."""
        return bool(self._queries("audits WHERE" + _IS_QUERY, *query))

    def is_flagged(self, query: ProductRef) -> bool:
        """Whether the query is flagged for a second look: a second flag removes the first."""
        return bool(self._queries("queries WHERE flagged > 0 AND" + _IS_QUERY, *query))

    def _queries(self, where: str, *values: str) -> set[ProductRef]:
        return {ProductRef(*row) for row in self.rows(f"SELECT query_source, query_id FROM {where}", values)}  # noqa: S608 - constants only

    def changed_since(self, seq: int) -> tuple[int, dict[ProductRef, tuple[bool, bool]]]:
        """The queries that have events after number `seq`.

        Returns:
            the number of the last event, to pass in the next call; and for each query whether people have answered it,
            and whether the machine has.
        """
        rows = self.rows(
            "SELECT query_source, query_id, closed > 0, closed_by_machine > 0, touched FROM queries WHERE touched > ?",
            [seq],
        )
        found = {ProductRef(row[0], row[1]): (bool(row[2]), bool(row[3])) for row in rows}
        return max((row[4] for row in rows), default=seq), found

    def answered_by(self, query: ProductRef) -> set[str]:
        """The people who have answered a query."""
        rows = self.rows(
            "SELECT DISTINCT annotator FROM actions WHERE (query_source, query_id) = (?, ?) AND closes"
            " AND undone_at IS NULL AND annotator <> ?",
            [*query, MACHINE],
        )
        return {row[0] for row in rows}

    def last_seen(self, annotator: str) -> float | None:
        """Time of an annotator's last action, in seconds since the epoch; None where there is none."""
        at = self.value(
            "SELECT at FROM events WHERE seq = (SELECT max(seq) FROM actions WHERE annotator = ?)", [annotator]
        )
        with decode_errors(self.path):
            return None if at is None else datetime.fromisoformat(at).timestamp()

    def last_stream(self, query: ProductRef, annotator: str) -> Stream | None:
        """The stream of an annotator's last decision on a query, also of one that was undone.

        Without a decision it is that of their last flag, comment or skip; None where they never acted on the query.
        """
        stream = self.value(
            "SELECT stream FROM events WHERE (query_source, query_id) = (?, ?) AND annotator = ?"
            " AND target IS NULL ORDER BY decision IS NOT NULL DESC, seq DESC LIMIT 1",
            [*query, annotator],
        )
        with decode_errors(self.path):
            return None if stream is None else Stream(stream)

    def last_event(self) -> int:
        """The number of the last event; 0 where there is none."""
        return int(self.value("SELECT coalesce(max(seq), 0) FROM events"))

    def comments(self, query: ProductRef) -> list[Action]:
        """The standing comments on a query, oldest first."""
        rows = self.rows(
            "SELECT id, annotator, text FROM actions WHERE verb = 'comment' AND undone_at IS NULL"
            " AND (query_source, query_id) = (?, ?) ORDER BY seq",
            query,
        )
        return [Action(row[0], row[1], Verb.COMMENT, query, closes=False, text=row[2]) for row in rows]

    def is_validation(self, query: ProductRef) -> bool:
        """Whether the query was drawn for validation."""
        return bool(self._queries("validation WHERE" + _IS_QUERY, *query))

    def validation_queries(self) -> set[ProductRef]:
        """All queries that were drawn for validation."""
        return self._queries("validation")

    def validation_version(self) -> int:
        """The latest version of the validation set; 0 before the first draw."""
        return int(self.value("SELECT coalesce(max(version), 0) FROM validation"))

    def audit_version(self) -> int:
        """The version of the latest audit draw; 0 before the first."""
        return int(self.value("SELECT coalesce(max(version), 0) FROM audits"))

    def audit_queries(self) -> set[ProductRef]:
        """All queries that were ever drawn for audit."""
        return self._queries("audits")

    def audit_sample(self, version: int) -> dict[ProductRef, Stratum]:
        """The queries of one audit draw, each with its stratum and weight."""
        rows = self.rows("SELECT query_source, query_id, stratum, weight FROM audits WHERE version = ?", [version])
        return {ProductRef(row[0], row[1]): Stratum(row[2], row[3]) for row in rows}

    def count_adjudicated(self) -> int:
        """The number of queries with an adjudicated pair."""
        return len(self._queries("opinions WHERE adjudicated"))


def votes_from_row(row: Sequence[Any]) -> Votes:
    """The votes in a row of the projection `opinions`; its last column, `seq`, is not used."""
    return Votes(Pair(ProductRef(row[0], row[1]), ProductRef(row[2], row[3])), row[4], row[5], *map(bool, row[6:10]))
