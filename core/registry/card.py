"""What is written down of a trained encoder, and of its being put in use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

#: How the reason of a rollback begins in the history.
ROLLED_BACK = "rolled back from "
#: Bytes of an id; a file's name has 255 at most.
_MAX_ID = 200


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a trained encoder.

    Attributes:
        parent: id of the encoder it was tuned from.
        sha256: of the merged weights; another file is not this model.
        recipe: the retrain settings.
        trained_on: counts of what it learnt from.
        metrics: by name.
        judged_on: what the metrics were measured on: the validation set with its version, or the held-out queries.
        intervals: 95 %, of the metrics, by name.
        query_prefix, candidate_prefix, prefixes_from: what is put before the texts, and where that is known from.
        parts: a digest of each file that shapes its vectors; empty where an earlier version has trained it.
    """

    id: str
    parent: str
    base: str
    sha256: str
    created_at: str
    recipe: dict[str, Any] = field(default_factory=dict)
    trained_on: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    query_prefix: str = ""
    candidate_prefix: str = ""
    judged_on: str = ""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    prefixes_from: str = ""
    parts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _a_name(self.id)
        _a_name(self.parent)


@dataclass(frozen=True, slots=True)
class Promotion:
    """An encoder was put in use: which, when (ISO 8601, UTC), and why."""

    model: str
    at: str
    why: str

    def __post_init__(self) -> None:
        _a_name(self.model)

    @property
    def is_rollback(self) -> bool:
        """Whether it went back to what was in use before, rather than on to another one."""
        return self.why.startswith(ROLLED_BACK)


def lineage(history: Sequence[Promotion], is_trained: Callable[[str], bool]) -> tuple[str, ...]:
    """The encoders that a rollback goes back through, the one in use last; each differs from the one before it.

    A rollback takes back the promotions after the one that it goes to, so that the next one goes further back.

    Args:
        history: every promotion, oldest first.
        is_trained: whether an encoder was trained here; nothing comes before the untuned one.
    """
    line: list[str] = []
    for promotion in history:
        model = promotion.model
        if promotion.is_rollback and model in line:
            del line[len(line) - line[::-1].index(model) :]
        elif promotion.is_rollback and not is_trained(model):
            line = [model]
        elif not line or line[-1] != model:
            line.append(model)
    return tuple(line)


def _a_name(model_id: str) -> None:
    """Refuse what cannot be the name of a folder in models/.

    Raises:
        ValueError: it is empty, far too long, or a path.
    """
    if len(model_id.encode()) > _MAX_ID or model_id in {"", ".", ".."} or set(model_id) & {"/", "\\", "\0"}:
        raise ValueError(f"{model_id[:_MAX_ID]!r} is no model's id")
