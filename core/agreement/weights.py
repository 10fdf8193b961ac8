"""How much a label counts for who gave it, where the settings want that (`labels.weigh_annotators`)."""

from collections.abc import Iterable, Sequence

from core.agreement.truth import checked_by_truth
from labels.consensus import Label, State
from labels.model import Pair, Strength
from labels.said import Said

#: As many right answers everybody is credited with beforehand: ten rulings must not make anybody's labels worthless.
CREDIT = 20
#: An answer that is right no more often than a coin still says so; nobody is silenced.
LEAST = 0.5


def annotator_weights(said: Sequence[Said], first: Sequence[Said] | None = None) -> dict[str, float]:
    """The weight of each annotator's word, in [0.5, 1], by name.

    Of n decisions on adjudicated pairs, r as adjudicated, it is (r + 20) / (n + 20), and no less than a half: the mean
    of a Beta distribution that begins with twenty right answers (Gelman et al. 2013, section 2.4). With none
    adjudicated it is 1.

    Args:
        said: standing decisions, oldest first.
        first: first answers, which are what is checked; those that stand, where they are not known.
    """
    truth = checked_by_truth(said, said if first is None else first)
    found = {name: (each.right + CREDIT) / (each.labels + CREDIT) for name, each in truth.items()}
    return {each.annotator: max(LEAST, found.get(each.annotator, 1.0)) for each in said}


def label_weights(
    labels: Iterable[Label], said: Iterable[Said], first: Iterable[Said] | None = None
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
