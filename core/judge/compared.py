"""Two judges on the same labelled pairs, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import CoreError
from core.evaluate import bootstrap
from core.judge.measured import FIGURES, Figure, Measured, Of, figure, measured
from core.judge.verdict import Answer, Verdict
from labels.model import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Compared:
    """What two judges say of the same pairs.

    Attributes:
        first, second: how right each of them is.
        both, only_first, only_second, neither: on how many pairs they are right.
        p: of McNemar's exact test, that as many differences fall so unevenly by chance; 1 where there are none.
        accuracy, f1: the second's less the first's; each query is its own control.
        apart: the pairs that one of them gets right and the other does not, those that only the first gets right
            before those that only the second does.
    """

    first: Measured
    second: Measured
    both: int
    only_first: int
    only_second: int
    neither: int
    p: float
    accuracy: Figure
    f1: Figure
    apart: tuple[Pair, ...]

    @property
    def words(self) -> str:
        """Which one is better and by how much, in a sentence."""
        change, ends = self.f1.value, self.f1.interval
        if change is None or ends is None:
            return f"Neither is certainly better: F1 {_shown(self.first)} and {_shown(self.second)}."
        if ends[0] <= 0 <= ends[1]:
            return (
                f"Neither is certainly better: F1 {_shown(self.first)} and {_shown(self.second)}, a change of "
                f"{change:+.3f} (95 % interval {ends[0]:+.3f} to {ends[1]:+.3f})."
            )
        better, worse = (self.second, self.first) if ends[0] > 0 else (self.first, self.second)
        least, most = sorted(map(abs, ends))
        return (
            f"{better.judge} is better: F1 {_shown(better)} against {_shown(worse)}, {abs(change):.3f} more "
            f"(95 % interval {least:.3f} to {most:.3f})."
        )


def compared(
    names: tuple[str, str],
    first: Mapping[Pair, Verdict],
    second: Mapping[Pair, Verdict],
    truth: Mapping[Pair, bool],
) -> Compared:
    """Hold two judges' verdicts against each other, on the pairs of which both have spoken.

    Raises:
        CoreError: there are none.
    """
    pairs = [pair for pair in first if pair in second]
    if not pairs:
        raise CoreError("There is no pair that both have judged.", "Give them a larger budget.")
    one, other = ({pair: verdicts[pair] for pair in pairs} for verdicts in (first, second))
    right = [{pair for pair in pairs if _is_right(said[pair], truth[pair])} for said in (one, other)]
    only = [[pair for pair in pairs if pair in right[i] and pair not in right[1 - i]] for i in (0, 1)]
    accuracy, f1 = _changes(pairs, one, other, truth)
    return Compared(
        measured(names[0], one, truth), measured(names[1], other, truth), len(right[0] & right[1]), len(only[0]),
        len(only[1]), len(pairs) - len(right[0] | right[1]), _mcnemar(len(only[0]), len(only[1])), accuracy, f1,
        (*only[0], *only[1]),
    )  # fmt: skip


def _is_right(verdict: Verdict, label: bool) -> bool:
    return verdict.answer is (Answer.MATCH if label else Answer.NO_MATCH)


def _changes(
    pairs: Sequence[Pair], first: Mapping[Pair, Verdict], second: Mapping[Pair, Verdict], truth: Mapping[Pair, bool]
) -> tuple[Figure, Figure]:
    import numpy as np  # noqa: PLC0415

    labels = np.array([truth[pair] for pair in pairs], bool)
    columns = []
    for said in (first, second):
        called = np.array([said[pair].answer is Answer.MATCH for pair in pairs], bool)
        right = np.array([_is_right(said[pair], truth[pair]) for pair in pairs], bool)
        columns.append((right, called & labels, called))
    zeros, ones = np.zeros(len(pairs)), np.ones(len(pairs))
    # One after the other in the order that FIGURES wants.
    rows = [[*each, labels, zeros, zeros, ones] for each in columns]
    counts = bootstrap.by_query([pair.query for pair in pairs], *rows[0], *rows[1])
    width = len(rows[0])
    return _change(counts, FIGURES["accuracy"], width), _change(counts, FIGURES["f1"], width)


def _change(counts: "NDArray[np.float64]", of: Of, width: int) -> Figure:
    return figure(counts, lambda sums: of(sums[:, width:]) - of(sums[:, :width]))


def _mcnemar(only_first: int, only_second: int) -> float:
    from scipy.stats import binomtest  # noqa: PLC0415

    differences = only_first + only_second
    return float(binomtest(only_first, differences).pvalue) if differences else 1.0


def _shown(of: Measured) -> str:
    value = of.figures["f1"].value
    return "unknown" if value is None else f"{value:.3f}"
