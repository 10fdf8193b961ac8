"""Dataset cards: what a training data set consists of, and the hash of its content."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from core.settings import Settings
from core.splits.leakage import LeakageCheck
from core.splits.split import Splits
from labels.exchange.json_values import json_text

#: The retrain settings that determine the training data.
_DATA_SETTINGS = ("negative_mix", "weak_labels", "seed", "holdout_share")


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """Card of a training data set.

    Attributes:
        kind: `triplets` or `pairs`.
        rows: number of rows.
        sha256: of the rows as JSON lines, whatever the file format.
        created_at: ISO 8601, UTC.
        matches: source → number of matches.
        negatives: source → number of negatives.
        split: the evaluation data: name, whether it is the manual validation set, number of queries; and the numbers of
            training labels of people and of weak labels that the split left.
        leakage: the result of the leakage check.
        settings: the settings that determine the data.
    """

    kind: str
    rows: int
    sha256: str
    created_at: str
    matches: dict[str, int] = field(default_factory=dict)
    negatives: dict[str, int] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)
    leakage: dict[str, int] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The card as JSON values."""
        return asdict(self)


def content_sha256(rows: Iterable[Mapping[str, object]]) -> str:
    """The SHA-256 of rows as JSON lines, which is that of a `.jsonl` export."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json_text(row).encode() + b"\n")
    return digest.hexdigest()


def make_card(
    kind: str,
    rows: Iterable[Mapping[str, object]],
    splits: Splits,
    leakage: LeakageCheck,
    settings: Settings,
    *,
    hard_negatives: int,
    matches: Mapping[str, int],
    negatives: Mapping[str, int],
) -> DatasetCard:
    """The card of some rows.

    Args:
        kind: `triplets` or `pairs`.
        rows: column → value.
        splits: of the labels that the rows are made from.
        leakage: the passed check.
        settings: of the run.
        hard_negatives: maximum number per match, of the recipe.
        matches: source → number of matches.
        negatives: source → number of negatives.
    """
    listed = list(rows)
    recipe = settings.retrain.model_dump(include=set(_DATA_SETTINGS))
    return DatasetCard(
        kind=kind,
        rows=len(listed),
        sha256=content_sha256(listed),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        matches=dict(matches),
        negatives=dict(negatives),
        split={
            "evaluated_on": splits.name, "manual": splits.manual, "evaluation_queries": len(splits.eval_queries),
            "labels": len(splits.train), "weak_labels": len(splits.weak),
        },
        leakage=asdict(leakage),
        settings={"template": settings.encoder.template, "hard_negatives": hard_negatives, **recipe},
    )  # fmt: skip
