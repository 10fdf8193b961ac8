"""The practice session: the decisions of the review session on the exercises, in memory only, with feedback."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.queue.item import Option, ReviewItem
from labels.model import Decision, Strength
from tui.practice.exercises import EXERCISES, Exercise

_STAY_TEXT = "Is there another one? {accept} accepts it and goes on; {next} goes on without."
_UNSURE_TEXT = "Models are not trained on that, and it is better than a guess."
_UNDO_HINT = "{undo} undoes it."


@dataclass(frozen=True, slots=True)
class Feedback:
    """The feedback on an action.

    Attributes:
        text: one or two sentences.
        correct: whether the answer was correct; None if that does not apply.
    """

    text: str
    correct: bool | None = None


@dataclass(frozen=True, slots=True)
class _State:
    """The remaining exercises, the first of them on the screen, and the latest feedback."""

    left: tuple[Exercise, ...]
    feedback: Feedback

    @classmethod
    def at(cls, left: tuple[Exercise, ...]) -> "_State":
        return cls(left, Feedback(left[0].task if left else ""))


class Practice:
    """A `tui.ports.DecisionSession` without a ledger; an answered query stays until `advance`."""

    def __init__(self, exercises: Sequence[Exercise] = EXERCISES) -> None:
        self.total = len(exercises)
        self._states = [_State.at(tuple(exercises))]
        self._undone: list[_State] = []

    @property
    def item(self) -> ReviewItem | None:
        """The query on the screen; None after the last one."""
        left = self._states[-1].left
        return left[0].item if left else None

    @property
    def number(self) -> int:
        """The number of the query, from 1."""
        return self.total - len(self._states[-1].left) + 1

    @property
    def feedback(self) -> Feedback:
        """The feedback on the last action, or the task."""
        return self._states[-1].feedback

    # -- deciding ------------------------------------------------------------------------------------------

    def accept(self, option: Option, on_screen: Sequence[Option], *, stay: bool = False) -> None:
        """Accept a candidate; the others on the screen are rejected implicitly."""
        seen = {other.product.ref for other in on_screen}

        def decide(other: Option) -> Option:
            if other.product.ref == option.product.ref:
                return replace(other, decision=Decision.MATCH, strength=Strength.EXPLICIT)
            implied = other.product.ref in seen and other.strength is not Strength.EXPLICIT
            return replace(other, decision=Decision.NO_MATCH, strength=Strength.IMPLIED) if implied else other

        self._answer(decide, stay=stay)

    def reject(self, option: Option) -> bool:
        """Reject a candidate. Returns whether it was the last undecided one."""
        exercise = self._states[-1].left[0]
        last = all(o.decision is not None for o in exercise.item.options if o.product.ref != option.product.ref)
        rejected = replace(option, decision=Decision.NO_MATCH, strength=Strength.EXPLICIT)

        def decide(other: Option) -> Option:
            return rejected if other.product.ref == option.product.ref else other

        if last:
            self._answer(decide)
            return True
        difference = exercise.differences.get(option.product.id)
        text = difference or f"{exercise.hint} {_UNDO_HINT}"
        self._note(_with_decisions(exercise, decide), Feedback(text, correct=difference is not None))
        return False

    def none_match(self, on_screen: Sequence[Option]) -> None:
        """Reject all candidates on the screen that were not accepted."""
        seen = {option.product.ref for option in on_screen}

        def decide(option: Option) -> Option:
            keep = option.product.ref not in seen or _accepted(option)
            return option if keep else replace(option, decision=Decision.NO_MATCH, strength=Strength.EXPLICIT)

        self._answer(decide)

    def unsure(self, option: Option) -> None:
        """Abstain on a candidate, and with it on the query."""
        abstained = replace(option, decision=Decision.UNSURE, strength=Strength.EXPLICIT)
        self._answer(lambda other: abstained if other.product.ref == option.product.ref else other)

    def skip(self) -> None:
        """Move the query to the end."""
        first, *others = self._states[-1].left
        self._enter(_State.at((*others, first)))

    def advance(self) -> ReviewItem | None:
        """Go to the next query."""
        self._enter(_State.at(self._states[-1].left[1:]))
        return self.item

    # -- undo ----------------------------------------------------------------------------------------------

    def undo(self) -> bool:
        """Undo the last action. Returns whether there was one."""
        if len(self._states) > 1:
            self._undone.append(self._states.pop())
            return True
        return False

    def redo(self) -> bool:
        """Redo the action undone last. Returns whether there was one."""
        if self._undone:
            self._states.append(self._undone.pop())
            return True
        return False

    def _answer(self, decide: Callable[[Option], Option], *, stay: bool = False) -> None:
        exercise = _with_decisions(self._states[-1].left[0], decide)
        exercise = replace(exercise, item=replace(exercise.item, answered=True))
        self._note(exercise, _feedback_on(exercise, stay=stay))

    def _note(self, exercise: Exercise, feedback: Feedback) -> None:
        self._enter(_State((exercise, *self._states[-1].left[1:]), feedback))

    def _enter(self, state: _State) -> None:
        self._states.append(state)
        self._undone.clear()


def _with_decisions(exercise: Exercise, decide: Callable[[Option], Option]) -> Exercise:
    return replace(exercise, item=replace(exercise.item, options=tuple(map(decide, exercise.item.options))))


def _accepted(option: Option) -> bool:
    return option.decision is Decision.MATCH


def _feedback_on(exercise: Exercise, *, stay: bool) -> Feedback:
    """The feedback on an answer."""
    accepted = [option.product.id for option in exercise.item.options if _accepted(option)]
    wrong = [candidate for candidate in accepted if candidate not in exercise.matches]
    if any(option.decision is Decision.UNSURE for option in exercise.item.options):
        return Feedback(f"{_UNSURE_TEXT} But look: {exercise.hint[0].lower()}{exercise.hint[1:]} {_UNDO_HINT}")
    if wrong:
        return Feedback(f"{exercise.differences[wrong[0]]} {_UNDO_HINT}", correct=False)
    if exercise.matches == set(accepted):
        return Feedback(exercise.explanation, correct=True)
    if stay:
        return Feedback(_STAY_TEXT, correct=True)
    return Feedback(f"{exercise.hint} {_UNDO_HINT}", correct=False)
