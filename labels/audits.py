"""What people found when they checked the machine: their first answers, before they could know what it says."""

from labels.database import readable_errors
from labels.first_answers import first_answers
from labels.model import MACHINE, Decision, ProductRef, Stream, Strength
from labels.reading import LabelReader
from labels.said import Said
from labels.store import LabelStore


def audited_by_query(store: LabelStore) -> dict[ProductRef, list[tuple[float | None, Decision, Strength]]]:
    """What people said of each pair in the audit stream, and what the machine said of it then, by query.

    Raises:
        LabelsError: the file cannot be read.
    """
    found: dict[ProductRef, list[tuple[float | None, Decision, Strength]]] = {}
    for said in _in_audits(store):
        strength = Strength.EXPLICIT if said.explicit else Strength.IMPLIED
        found.setdefault(said.pair.query, []).append((said.probability, _decision(said), strength))
    return found


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
    """What people said outright, pair by pair, in the audit stream: what the machine said then, and the decision.

    Raises:
        LabelsError: the file cannot be read.
    """
    return [
        (said.probability, _decision(said)) for said in _in_audits(store) if said.explicit and said.match is not None
    ]


def _in_audits(store: LabelStore) -> list[Said]:
    return [said for said in first_answers(store) if said.stream is Stream.AUDIT]


def _decision(said: Said) -> Decision:
    if said.match is None:
        return Decision.UNSURE
    return Decision.MATCH if said.match else Decision.NO_MATCH
