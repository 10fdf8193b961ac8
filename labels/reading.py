"""What the ledger says now: the decisions that stand, and what became of the queries."""

from datetime import datetime
from pathlib import Path
from typing import Self

from labels.database import connect, readable_errors
from labels.model import Action, CurrentDecision, Decision, Pair, ProductRef, Side, Stream, Strength, Verb

_DECISIONS = """
SELECT e.query_source, e.query_id, e.candidate_source, e.candidate_id, e.annotator, e.decision, e.strength,
    e.stream, e.side, e.action, e.seq
FROM current AS c JOIN events AS e USING (seq)
"""


class LabelReader:
    """The reading half of labels.db. A method raises LabelsError where the file cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def decisions(self, query: ProductRef | None = None, side: Side | None = None) -> list[CurrentDecision]:
        """The decisions that stand now, of everybody, oldest first; of one query or side where given."""
        where, values = [], []
        if query is not None:
            where.append("(e.query_source, e.query_id) = (?, ?)")
            values += [query.source, query.id]
        if side is not None:
            where.append("e.side = ?")
            values.append(side.value)
        clause = " WHERE " + " AND ".join(where) if where else ""
        with readable_errors(self.path):
            rows = self.connection.execute(_DECISIONS + clause + " ORDER BY e.seq", values).fetchall()
        return [
            CurrentDecision(
                Pair(ProductRef(r[0], r[1]), ProductRef(r[2], r[3])),
                r[4], Decision(r[5]), Strength(r[6]), Stream(r[7]), Side(r[8]), r[9], r[10],
            )
            for r in rows
        ]  # fmt: skip

    def closed_queries(self) -> set[ProductRef]:
        """Queries that somebody has answered."""
        return self._queries("closes = 1 AND undone_at IS NULL")

    def skipped_queries(self, annotator: str) -> set[ProductRef]:
        """Queries that this annotator put off for later."""
        return self._queries("verb = 'skip' AND undone_at IS NULL AND annotator = ?", annotator)

    def flagged_queries(self) -> set[ProductRef]:
        """Queries that somebody wants a second look at: flagged an odd number of times."""
        return self._queries(
            "verb = 'flag' AND undone_at IS NULL GROUP BY query_source, query_id HAVING count(*) % 2 = 1"
        )

    def _queries(self, where: str, *values: str) -> set[ProductRef]:
        with readable_errors(self.path):
            rows = self.connection.execute(
                f"SELECT query_source, query_id FROM actions WHERE {where}",  # noqa: S608 - constants only
                values,
            )
            return {ProductRef(*row) for row in rows}

    def last_seen(self, annotator: str) -> float | None:
        """When somebody acted last, in seconds since the epoch; None for a newcomer."""
        with readable_errors(self.path):
            row = self.connection.execute(
                "SELECT at FROM events WHERE seq = (SELECT max(seq) FROM actions WHERE annotator = ?)", [annotator]
            ).fetchone()
        return datetime.fromisoformat(row[0]).timestamp() if row else None

    def comments(self, query: ProductRef) -> list[Action]:
        """What people wrote about a query, oldest first."""
        with readable_errors(self.path):
            rows = self.connection.execute(
                "SELECT id, annotator, text FROM actions WHERE verb = 'comment' AND undone_at IS NULL"
                " AND (query_source, query_id) = (?, ?) ORDER BY seq",
                [query.source, query.id],
            ).fetchall()
        return [Action(row[0], row[1], Verb.COMMENT, query, closes=False, text=row[2]) for row in rows]

    def is_validation(self, query: ProductRef) -> bool:
        """Whether the query was drawn for validation."""
        row = self.connection.execute(
            "SELECT 1 FROM validation WHERE (query_source, query_id) = (?, ?)", [query.source, query.id]
        ).fetchone()
        return row is not None

    def validation_queries(self) -> set[ProductRef]:
        """All queries drawn for validation."""
        with readable_errors(self.path):
            return {
                ProductRef(*row) for row in self.connection.execute("SELECT query_source, query_id FROM validation")
            }
