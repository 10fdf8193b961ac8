"""Annotator accuracy against adjudications or the majority, and the label weights derived from it.

The weights are used where the settings ask for it (`labels.weigh_annotators`).
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from core.stats.wilson import Precision, wilson
from labels.annotations import Annotation
from labels.consensus import Label, LabelState
from labels.model import Pair, Stream, Strength

_Key = TypeVar("_Key", str, int)


def adjudications(annotations: Iterable[Annotation]) -> dict[Pair, bool]:
    """The last adjudication of each pair: whether it is a match.

    Args:
        annotations: current decisions, oldest first.
    """
    return {
        each.pair: each.match for each in annotations if each.stream is Stream.ADJUDICATION and each.match is not None
    }  # fmt: skip


def opinions(annotations: Iterable[Annotation]) -> list[Annotation]:
    """The explicit decisions without abstentions and adjudications."""
    return [
        each
        for each in annotations
        if each.explicit and each.match is not None and each.stream is not Stream.ADJUDICATION
    ]


def accuracy_by_adjudication(
    annotations: Sequence[Annotation], first: Sequence[Annotation] | None = None
) -> dict[str, Precision]:
    """The share of each annotator's first answers that agree with the adjudication, with its interval, by name.

    Adjudicated pairs are contested ones, so the share is lower than over all pairs.

    Args:
        annotations: current decisions with the adjudications, oldest first.
        first: first answers; the current ones if None.
    """
    truth = adjudications(annotations)
    checked = opinions(annotations if first is None else first)
    return _shares((each.annotator, each.match is truth[each.pair]) for each in checked if each.pair in truth)


def accuracy_by_hour(
    annotations: Sequence[Annotation], first: Sequence[Annotation], hours: dict[str, int]
) -> dict[int, Precision]:
    """The accuracy of one annotator's first answers by hour of the session, against adjudication or majority.

    Args:
        annotations: all current decisions, with the adjudications.
        first: all first answers.
        hours: the hour, from 1, of each of the annotator's actions; other actions are ignored.
    """
    truth, votes = adjudications(annotations), _votes(first)
    checked = []
    for each in opinions(first):
        if each.action in hours:
            right = truth.get(each.pair, _majority_of_others(votes[each.pair], each.annotator))
            if right is not None:
                checked.append((hours[each.action], each.match is right))
    return _shares(checked)


def _votes(annotations: Iterable[Annotation]) -> dict[Pair, dict[str, bool]]:
    found: dict[Pair, dict[str, bool]] = {}
    for each in opinions(annotations):
        found.setdefault(each.pair, {})[each.annotator] = bool(each.match)
    return found


def _majority_of_others(votes: dict[str, bool], annotator: str) -> bool | None:
    """Whether most other annotators voted for a match; None for a tie or without others."""
    others = [vote for name, vote in votes.items() if name != annotator]
    return None if 2 * sum(others) == len(others) else 2 * sum(others) > len(others)


def _shares(checked: Iterable[tuple[_Key, bool]]) -> dict[_Key, Precision]:
    """The share of right answers by key, sorted by key."""
    counts: dict[_Key, list[int]] = {}
    for key, right in checked:
        found = counts.setdefault(key, [0, 0])
        found[0] += right
        found[1] += 1
    return {key: wilson(*counts[key]) for key in sorted(counts)}


#: Right answers in the prior of every annotator, so that ten adjudications cannot make their labels worthless.
PRIOR_CORRECT = 20
#: Lower bound of a weight, so that no annotator is ignored.
MIN_WEIGHT = 0.5


def annotator_weights(annotations: Sequence[Annotation], first: Sequence[Annotation] | None = None) -> dict[str, float]:
    """The weight of each annotator, in [0.5, 1], by name.

    With r of n decisions on adjudicated pairs agreeing, the weight is (r + 20) / (n + 20), but at least 0.5: the mean
    of a Beta posterior whose prior has twenty right answers (Gelman et al. 2013, section 2.4). Without adjudications it
    is 1.

    Args:
        annotations: current decisions, oldest first.
        first: first answers, which are checked; the current ones if None.
    """
    truth = accuracy_by_adjudication(annotations, annotations if first is None else first)
    found = {name: (each.right + PRIOR_CORRECT) / (each.labels + PRIOR_CORRECT) for name, each in truth.items()}
    return {each.annotator: max(MIN_WEIGHT, found.get(each.annotator, 1.0)) for each in annotations}


def label_weights(
    labels: Iterable[Label], annotations: Iterable[Annotation], first: Iterable[Annotation] | None = None
) -> dict[Pair, float]:
    """The weight of each label: the highest weight among the annotators who agree with it, 1 if adjudicated.

    Args:
        labels: with an answer. Decisions on other pairs are ignored, so that held-out pairs have no influence.
        annotations: current decisions, oldest first.
        first: first answers; the current ones if None.
    """
    by_pair = {label.pair: label for label in labels}
    relevant = [each for each in annotations if each.pair in by_pair]
    checked = relevant if first is None else [each for each in first if each.pair in by_pair]
    weights = annotator_weights(relevant, checked)
    found = {pair: 1.0 for pair, label in by_pair.items() if label.state is LabelState.ADJUDICATED}
    for each in relevant:
        label = by_pair[each.pair]
        counted = each.explicit or label.strength is Strength.IMPLIED
        if counted and each.match is label.match:
            found[each.pair] = max(found.get(each.pair, 0.0), weights[each.annotator])
    return found
