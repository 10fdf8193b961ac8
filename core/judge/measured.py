"""How right a judge is on labelled pairs, as figures with their 95 % intervals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.evaluate import bootstrap
from core.judge.cache import at_share
from core.judge.verdict import Answer, Verdict
from labels.model import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: From sums over queries, shape (n, columns), to a figure of each, shape (n,); NaN where it is undefined.
Of = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval by bootstrap over the queries.

    Attributes:
        value: None where it is not defined, as a precision without a match that was called.
        interval: None where all queries are alike, so that drawing others tells nothing.
    """

    value: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What a judge is worth on some labelled pairs. A pair without a verdict is no match that was called, and wrong.

    Attributes:
        pairs: how many were judged.
        matches: how many of them are matches.
        majority: the share of the larger class, which is the accuracy of whoever always says the same.
        figures: `accuracy`, `precision`, `recall`, `f1`, `no_verdict` (a share), `seconds` (the mean of a pair).
        p50, p99: seconds that half of the pairs, and all but one in a hundred, took at most.
    """

    judge: str
    pairs: int
    matches: int
    majority: float
    figures: dict[str, Figure]
    p50: float
    p99: float


def measured(judge: str, verdicts: Mapping[Pair, Verdict], truth: Mapping[Pair, bool]) -> Measured:
    """Hold verdicts against labels.

    Args:
        judge: whose.
        verdicts: at least one.
        truth: the labels of their pairs at least.
    """
    import numpy as np  # noqa: PLC0415

    labels = np.array([truth[pair] for pair in verdicts], bool)
    called = np.array([verdict.answer is Answer.MATCH for verdict in verdicts.values()], bool)
    silent = np.array([verdict.answer is None for verdict in verdicts.values()], bool)
    seconds = np.array([verdict.seconds for verdict in verdicts.values()], float)
    right = (called == labels) & ~silent
    counts = bootstrap.by_query(
        [pair.query for pair in verdicts], right, called & labels, called, labels, silent, seconds, np.ones(len(labels))
    )
    ordered = sorted(seconds.tolist())
    share = float(labels.mean())
    return Measured(
        judge, len(labels), int(labels.sum()), max(share, 1 - share),
        {name: figure(counts, of) for name, of in FIGURES.items()}, at_share(ordered, 0.5), at_share(ordered, 0.99),
    )  # fmt: skip


def figure(counts: "NDArray[np.float64]", of: Of) -> Figure:
    """A figure of sums over queries, one row of `counts` for each, with its interval."""
    import numpy as np  # noqa: PLC0415

    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(of(counts.sum(axis=0, keepdims=True))[0])
        return Figure(None if np.isnan(value) else value, bootstrap.interval(counts, of))


#: Of the sums right, right matches, called, matches, silent, seconds, pairs.
FIGURES: dict[str, Of] = {
    "accuracy": lambda sums: sums[:, 0] / sums[:, 6],
    "precision": lambda sums: sums[:, 1] / sums[:, 2],
    "recall": lambda sums: sums[:, 1] / sums[:, 3],
    "f1": lambda sums: 2 * sums[:, 1] / (sums[:, 2] + sums[:, 3]),
    "no_verdict": lambda sums: sums[:, 4] / sums[:, 6],
    "seconds": lambda sums: sums[:, 5] / sums[:, 6],
}
