"""What people found when they checked the machine."""

from labels.database import known_values, readable_errors
from labels.model import MACHINE, Decision, ProductRef, Strength
from labels.reading import LabelReader
from labels.store import LabelStore


def audited_of(store: LabelStore, query: ProductRef) -> list[tuple[float | None, Decision, Strength]]:
    """What people said of each pair of one query in the audit stream, and the probability that was shown then.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(store.path), known_values(store.path):
        rows = store.connection.execute(
            "SELECT e.probability, e.decision, e.strength FROM current AS c JOIN events AS e USING (seq)"
            " WHERE (c.query_source, c.query_id) = (?, ?) AND e.stream = 'audit' AND e.annotator <> ?",
            [*query, MACHINE],
        ).fetchall()
        return [(row[0], Decision(row[1]), Strength(row[2])) for row in rows]


def audited_queries(store: LabelReader) -> set[ProductRef]:
    """The queries that people have answered in the audit stream.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(store.path):
        rows = store.connection.execute(
            "SELECT DISTINCT a.query_source, a.query_id FROM actions AS a JOIN events AS e ON e.seq = a.seq"
            " WHERE a.closes AND a.undone_at IS NULL AND a.annotator <> ? AND e.stream = 'audit'",
            [MACHINE],
        ).fetchall()
    return {ProductRef(*row) for row in rows}


def audited(store: LabelStore) -> list[tuple[float | None, Decision]]:
    """What people said, pair by pair, in the audit stream: the probability shown then, and the decision.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(store.path):
        rows = store.connection.execute(
            "SELECT e.probability, e.decision FROM current AS c JOIN events AS e USING (seq)"
            " WHERE e.stream = 'audit' AND e.strength = 'explicit' AND e.decision <> 'unsure' AND e.annotator <> ?",
            [MACHINE],
        ).fetchall()
    with known_values(store.path):
        return [(row[0], Decision(row[1])) for row in rows]
