"""What the decisions on a pair add up to: a label."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from labels.model import Pair, ProductRef, Side, Strength


class LabelState(StrEnum):
    """How firm a label is."""

    AGREED = "agreed"
    CONFLICTING = "conflicting"
    ADJUDICATED = "adjudicated"
    MAJORITY = "majority"


class Rule(StrEnum):
    """What settles a pair that people disagree about: an adjudication alone, or else the majority."""

    UNANIMOUS = "unanimous"
    MAJORITY = "majority"


@dataclass(frozen=True, slots=True)
class Label:
    """What the decisions on one pair add up to.

    Attributes:
        match: None while opinions conflict.
        strength: explicit where at least one decision that counted was.
        side: validation as soon as one decision that counted was.
        people: whether a person decided; else the machine did.
    """

    pair: Pair
    match: bool | None
    strength: Strength
    side: Side
    state: LabelState
    people: bool = True


@dataclass(frozen=True, slots=True)
class Votes:
    """How the decisions that are heard on one pair fall; the projection of this name says which are heard.

    Attributes:
        matches: how many say that it is a match.
        others: how many say that it is none.
    """

    pair: Pair
    matches: int
    others: int
    explicit: bool
    validation: bool
    adjudicated: bool
    people: bool

    def label(self, rule: Rule = Rule.UNANIMOUS) -> Label:
        """Adjudicated, else unanimous, else by majority where that is the rule, else a conflict."""
        if not (self.matches and self.others):
            state = LabelState.ADJUDICATED if self.adjudicated else LabelState.AGREED
        elif rule is Rule.MAJORITY and self.matches != self.others:
            state = LabelState.MAJORITY
        else:
            state = LabelState.CONFLICTING
        return Label(
            pair=self.pair,
            match=None if state is LabelState.CONFLICTING else self.matches > self.others,
            strength=Strength.EXPLICIT if self.explicit else Strength.IMPLIED,
            side=Side.VALIDATION if self.validation else Side.TRAIN,
            state=state,
            people=self.people,
        )


#: Steps of a chain that are told; a longer one is a tangle that nobody follows in one sentence.
_TOLD = 7


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Something that cannot be.

    Attributes:
        pairs: the pairs to look at again, each with a label of its own.
        words: what contradicts what, one sentence.
    """

    pairs: tuple[Pair, ...]
    words: str


def contradictions(labels: Iterable[Label], unique: Collection[str] = ()) -> list[Contradiction]:
    """The contradictions among labels; what an adjudication has confirmed is looked at no more.

    Args:
        labels: one per pair; conflicts have no answer and say nothing here.
        unique: sources that list no product twice.
    """
    labels = list(labels)
    same = _neighbours(label.pair for label in labels if label.match)
    component = _components(same)
    denied = [
        Contradiction((label.pair,), f"{_chain(same, label.pair)}; yet {_name(label.pair.query)} ≠ "
                      f"{_name(label.pair.candidate)}.")
        for label in labels
        if label.match is False
        and label.state is not LabelState.ADJUDICATED
        and component.get(label.pair.query, label.pair.query) == component.get(label.pair.candidate)
    ]  # fmt: skip
    return denied + _doubles(labels, unique)


def _doubles(labels: Iterable[Label], unique: Collection[str]) -> list[Contradiction]:
    """One candidate accepted for several queries of a source that lists no product twice."""
    accepted: dict[tuple[ProductRef, str], list[Label]] = {}
    for label in labels:
        if label.match and label.pair.query.source in unique:
            accepted.setdefault((label.pair.candidate, label.pair.query.source), []).append(label)
    return [
        Contradiction(
            tuple(label.pair for label in several),
            f"{_name(candidate)} was accepted for {', '.join(label.pair.query.id for label in several)};"
            f" {source} lists no product twice.",
        )
        for (candidate, source), several in accepted.items()
        if len(several) > 1 and not all(label.state is LabelState.ADJUDICATED for label in several)
    ]


def _neighbours(pairs: Iterable[Pair]) -> dict[ProductRef, list[ProductRef]]:
    found: dict[ProductRef, list[ProductRef]] = {}
    for one, other in pairs:
        found.setdefault(one, []).append(other)
        found.setdefault(other, []).append(one)
    return found


def _components(same: Mapping[ProductRef, list[ProductRef]]) -> dict[ProductRef, int]:
    """The number of the group of equal products that each product is in."""
    component: dict[ProductRef, int] = {}
    for start in same:
        if start in component:
            continue
        component[start], waiting = len(component), [start]
        while waiting:
            product = waiting.pop()
            for neighbour in same[product]:
                if neighbour not in component:
                    component[neighbour] = component[start]
                    waiting.append(neighbour)
    return component


def _chain(same: Mapping[ProductRef, list[ProductRef]], pair: Pair) -> str:
    """The shortest way from one end of a pair to the other over equal products, as `A = B = C`."""
    came_from: dict[ProductRef, ProductRef | None] = {pair.query: None}
    waiting = deque([pair.query])
    while waiting and pair.candidate not in came_from:
        product = waiting.popleft()
        for neighbour in same[product]:
            if neighbour not in came_from:
                came_from[neighbour] = product
                waiting.append(neighbour)
    steps: list[ProductRef] = []
    step: ProductRef | None = pair.candidate
    while step is not None:
        steps.append(step)
        step = came_from[step]
    names = [_name(ref) for ref in reversed(steps)]
    return " = ".join(names if len(names) <= _TOLD else [*names[:3], "…", *names[-3:]])


def _name(ref: ProductRef) -> str:
    return f"{ref.source} {ref.id}"
