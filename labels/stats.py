"""How far the labelling is, in figures."""

from dataclasses import asdict, dataclass

from labels import chain
from labels.database import readable_errors
from labels.reading import LabelReader
from labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class LabelStats:
    """Counts over the decisions that stand now."""

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
        """The figures by name, for JSON."""
        return asdict(self)


def label_stats(store: LabelStore) -> LabelStats:
    """Count what stands in the ledger."""
    with readable_errors(store.path):
        decisions, explicit, unsure = _counts(
            store, "count(*), sum(strength = 'explicit'), sum(decision = 'unsure')", "current"
        )
        labels = _counts(
            store,
            "sum(matches > 0 AND others = 0), sum(matches = 0), sum(matches > 0 AND others > 0),"
            " sum(NOT validation), sum(validation)",
            "opinions",
        )
        annotators = store.connection.execute(
            "SELECT annotator, count(*) FROM current GROUP BY annotator ORDER BY count(*) DESC, min(seq)"
        ).fetchall()
        return LabelStats(
            events=chain.head(store.connection)[0],
            decisions=decisions,
            explicit=explicit,
            matches=labels[0],
            non_matches=labels[1],
            unsure=unsure,
            conflicts=labels[2],
            training_pairs=labels[3],
            validation_pairs=labels[4],
            queries_answered=_counts(store, "count(*)", "queries WHERE closed > 0 OR closed_by_machine > 0")[0],
            validation_queries=_counts(store, "count(*)", "validation")[0],
            annotators=dict(annotators),
        )


def _counts(store: LabelReader, what: str, where: str) -> list[int]:
    row = store.connection.execute(f"SELECT {what} FROM {where}").fetchone()  # noqa: S608 - constants only
    return [int(value or 0) for value in row]
