"""Labels from the decisions of several annotators, and logical contradictions among labels."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from labels.model import Pair, ProductRef, Side, Strength


class LabelState(StrEnum):
    """How the label of a pair was reached."""

    AGREED = "agreed"
    CONFLICTING = "conflicting"
    ADJUDICATED = "adjudicated"
    MAJORITY = "majority"


class Rule(StrEnum):
    """What settles a pair that annotators disagree about: an adjudication alone, or also a majority."""

    UNANIMOUS = "unanimous"
    MAJORITY = "majority"


@dataclass(frozen=True, slots=True)
class Label:
    """The label of one pair.

    Attributes:
        match: None while the decisions conflict.
        strength: explicit where at least one decision that counts is.
        side: validation where at least one decision that counts is.
        people: whether people decided; else the machine did.
    """

    pair: Pair
    match: bool | None
    strength: Strength
    side: Side
    state: LabelState
    people: bool = True


@dataclass(frozen=True, slots=True)
class Votes:
    """The votes on one pair: a row of the projection `opinions`, whose SQL says which decisions count.

    Attributes:
        matches: the number of match decisions.
        others: the number of no_match decisions.
        explicit: whether they are explicit.
        validation: whether any of them is on the validation side.
        adjudicated: whether an adjudication settled the pair.
        people: whether people decided; else the machine did.
    """

    pair: Pair
    matches: int
    others: int
    explicit: bool
    validation: bool
    adjudicated: bool
    people: bool

    def label(self, rule: Rule = Rule.UNANIMOUS) -> Label:
        """The label: adjudicated, else unanimous, else by majority under that rule, else a conflict."""
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


#: Products of a chain that a message names; a longer chain is abbreviated in the middle.
_MAX_CHAIN = 7


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Labels that cannot all be right.

    Attributes:
        pairs: the labelled pairs to review again.
        words: the contradiction, one sentence.
    """

    pairs: tuple[Pair, ...]
    words: str


def contradictions(labels: Iterable[Label], unique: Collection[str] = ()) -> list[Contradiction]:
    """The contradictions among labels, without those that an adjudication has confirmed.

    A pair labelled as no match contradicts a chain of matches between its products; and a candidate matched to several
    queries contradicts a source without duplicates.

    Args:
        labels: one per pair; conflicting ones are ignored.
        unique: sources that list no product twice.
    """
    labels = list(labels)
    graph = match_graph(label.pair for label in labels if label.match)
    component = _components(graph)
    transitive = [
        Contradiction((label.pair,), f"{match_chain(graph, label.pair)}; yet {product_name(label.pair.query)} ≠ "
                      f"{product_name(label.pair.candidate)}.")
        for label in labels
        if label.match is False
        and label.state is not LabelState.ADJUDICATED
        and component.get(label.pair.query, label.pair.query) == component.get(label.pair.candidate)
    ]  # fmt: skip
    return transitive + _duplicates(labels, unique)


def _duplicates(labels: Iterable[Label], unique: Collection[str]) -> list[Contradiction]:
    """Candidates that were accepted for several queries of a source without duplicates."""
    accepted: dict[tuple[ProductRef, str], list[Label]] = {}
    for label in labels:
        if label.match and label.pair.query.source in unique:
            accepted.setdefault((label.pair.candidate, label.pair.query.source), []).append(label)
    return [
        Contradiction(
            tuple(label.pair for label in several),
            f"{product_name(candidate)} was accepted for {', '.join(label.pair.query.id for label in several)};"
            f" {source} lists no product twice.",
        )
        for (candidate, source), several in accepted.items()
        if len(several) > 1 and not all(label.state is LabelState.ADJUDICATED for label in several)
    ]


def match_graph(pairs: Iterable[Pair]) -> dict[ProductRef, list[ProductRef]]:
    """The adjacency lists of the undirected graph whose edges are the pairs."""
    found: dict[ProductRef, list[ProductRef]] = {}
    for one, other in pairs:
        found.setdefault(one, []).append(other)
        found.setdefault(other, []).append(one)
    return found


def _components(graph: Mapping[ProductRef, list[ProductRef]]) -> dict[ProductRef, int]:
    """The number of the connected component of each product."""
    component: dict[ProductRef, int] = {}
    for start in graph:
        if start in component:
            continue
        component[start], waiting = len(component), [start]
        while waiting:
            product = waiting.pop()
            for neighbour in graph[product]:
                if neighbour not in component:
                    component[neighbour] = component[start]
                    waiting.append(neighbour)
    return component


def match_chain(graph: Mapping[ProductRef, list[ProductRef]], pair: Pair) -> str:
    """The shortest path of matches between the products of a pair, as `A = B = C` (breadth-first search)."""
    came_from: dict[ProductRef, ProductRef | None] = {pair.query: None}
    waiting = deque([pair.query])
    while waiting and pair.candidate not in came_from:
        product = waiting.popleft()
        for neighbour in graph[product]:
            if neighbour not in came_from:
                came_from[neighbour] = product
                waiting.append(neighbour)
    steps: list[ProductRef] = []
    step: ProductRef | None = pair.candidate
    while step is not None:
        steps.append(step)
        step = came_from[step]
    names = [product_name(ref) for ref in reversed(steps)]
    return " = ".join(names if len(names) <= _MAX_CHAIN else [*names[:3], "…", *names[-3:]])


def product_name(ref: ProductRef) -> str:
    """A product as sentences name it: its source and id."""
    return f"{ref.source} {ref.id}"
