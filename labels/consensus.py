"""What the decisions on a pair add up to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from labels.model import MACHINE, CurrentDecision, Decision, Pair, Side, Stream, Strength


class State(StrEnum):
    """How firm a label is."""

    AGREED = "agreed"
    CONFLICTING = "conflicting"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True, slots=True)
class Label:
    """What the decisions on one pair add up to.

    Attributes:
        match: None while opinions conflict.
        strength: explicit where at least one decision that counted was.
        side: validation as soon as one decision that counted was.
    """

    pair: Pair
    match: bool | None
    strength: Strength
    side: Side
    state: State


def consensus(decisions: Iterable[CurrentDecision]) -> dict[Pair, Label]:
    """One label per pair: adjudicated, else unanimous, else a conflict. Abstentions do not count.

    People outweigh the machine. Explicit decisions outweigh implied ones: where anybody decided on the very pair,
    what follows from other decisions is not heard.
    """
    by_pair: dict[Pair, list[CurrentDecision]] = {}
    for decision in decisions:
        if decision.decision is not Decision.UNSURE:
            by_pair.setdefault(decision.pair, []).append(decision)
    return {pair: _label(pair, opinions) for pair, opinions in by_pair.items()}


def _label(pair: Pair, everyone: list[CurrentDecision]) -> Label:
    opinions = [o for o in everyone if o.annotator != MACHINE] or everyone
    adjudicated = [o for o in opinions if o.stream is Stream.ADJUDICATION]
    explicit = [o for o in opinions if o.strength is Strength.EXPLICIT]
    heard = adjudicated[-1:] or explicit or opinions
    verdicts = {o.decision for o in heard}
    side = Side.VALIDATION if any(o.side is Side.VALIDATION for o in opinions) else Side.TRAIN
    strength = Strength.EXPLICIT if explicit else Strength.IMPLIED
    if len(verdicts) > 1:
        return Label(pair, None, strength, side, State.CONFLICTING)
    state = State.ADJUDICATED if adjudicated else State.AGREED
    return Label(pair, verdicts == {Decision.MATCH}, strength, side, state)
