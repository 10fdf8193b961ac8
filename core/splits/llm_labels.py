"""Labels by language models, in a file beside the ledger, with what they have cost.

They are weak labels for ever: no ledger, no consensus, no evaluation and no certificate contains them. They are in
another file than the weak labels of `dataset bootstrap`, which replaces its own at every run.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from core.json_lines import load_lines, save_lines
from core.settings import Settings
from core.splits.precedence import Precedence
from core.splits.weak_labels import WeakLabel, parse_weak_label, weak_label_row
from core.workspace import Workspace
from labels.model import Pair

_FORMAT = "samesku llm labels"
_VERSION = 1
_DAMAGED_HINT = "Restore a copy of yours, or move the file away: the next `samesku judge label` begins another."


@dataclass(frozen=True, slots=True)
class Spending:
    """What one annotator has cost so far.

    Attributes:
        pairs: number of pairs that it was asked about.
        unanswered: number of those that it gave no answer on.
        tokens_in, tokens_out: prompt tokens and generated tokens.
    """

    pairs: int = 0
    unanswered: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def cost(self, price_in: float, price_out: float) -> float:
        """The price of the tokens, in the currency of the prices, which are per million tokens."""
        return (self.tokens_in * price_in + self.tokens_out * price_out) / 1e6

    def __add__(self, other: "Spending") -> "Spending":
        """The sum of both."""
        return Spending(*(a + b for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))


@dataclass(frozen=True, slots=True)
class LlmLabels:
    """The labels of all language models, and what each has cost.

    Attributes:
        labels: by pair; of several models on a pair, the latest one's.
        spent: by annotator.
    """

    labels: Mapping[Pair, WeakLabel] = field(default_factory=dict)
    spent: Mapping[str, Spending] = field(default_factory=dict)


def load_llm_labels(path: Path) -> LlmLabels:
    """The labels of language models; none if there is no file.

    Raises:
        UnreadableError: this account may not read them.
        CoreError: the file is damaged, or of a newer version.
    """
    try:
        header, labels = load_lines(path, parse_weak_label, kind=_FORMAT, version=_VERSION, hint=_DAMAGED_HINT)
    except FileNotFoundError:
        return LlmLabels()
    return LlmLabels({label.pair: label for label in labels}, _spending(header.get("spent")))


def _spending(value: object) -> dict[str, Spending]:
    """What a header says was spent; entries that are no numbers are ignored, since the hash does not cover them."""
    names = Spending.__dataclass_fields__
    found = {}
    for annotator, amounts in value.items() if isinstance(value, dict) else ():
        if isinstance(amounts, dict) and all(isinstance(amounts.get(name), int) for name in names):
            found[str(annotator)] = Spending(**{name: max(0, amounts[name]) for name in names})
    return found


def save_llm_labels(path: Path, labels: LlmLabels) -> None:
    """Replace the labels of language models, atomically.

    Raises:
        CoreError: the file cannot be written.
    """
    rows = (weak_label_row(labels.labels[pair]) for pair in sorted(labels.labels))
    spent = {annotator: asdict(amounts) for annotator, amounts in sorted(labels.spent.items())}
    save_lines(path, rows, kind=_FORMAT, version=_VERSION, spent=spent)


def weighted_llm_labels(workspace: Workspace, settings: Settings) -> list[WeakLabel]:
    """The labels of language models with the weight of the settings; none at a weight of 0.

    Raises:
        CoreError: the file cannot be read.
    """
    weight = settings.labels.llm_weight
    if not weight:
        return []
    labels = load_llm_labels(workspace.llm_labels).labels.values()
    return [replace(label, weight=label.weight * weight) for label in labels]


def llm_training_labels(workspace: Workspace, settings: Settings) -> list[WeakLabel]:
    """Those of `weighted_llm_labels` that may train: no pair that people decided on, no product of validation.

    Raises:
        SameskuError: labels or catalogue cannot be read.
    """
    labels = weighted_llm_labels(workspace, settings)
    if not labels:
        return []
    precedence = Precedence.read(workspace, settings)
    return [label for label in labels if precedence.allows(label.pair)]
