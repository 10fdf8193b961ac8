"""Labels as what the matcher learns from."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from core.match.evidence.store import EvidenceTable
from core.match.fitting import Training
from labels.consensus import Label
from labels.model import Pair, Strength

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Rejecting what was on the screen beside an accepted candidate is weaker evidence than rejecting it by itself.
IMPLIED_WEIGHT = 0.5


def training_of(
    table: EvidenceTable, labels: Iterable[Label], unseen: "Mapping[Pair, float] | None" = None
) -> Training:
    """The labelled pairs that evidence is known of.

    Args:
        table: evidence.
        labels: what people agreed on; conflicts have no answer and are left out.
        unseen: cosines by encoders that were not trained on the pair's query, for pairs on which the encoder of
            the table was trained. An encoder gives pairs that it has seen too good a cosine, and a matcher that
            learns from those trusts it too much.
    """
    import numpy as np  # noqa: PLC0415

    known = [label for label in labels if label.match is not None and label.pair in table.row]
    known.sort(key=lambda label: label.pair)  # the same labels give the same matcher, in whatever order they came
    rows = [table.row[label.pair] for label in known]
    evidence: NDArray[np.float32] = table.vectors[rows].copy()
    if unseen:
        column = table.features.index("cosine")
        for i, label in enumerate(known):
            evidence[i, column] = unseen.get(label.pair, evidence[i, column])
    number: dict[object, int] = {}
    return Training(
        evidence=evidence.reshape(len(known), len(table.features)),
        labels=np.array([bool(label.match) for label in known], bool),
        weights=np.array([IMPLIED_WEIGHT if label.strength is Strength.IMPLIED else 1.0 for label in known], float),
        groups=np.array([number.setdefault(label.pair.query, len(number)) for label in known], np.int64),
    )
