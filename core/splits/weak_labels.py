"""Weak labels: of pairs that no person has decided on. They follow from data, such as equal GTINs, or from a model.

They are kept in files of their own beside the ledger, so that they are never taken for a person's decision, never
evaluate anything, and can be replaced or removed at any time. Those of language models, which cost money, are in
another file than those that can be derived again; see `core.splits.llm_labels`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.errors import CoreError
from core.json_lines import load_lines, parse_ref, save_lines
from labels.files import way_out
from labels.model import Pair, ProductRef
from labels.names import is_language_model

_FORMAT = "samesku weak labels"
_VERSION = 1
_DAMAGED_HINT = "Make it again: samesku dataset bootstrap. Or remove it: samesku dataset bootstrap --clear"


class WeakSource(StrEnum):
    """What a weak label follows from."""

    GTIN = "gtin"
    PURCHASES = "purchases"
    LLM = "llm"


#: What `dataset bootstrap` derives.
DERIVED_SOURCES = (WeakSource.GTIN, WeakSource.PURCHASES)


@dataclass(frozen=True, slots=True, order=True)
class WeakLabel:
    """A weak label of one pair.

    Attributes:
        match: a match, or a hard negative of one.
        source: what it follows from.
        weight: in (0, 1]: the probability with which the pair is drawn for a training run.
        annotator: `llm:MODEL` for a language model; empty for labels that follow from data.
    """

    pair: Pair
    match: bool
    source: WeakSource
    weight: float = 1.0
    annotator: str = ""


def save_weak_labels(path: Path, labels: Sequence[WeakLabel]) -> None:
    """Replace the weak labels of a workspace, atomically: JSON lines after a header with their number and hash.

    Raises:
        CoreError: the file cannot be written.
    """
    save_lines(path, map(weak_label_row, sorted(labels)), kind=_FORMAT, version=_VERSION)


def weak_label_row(label: WeakLabel) -> dict[str, object]:
    """A line of the file, as JSON."""
    row = {
        "query": list(label.pair.query), "candidate": list(label.pair.candidate), "match": label.match,
        "source": label.source.value, "weight": label.weight,
    }  # fmt: skip
    return row | ({"annotator": label.annotator} if label.annotator else {})


def load_weak_labels(path: Path) -> list[WeakLabel]:
    """The weak labels of a workspace, by pair.

    Raises:
        FileNotFoundError: there are none.
        UnreadableError: this account may not read them.
        CoreError: the file is damaged, or of a newer version.
    """
    return load_lines(path, parse_weak_label, kind=_FORMAT, version=_VERSION, hint=_DAMAGED_HINT)[1]


def parse_weak_label(row: dict[str, object]) -> WeakLabel:
    """A label from a line of the file.

    Raises:
        KeyError, TypeError, ValueError: it is not a weak label.
    """
    weight, match = row["weight"], row["match"]
    if not isinstance(weight, int | float) or not 0 < weight <= 1 or not isinstance(match, bool):
        raise ValueError("no weight, or no label")
    source, annotator = WeakSource(str(row["source"])), row.get("annotator", "")
    if not isinstance(annotator, str) or (source is WeakSource.LLM) != is_language_model(annotator):
        raise ValueError("another annotator than its source")
    return WeakLabel(Pair(parse_ref(row["query"]), parse_ref(row["candidate"])), match, source, weight, annotator)


def clear_weak_labels(path: Path) -> bool:
    """Remove the weak labels of a workspace, also a damaged file. Returns whether there were any.

    Raises:
        CoreError: they cannot be removed.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise CoreError(f"{path} cannot be removed: {error.strerror}.", way_out(error, f"Remove {path}.")) from error
    return True


def without_products(labels: Iterable[WeakLabel], products: Collection[ProductRef]) -> tuple[WeakLabel, ...]:
    """The weak labels in which none of these products occurs."""
    excluded = frozenset(products)
    return tuple(label for label in labels if excluded.isdisjoint(label.pair))


def counts_by_source(labels: Iterable[WeakLabel]) -> dict[str, dict[str, int]]:
    """Source → number of `matches` and of `negatives`; every source of derived labels has an entry."""
    counts = Counter((label.source, label.match) for label in labels)
    return {
        source.value: {"matches": counts[source, True], "negatives": counts[source, False]}
        for source in DERIVED_SOURCES
    }
