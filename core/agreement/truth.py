"""What is taken for true: adjudications, and where there is none, what the others say."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from core.stats.wilson import Precision, wilson
from labels.model import Pair, Stream
from labels.said import Said

_Key = TypeVar("_Key", str, int)


def rulings(said: Iterable[Said]) -> dict[Pair, bool]:
    """The last adjudication of each pair that has one, by pair: whether it is a match.

    Args:
        said: standing decisions, oldest first.
    """
    return {
        each.pair: each.match for each in said if each.stream is Stream.ADJUDICATION and each.match is not None
    }  # fmt: skip


def opinions(said: Iterable[Said]) -> list[Said]:
    """The explicit decisions that can be right or wrong: no abstentions, and not the adjudications themselves."""
    return [
        each for each in said if each.explicit and each.match is not None and each.stream is not Stream.ADJUDICATION
    ]


def checked_by_truth(said: Sequence[Said], first: Sequence[Said] | None = None) -> dict[str, Precision]:
    """How often each annotator's first answers are as ruled, with the Wilson interval, by name.

    What comes to adjudication is contested: of two who contradict each other, one is wrong every time.

    Args:
        said: standing decisions, oldest first, the rulings among them.
        first: first answers; those that stand, where they are not known.
    """
    truth = rulings(said)
    checked = opinions(said if first is None else first)
    return _shares((each.annotator, each.match is truth[each.pair]) for each in checked if each.pair in truth)


def checked_by_hour(said: Sequence[Said], first: Sequence[Said], hours: dict[str, int]) -> dict[int, Precision]:
    """How often one annotator's first answers hold, by the hour of the sitting that they were given in.

    Args:
        said: everybody's standing decisions, the rulings among them.
        first: everybody's first answers.
        hours: from 1, by action; decisions of other actions are not looked at.
    """
    truth, votes = rulings(said), _votes(first)
    checked = []
    for each in opinions(first):
        if each.action in hours:
            right = truth.get(each.pair, _majority_of_others(votes[each.pair], each.annotator))
            if right is not None:
                checked.append((hours[each.action], each.match is right))
    return _shares(checked)


def _votes(said: Iterable[Said]) -> dict[Pair, dict[str, bool]]:
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
