"""A sitting on the practice queries: the same acts as at the desk, kept in memory alone, and a word on each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.queue.item import Option, ReviewItem
from labels.model import Decision, Strength
from tui.practice.exercises import EXERCISES, Exercise

_STAYED = "Is there another one? {accept} accepts it and goes on; {next} goes on without."
_UNSURE = "Nothing learns from that, and it is better than a guess."
_TAKE_BACK = "{undo} takes it back."


@dataclass(frozen=True, slots=True)
class Word:
    """What is said of an act.

    Attributes:
        right: whether it was right; None where that is no question.
    """

    text: str
    right: bool | None = None


@dataclass(frozen=True, slots=True)
class _State:
    """The lessons that are left, the first of them on the screen, and what was said last."""

    left: tuple[Exercise, ...]
    word: Word

    @classmethod
    def at(cls, left: tuple[Exercise, ...]) -> "_State":
        return cls(left, Word(left[0].task if left else ""))


class Practice:
    """A `tui.ports.DecisionSession` that no ledger knows of. What is answered stays until one goes on."""

    def __init__(self, lessons: Sequence[Exercise] = EXERCISES) -> None:
        self.total = len(lessons)
        self._states = [_State.at(tuple(lessons))]
        self._undone: list[_State] = []

    @property
    def item(self) -> ReviewItem | None:
        """The query on the screen; None once all are done."""
        left = self._states[-1].left
        return left[0].item if left else None

    @property
    def number(self) -> int:
        """Which query it is, from 1."""
        return self.total - len(self._states[-1].left) + 1

    @property
    def word(self) -> Word:
        """What is to be said of the last act, or of the query."""
        return self._states[-1].word

    # -- deciding ------------------------------------------------------------------------------------------

    def accept(self, option: Option, on_screen: Sequence[Option], *, stay: bool = False) -> None:
        """Accept one candidate; the others that were on the screen are rejected, implied."""
        seen = {other.product.ref for other in on_screen}

        def decide(other: Option) -> Option:
            if other.product.ref == option.product.ref:
                return replace(other, decision=Decision.MATCH, strength=Strength.EXPLICIT)
            implied = other.product.ref in seen and other.strength is not Strength.EXPLICIT
            return replace(other, decision=Decision.NO_MATCH, strength=Strength.IMPLIED) if implied else other

        self._answer(decide, stay=stay)

    def reject(self, option: Option) -> bool:
        """Reject one candidate. Returns whether that was the last one open."""
        lesson = self._states[-1].left[0]
        last = all(o.decision is not None for o in lesson.item.options if o.product.ref != option.product.ref)
        rejected = replace(option, decision=Decision.NO_MATCH, strength=Strength.EXPLICIT)

        def decide(other: Option) -> Option:
            return rejected if other.product.ref == option.product.ref else other

        if last:
            self._answer(decide)
            return True
        apart = lesson.apart.get(option.product.id)
        self._note(_decided(lesson, decide), Word(apart or f"{lesson.missed} {_TAKE_BACK}", right=apart is not None))
        return False

    def none_match(self, on_screen: Sequence[Option]) -> None:
        """Reject what was on the screen, but what was accepted."""
        seen = {option.product.ref for option in on_screen}

        def decide(option: Option) -> Option:
            kept = option.product.ref not in seen or _accepted(option)
            return option if kept else replace(option, decision=Decision.NO_MATCH, strength=Strength.EXPLICIT)

        self._answer(decide)

    def unsure(self, option: Option) -> None:
        """Abstain on one candidate, and with it on the query."""
        abstained = replace(option, decision=Decision.UNSURE, strength=Strength.EXPLICIT)
        self._answer(lambda other: abstained if other.product.ref == option.product.ref else other)

    def skip(self) -> None:
        """Put the query off."""
        first, *others = self._states[-1].left
        self._enter(_State.at((*others, first)))

    def advance(self) -> ReviewItem | None:
        """Show the next query."""
        self._enter(_State.at(self._states[-1].left[1:]))
        return self.item

    # -- taking back ---------------------------------------------------------------------------------------

    def undo(self) -> bool:
        """Take back the last act. Returns whether there was one."""
        if len(self._states) > 1:
            self._undone.append(self._states.pop())
            return True
        return False

    def redo(self) -> bool:
        """Bring back what was taken back last. Returns whether there was something."""
        if self._undone:
            self._states.append(self._undone.pop())
            return True
        return False

    def _answer(self, decide: Callable[[Option], Option], *, stay: bool = False) -> None:
        lesson = _decided(self._states[-1].left[0], decide)
        lesson = replace(lesson, item=replace(lesson.item, answered=True))
        self._note(lesson, _said_of(lesson, stay=stay))

    def _note(self, lesson: Exercise, word: Word) -> None:
        self._enter(_State((lesson, *self._states[-1].left[1:]), word))

    def _enter(self, state: _State) -> None:
        self._states.append(state)
        self._undone.clear()


def _decided(lesson: Exercise, decide: Callable[[Option], Option]) -> Exercise:
    return replace(lesson, item=replace(lesson.item, options=tuple(map(decide, lesson.item.options))))


def _accepted(option: Option) -> bool:
    return option.decision is Decision.MATCH


def _said_of(lesson: Exercise, *, stay: bool) -> Word:
    """What is to be said of an answer."""
    accepted = [option.product.id for option in lesson.item.options if _accepted(option)]
    wrong = [candidate for candidate in accepted if candidate not in lesson.same]
    if any(option.decision is Decision.UNSURE for option in lesson.item.options):
        return Word(f"{_UNSURE} But look: {lesson.missed[0].lower()}{lesson.missed[1:]} {_TAKE_BACK}")
    if wrong:
        return Word(f"{lesson.apart[wrong[0]]} {_TAKE_BACK}", right=False)
    if lesson.same == set(accepted):
        return Word(lesson.right, right=True)
    if stay:
        return Word(_STAYED, right=True)
    return Word(f"{lesson.missed} {_TAKE_BACK}", right=False)
