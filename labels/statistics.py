"""Labelling progress: counts over the standing decisions and the queries."""

from dataclasses import asdict, dataclass

from labels.database import decode_errors
from labels.model import MACHINE, Decision, Side, Stream, Strength
from labels.reader import LabelReader
from labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class LabelStats:
    """Counts over the standing decisions; pairs on either side are those with a label or a conflict."""

    events: int
    decisions: int
    explicit: int
    matches: int
    non_matches: int
    unsure: int
    conflicts: int
    training_pairs: int
    validation_pairs: int
    queries_answered: int
    validation_queries: int
    annotators: dict[str, int]

    def as_dict(self) -> dict[str, object]:
        """The counts by name, for JSON."""
        return asdict(self)


def label_stats(store: LabelStore) -> LabelStats:
    """Count the standing decisions, labels and answered queries of the ledger.

    Raises:
        LabelsError: the file cannot be read.
    """
    decisions, explicit, unsure = _counts(
        store, "count(*), sum(strength = 'explicit'), sum(decision = 'unsure')", "current"
    )
    matches, non_matches, conflicts, training, validation = _counts(
        store,
        "sum(matches > 0 AND others = 0), sum(matches = 0), sum(matches > 0 AND others > 0),"
        " sum(NOT validation), sum(validation)",
        "opinions",
    )
    annotators = store.rows(
        "SELECT annotator, count(*) FROM current GROUP BY annotator ORDER BY count(*) DESC, min(seq)"
    )
    return LabelStats(
        events=store.last_event(),
        decisions=decisions,
        explicit=explicit,
        matches=matches,
        non_matches=non_matches,
        unsure=unsure,
        conflicts=conflicts,
        training_pairs=training,
        validation_pairs=validation,
        queries_answered=_counts(store, "count(*)", "queries WHERE closed > 0 OR closed_by_machine > 0")[0],
        validation_queries=_counts(store, "count(*)", "validation")[0],
        annotators=dict(annotators),
    )


def _counts(store: LabelReader, what: str, where: str) -> list[int]:
    """One row of aggregates, NULL as 0."""
    (row,) = store.rows(f"SELECT {what} FROM {where}")  # noqa: S608 - constants only
    return [int(value or 0) for value in row]


#: Keys in the place of a stream for decisions from imports and from certified bands, which were shown in no stream.
FROM_FILES, BY_MACHINE = "files", MACHINE

_DECISIONS = """
SELECT c.decision, c.strength, c.side,
    CASE WHEN c.annotator = :machine THEN :machine WHEN a.verb = 'import' THEN :files ELSE c.stream END AS stream,
    count(*)
FROM current AS c JOIN actions AS a ON a.id = c.action GROUP BY 1, 2, 3, 4
"""
_SKIPPED = """
SELECT count(*) FROM (
    SELECT query_source, query_id FROM actions WHERE verb = 'skip' AND undone_at IS NULL GROUP BY 1, 2
) JOIN queries USING (query_source, query_id) WHERE closed = 0
"""
_DAYS = """
SELECT date(e.at, 'localtime') AS day, count(*) FROM actions AS a JOIN events AS e ON e.seq = a.seq
WHERE a.closes AND a.undone_at IS NULL AND a.verb <> 'import' GROUP BY day HAVING day IS NOT NULL ORDER BY day
"""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Counts over the standing decisions, by kind.

    Attributes:
        by_decision: decisions by decision, then by strength.
        by_stream: decisions by stream; imports and the machine have keys of their own.
        by_side: decisions by side.
        adjudicated: adjudicated pairs.
        skipped: queries that were skipped and are still unanswered.
        flagged: queries that are flagged for a second look.
        by_day: queries answered at the desk, by day in local time; days without any are left out.
    """

    by_decision: dict[str, dict[str, int]]
    by_stream: dict[str, int]
    by_side: dict[str, int]
    adjudicated: int
    skipped: int
    flagged: int
    by_day: dict[str, int]

    def as_dict(self) -> dict[str, object]:
        """The counts by name, for JSON."""
        return asdict(self)


def breakdown(reader: LabelReader) -> Breakdown:
    """Count the standing decisions of the ledger, by kind.

    Raises:
        LabelsError: the file cannot be read.
    """
    rows = reader.rows(_DECISIONS, {"machine": BY_MACHINE, "files": FROM_FILES})
    found = Breakdown(
        by_decision={each.value: dict.fromkeys(map(str, Strength), 0) for each in Decision},
        by_stream=dict.fromkeys([*map(str, Stream), FROM_FILES, BY_MACHINE], 0),
        by_side=dict.fromkeys(map(str, Side), 0),
        adjudicated=reader.value("SELECT count(*) FROM opinions WHERE adjudicated"),
        skipped=reader.value(_SKIPPED),
        flagged=reader.value("SELECT count(*) FROM queries WHERE flagged > 0"),
        by_day=dict(reader.rows(_DAYS)),
    )
    with decode_errors(reader.path):
        for decision, strength, side, stream, count in rows:
            found.by_decision[Decision(decision)][Strength(strength)] += count
            found.by_side[Side(side)] += count
            found.by_stream[stream if stream in {FROM_FILES, BY_MACHINE} else Stream(stream)] += count
    return found
