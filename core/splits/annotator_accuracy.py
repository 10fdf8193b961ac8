"""What is taken for true: adjudications, and where there is none, what the others say."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from core.stats.wilson import Precision, wilson
from labels.annotations import Annotation
from labels.consensus import Label, State
from labels.model import Pair, Stream, Strength

_Key = TypeVar("_Key", str, int)


def adjudications(said: Iterable[Annotation]) -> dict[Pair, bool]:
    """The last adjudication of each pair that has one, by pair: whether it is a match.

    Args:
        said: standing decisions, oldest first.
    """
    return {
        each.pair: each.match for each in said if each.stream is Stream.ADJUDICATION and each.match is not None
    }  # fmt: skip


def opinions(said: Iterable[Annotation]) -> list[Annotation]:
    """The explicit decisions that can be right or wrong: no abstentions, and not the adjudications themselves."""
    return [
        each for each in said if each.explicit and each.match is not None and each.stream is not Stream.ADJUDICATION
    ]


def accuracy_by_adjudication(
    said: Sequence[Annotation], first: Sequence[Annotation] | None = None
) -> dict[str, Precision]:
    """How often each annotator's first answers are as ruled, with the Wilson interval, by name.

    What comes to adjudication is contested: of two who contradict each other, one is wrong every time.

    Args:
        said: standing decisions, oldest first, the rulings among them.
        first: first answers; those that stand, where they are not known.
    """
    truth = adjudications(said)
    checked = opinions(said if first is None else first)
    return _shares((each.annotator, each.match is truth[each.pair]) for each in checked if each.pair in truth)


def accuracy_by_hour(
    said: Sequence[Annotation], first: Sequence[Annotation], hours: dict[str, int]
) -> dict[int, Precision]:
    """How often one annotator's first answers hold, by the hour of the sitting that they were given in.

    Args:
        said: everybody's standing decisions, the rulings among them.
        first: everybody's first answers.
        hours: from 1, by action; decisions of other actions are not looked at.
    """
    truth, votes = adjudications(said), _votes(first)
    checked = []
    for each in opinions(first):
        if each.action in hours:
            right = truth.get(each.pair, _majority_of_others(votes[each.pair], each.annotator))
            if right is not None:
                checked.append((hours[each.action], each.match is right))
    return _shares(checked)


def _votes(said: Iterable[Annotation]) -> dict[Pair, dict[str, bool]]:
    found: dict[Pair, dict[str, bool]] = {}
    for each in opinions(said):
        found.setdefault(each.pair, {})[each.annotator] = bool(each.match)
    return found


def _majority_of_others(votes: dict[str, bool], annotator: str) -> bool | None:
    """None where nobody else decided, or as many either way."""
    others = [vote for name, vote in votes.items() if name != annotator]
    return None if 2 * sum(others) == len(others) else 2 * sum(others) > len(others)


def _shares(checked: Iterable[tuple[_Key, bool]]) -> dict[_Key, Precision]:
    """From key and whether it was right, the share by key, in the order of the keys."""
    counts: dict[_Key, list[int]] = {}
    for key, right in checked:
        found = counts.setdefault(key, [0, 0])
        found[0] += right
        found[1] += 1
    return {key: wilson(*counts[key]) for key in sorted(counts)}


#: As many right answers everybody is credited with beforehand: ten rulings must not make anybody's labels worthless.
PRIOR_CORRECT = 20
#: An answer that is right no more often than a coin still says so; nobody is silenced.
MIN_WEIGHT = 0.5


def annotator_weights(said: Sequence[Annotation], first: Sequence[Annotation] | None = None) -> dict[str, float]:
    """The weight of each annotator's word, in [0.5, 1], by name.

    Of n decisions on adjudicated pairs, r as adjudicated, it is (r + 20) / (n + 20), and no less than a half: the mean
    of a Beta distribution that begins with twenty right answers (Gelman et al. 2013, section 2.4). With none
    adjudicated it is 1.

    Args:
        said: standing decisions, oldest first.
        first: first answers, which are what is checked; those that stand, where they are not known.
    """
    truth = accuracy_by_adjudication(said, said if first is None else first)
    found = {name: (each.right + PRIOR_CORRECT) / (each.labels + PRIOR_CORRECT) for name, each in truth.items()}
    return {each.annotator: max(MIN_WEIGHT, found.get(each.annotator, 1.0)) for each in said}


def label_weights(
    labels: Iterable[Label], said: Iterable[Annotation], first: Iterable[Annotation] | None = None
) -> dict[Pair, float]:
    """The weight of each label: the best of those who say so, and 1 for an adjudicated one.

    Args:
        labels: with an answer. Nothing that was said of other pairs counts, so that what is held out, for validation
            or to be measured on, weighs nothing.
        said: standing decisions, oldest first.
        first: first answers; those that stand, where they are not known.
    """
    by_pair = {label.pair: label for label in labels}
    heard = [each for each in said if each.pair in by_pair]
    checked = heard if first is None else [each for each in first if each.pair in by_pair]
    weights = annotator_weights(heard, checked)
    found = {pair: 1.0 for pair, label in by_pair.items() if label.state is State.ADJUDICATED}
    for each in heard:
        label = by_pair[each.pair]
        counted = each.explicit or label.strength is Strength.IMPLIED
        if counted and each.match is label.match:
            found[each.pair] = max(found.get(each.pair, 0.0), weights[each.annotator])
    return found
