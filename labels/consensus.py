"""What the decisions on a pair add up to: a label."""

from dataclasses import dataclass
from enum import StrEnum

from labels.model import Pair, Side, Strength


class State(StrEnum):
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
    state: State
    people: bool = True


@dataclass(frozen=True, slots=True)
class Opinions:
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
            state = State.ADJUDICATED if self.adjudicated else State.AGREED
        elif rule is Rule.MAJORITY and self.matches != self.others:
            state = State.MAJORITY
        else:
            state = State.CONFLICTING
        return Label(
            pair=self.pair,
            match=None if state is State.CONFLICTING else self.matches > self.others,
            strength=Strength.EXPLICIT if self.explicit else Strength.IMPLIED,
            side=Side.VALIDATION if self.validation else Side.TRAIN,
            state=state,
            people=self.people,
        )
