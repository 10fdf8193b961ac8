"""How far the labelling is, in figures."""

from collections import Counter
from dataclasses import asdict, dataclass

from labels.consensus import State, consensus
from labels.model import Decision, Side
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
    decisions = store.decisions()
    labels = consensus(decisions).values()
    return LabelStats(
        events=store.connection.execute("SELECT count(*) FROM events").fetchone()[0],
        decisions=len(decisions),
        explicit=sum(d.strength == "explicit" for d in decisions),
        matches=sum(label.match is True for label in labels),
        non_matches=sum(label.match is False for label in labels),
        unsure=sum(d.decision is Decision.UNSURE for d in decisions),
        conflicts=sum(label.state is State.CONFLICTING for label in labels),
        training_pairs=sum(label.side is Side.TRAIN for label in labels),
        validation_pairs=sum(label.side is Side.VALIDATION for label in labels),
        queries_answered=len(store.closed_queries()),
        validation_queries=len(store.validation_queries()),
        annotators=dict(Counter(d.annotator for d in decisions).most_common()),
    )
