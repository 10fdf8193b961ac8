"""Which weak labels may train: people's decisions have precedence, and nothing of the evaluation side takes part."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from core.errors import CoreError
from core.settings import Settings
from core.splits.llm_labels import weighted_llm_labels
from core.splits.precedence import Precedence
from core.splits.split import Splits
from core.splits.weak_labels import WeakLabel, load_weak_labels
from core.workspace import Workspace
from labels.model import Pair


def with_weak_labels(workspace: Workspace, settings: Settings, splits: Splits) -> Splits:
    """A split with the weak labels that may train, as `retrain.weak_labels` has it.

    A person's decision on a pair has precedence, no product of the evaluation side takes part, and a pair is drawn with
    the probability of its weight.

    Raises:
        CoreError: weak labels are to be used, and there are none, or their file is damaged.
        SameskuError: labels or catalogue cannot be read.
    """
    mode = settings.retrain.weak_labels
    if mode == "never":
        return splits
    labels = _stored(workspace, settings)
    precedence = Precedence.read(workspace, settings)
    usable = (
        label for label in labels if precedence.allows(label.pair) and splits.leak_candidates.isdisjoint(label.pair)
    )
    if mode == "fill":
        usable = (label for label in usable if label.pair.query not in precedence.answered)
    return replace(splits, weak=tuple(_drawn(usable, settings.retrain.seed)))


def _stored(workspace: Workspace, settings: Settings) -> list[WeakLabel]:
    """The weak labels of all sources; what follows from data has precedence over a language model.

    Raises:
        CoreError: there are none, or a file cannot be read.
    """
    by_model = weighted_llm_labels(workspace, settings)
    try:
        derived = load_weak_labels(workspace.weak_labels)
    except FileNotFoundError as error:
        if not by_model:
            raise CoreError(
                f"retrain.weak_labels is {settings.retrain.weak_labels!r}, but there are no weak labels yet.",
                "Make some: samesku dataset bootstrap, or samesku judge label",
            ) from error
        derived = []
    known = {label.pair for label in derived}
    return [*derived, *(label for label in by_model if label.pair not in known)]


def _drawn(labels: Iterable[WeakLabel], seed: int) -> Iterator[WeakLabel]:
    """The labels, each drawn with the probability of its weight; the same ones for the same seed."""
    for label in labels:
        if label.weight >= 1 or _uniform(label.pair, seed) < label.weight:
            yield label


def _uniform(pair: Pair, seed: int) -> float:
    digest = hashlib.sha256(json.dumps([seed, *pair.query, *pair.candidate]).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
