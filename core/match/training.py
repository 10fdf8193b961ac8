"""Labels as what the matcher learns from."""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from core.agreement.weights import label_weights
from core.dataset.current_labels import ledger_and_catalogue
from core.dataset.splits import training_labels
from core.match.evidence.store import EvidenceTable
from core.match.fitting import Training
from core.settings import Settings
from core.workspace import Workspace
from labels.consensus import Label
from labels.first_answers import first_answers
from labels.model import Pair, Strength
from labels.said import said_by_people

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Rejecting what was on the screen beside an accepted candidate is weaker evidence than rejecting it by itself.
IMPLIED_WEIGHT = 0.5


class Lessons(NamedTuple):
    """The labels that may train, and how much each counts for who gave it: 1 for those that are not listed."""

    labels: list[Label]
    trust: dict[Pair, float]


def lessons_of(workspace: Workspace, settings: Settings, without: Collection[Pair] = ()) -> Lessons:
    """What a workspace's labels teach; without some pairs, because the matcher is to be measured on them."""
    with ledger_and_catalogue(workspace) as (store, catalog):
        found = training_labels(store, settings.labels.rule, catalog)
        labels = [label for label in found if label.pair not in without]
        weigh = settings.labels.weigh_annotators
        return Lessons(labels, label_weights(labels, said_by_people(store), first_answers(store)) if weigh else {})


def training_of(
    table: EvidenceTable,
    labels: Iterable[Label],
    unseen: Mapping[Pair, float] | None = None,
    trust: Mapping[Pair, float] | None = None,
) -> Training:
    """The labelled pairs that evidence is known of.

    Args:
        table: evidence.
        labels: what people agreed on; conflicts have no answer and are left out.
        unseen: cosines by encoders that were not trained on the pair's query, for pairs on which the encoder of
            the table was trained. An encoder gives pairs that it has seen too good a cosine, and a matcher that
            learns from those trusts it too much.
        trust: how much each label counts for who gave it, in [0, 1]; 1 for one that is absent.
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
    strength = [IMPLIED_WEIGHT if label.strength is Strength.IMPLIED else 1.0 for label in known]
    trusted = [(trust or {}).get(label.pair, 1.0) for label in known]
    return Training(
        evidence=evidence.reshape(len(known), len(table.features)),
        labels=np.array([bool(label.match) for label in known], bool),
        weights=np.array(strength, float) * np.array(trusted, float),
        groups=np.array([number.setdefault(label.pair.query, len(number)) for label in known], np.int64),
    )
